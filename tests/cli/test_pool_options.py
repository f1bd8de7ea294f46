"""The pool without --pool or --candidate."""

import pytest

from lightrouter_graph.cli.pool_options import POCKET, open_pool
from lightrouter_graph.errors import PoolError


@pytest.fixture(autouse=True)
def _nothing_configured(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OLLAMA_HOST", "http://127.0.0.1:9")


def test_without_configuration_the_demo_models_are_used_and_announced():
    source = open_pool(None, None)
    assert source.pool.names == ("general", "shares", "products", "sums", "quick")
    assert source.announcement == POCKET
    assert source.aggregator is not None


def test_a_broken_pool_file_is_an_error(tmp_path):
    (tmp_path / "lightrouter.toml").write_text("[[candidate]]\nmodel = 'pocket:huge'\n")
    with pytest.raises(PoolError, match=r"is not a pocket model.*; known: pocket:general, "):
        open_pool(None, None)


def test_specs_need_no_aggregator():
    source = open_pool(None, ["pocket:general", "pocket:sums"])
    assert source.pool.names == ("pocket:general", "pocket:sums")
    assert (source.announcement, source.aggregator) == ("", None)

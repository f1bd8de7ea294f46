"""Where the models come from when nobody says."""

import pytest

from lightrouter_graph.cli.pool_options import POCKET, open_pool
from lightrouter_graph.errors import PoolError


@pytest.fixture(autouse=True)
def _nothing_configured(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OLLAMA_HOST", "http://127.0.0.1:9")


def test_with_nothing_configured_the_models_that_come_along_are_asked_and_announced():
    source = open_pool(None, None)
    assert source.pool.names == ("general", "shares", "products", "sums", "quick")
    assert source.announcement == POCKET
    assert source.aggregator is not None


def test_what_is_configured_and_cannot_be_used_is_not_covered_up(tmp_path):
    (tmp_path / "lightrouter.toml").write_text("[[candidate]]\nmodel = 'pocket:huge'\n")
    with pytest.raises(PoolError, match="the pocket models are pocket:general, "):
        open_pool(None, None)


def test_specs_that_are_given_need_no_merger():
    source = open_pool(None, ["pocket:general", "pocket:sums"])
    assert source.pool.names == ("pocket:general", "pocket:sums")
    assert (source.announcement, source.aggregator) == ("", None)

import dataclasses

import pytest
from langchain_core.language_models.fake_chat_models import FakeListChatModel
from langchain_openai import ChatOpenAI

from lightrouter_graph.errors import PoolError
from lightrouter_graph.pool import Candidate, Pool
from lightrouter_graph.providers.table import PROVIDERS


def candidate(name: str) -> Candidate:
    return Candidate(name, FakeListChatModel(responses=[name]))


def test_a_pool_keeps_its_order():
    members = [candidate(name) for name in "zam"]
    pool = Pool(members)
    assert pool.names == ("z", "a", "m")
    assert list(pool) == members
    assert len(pool) == 3


def test_a_pool_takes_specs_and_models_under_their_own_names(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-verysecretvalue42")
    pool = Pool(["openai:gpt-4o-mini", ChatOpenAI(model="gpt-4o"), candidate("mine")])
    assert pool.names == ("openai:gpt-4o-mini", "gpt-4o", "mine")
    assert "verysecret" not in repr(pool)


def test_a_candidate_is_found_by_name():
    pool = Pool([candidate("a"), candidate("b")])
    assert pool["b"].name == "b"
    assert "a" in pool
    assert pool["a"] in pool
    assert "c" not in pool
    assert candidate("a") not in pool
    with pytest.raises(PoolError, match=r"no candidate 'c' in the pool; there are: a, b$"):
        pool["c"]
    with pytest.raises(PoolError, match=r"did you mean 'mini'\?"):
        Pool([candidate("mini"), candidate("b")])["minni"]


def test_a_pool_needs_candidates():
    with pytest.raises(PoolError, match="at least one"):
        Pool([])


def test_names_are_unique():
    with pytest.raises(PoolError, match="'a', 'b'"):
        Pool([candidate(name) for name in "abcab"])


@pytest.mark.parametrize("members", ["openai:gpt-4o", candidate("a"), FakeListChatModel(responses=["x"])])
def test_a_single_candidate_is_an_error(members):
    with pytest.raises(PoolError, match="needs a list"):
        Pool(members)


def test_an_item_of_another_type_is_an_error():
    with pytest.raises(PoolError, match="got int"):
        Pool([3])


def test_a_pool_does_not_change():
    pool = Pool([candidate("a")])
    with pytest.raises(dataclasses.FrozenInstanceError):
        pool.candidates = ()
    assert repr(pool) == "Pool([Candidate('a', FakeListChatModel)])"


def test_a_pool_comes_from_a_file(tmp_path):
    path = tmp_path / "lightrouter.toml"
    path.write_text('[[candidate]]\nmodel = "ollama:qwen3:8b"\n')
    assert Pool.from_toml(path).names == ("ollama:qwen3:8b",)


def test_a_pool_comes_from_the_environment(monkeypatch):
    for row in PROVIDERS.values():
        monkeypatch.delenv(row.api_key_env or "", raising=False)
    monkeypatch.setenv("GROQ_API_KEY", "gsk_verysecretvalue42")
    assert Pool.from_env(probe=False).names == ("groq:openai/gpt-oss-120b", "groq:openai/gpt-oss-20b")
    assert Pool.from_env({"DEEPSEEK_API_KEY": "x"}, probe=False).names == (
        "deepseek:deepseek-v4-pro",
        "deepseek:deepseek-flash",
    )


def test_the_name_of_a_spec_has_its_address_only_if_needed():
    assert Pool(["vllm:a@http://x/v1", "vllm:b@http://x/v1"]).names == ("vllm:a", "vllm:b")
    apart = ["vllm:a@http://x/v1", "vllm:a@http://y/v1"]
    assert Pool(apart).names == tuple(apart)

"""The pool file that is written from the environment is a valid pool file with the same candidates."""

import re

import pytest

from lightrouter_graph.errors import PoolError
from lightrouter_graph.pool.environment import find_candidates
from lightrouter_graph.pool.template import pool_file_template
from lightrouter_graph.pool.toml_file import POOL_KEYS, read_pool_file

SECRET = "sk-verysecretvalue42"
ENV = {"OPENAI_API_KEY": SECRET, "DEEPSEEK_API_KEY": SECRET}


@pytest.fixture
def read(tmp_path):
    def read(text, env):
        path = tmp_path / "lightrouter.toml"
        path.write_text(text, encoding="utf-8")
        return read_pool_file(path, env)

    return read


def test_the_file_has_the_candidates_of_the_environment(read):
    text = pool_file_template(ENV, probe=False)
    written, found = read(text, ENV), find_candidates(ENV, probe=False)
    assert [candidate.name for candidate in written] == [candidate.name for candidate in found]
    assert [candidate.price for candidate in written] == [candidate.price for candidate in found]
    efforts = [getattr(candidate.model, "reasoning_effort", None) for candidate in written]
    assert efforts == [getattr(candidate.model, "reasoning_effort", None) for candidate in found]
    assert SECRET not in text


def test_every_key_is_explained():
    text = pool_file_template(ENV, probe=False)
    assert [key.name for key in POOL_KEYS if f"#   {key.name} (" not in text] == []
    assert "model (text; required)" in text


def test_a_named_local_server_is_probed(read):
    env = {**ENV, "OLLAMA_HOST": "http://127.0.0.1:9"}
    assert len(read(pool_file_template(env), env)) == len(find_candidates(env, probe=False))


def test_without_models_the_candidates_are_comments(read):
    text = pool_file_template({}, probe=False)
    with pytest.raises(PoolError, match=r"\[\[candidate\]\]"):
        read(text, {})
    blocks, keys = text.split("# Keys of a")
    uncommented = re.sub(r"(?m)^# (?=\[\[|model|reasoning)", "", blocks) + f"# Keys of a{keys}"
    env = dict.fromkeys(re.findall(r"# (\w+_API_KEY)", text), SECRET)
    assert len(read(uncommented, env)) == len(env) == 10

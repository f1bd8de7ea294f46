"""Options of pool files and candidates: sampling, headers, body fields, time limit, context window, samples."""

import re

import pytest
from langchain_core.callbacks import BaseCallbackHandler

from lightrouter_graph import Candidate, NoSurvivorError, Pool, PoolError, create_lightrouter
from lightrouter_graph.pool.toml_file import read_pool_file
from lightrouter_graph.redaction import secrets_of
from lightrouter_graph.testing import ScriptedChatModel

KEY = "sk-verysecretvalue42"

OLD_FORM = """
[[candidate]]
name = "mini"
model = "openai:gpt-4o-mini"
price = { input = 0.75, output = 4.5, cached_input = 0.1 }
temperature = 0.2
tags = ["fast"]
api_key_env = "MY_KEY"
max_concurrency = 1
limit_parameter = "max_tokens"
continuation = "prefill"
json_mode = "json_object"
reasoning_effort = "low"

[[candidate]]
model = "vllm:Qwen/Qwen3-8B"
base_url = "http://localhost:8000/v1"
"""

HEADER, FIELD = "header-value-of-the-team", "field-value-of-the-team"


def test_a_pool_file_of_version_0_1_still_loads(tmp_path):
    path = tmp_path / "old.toml"
    path.write_text(OLD_FORM)
    mini, qwen = read_pool_file(path, {"MY_KEY": KEY})
    assert (mini.name, mini.model.temperature, mini.tags, mini.max_concurrency) == ("mini", 0.2, ("fast",), 1)
    assert (mini.limit_parameter, mini.continuation, mini.json_mode) == ("max_tokens", "prefill", "json_object")
    assert mini.model.reasoning_effort == "low"
    assert mini.samples == 1
    assert str(qwen.model.root_async_client.base_url) == "http://localhost:8000/v1/"


def test_every_option_reaches_the_model(tmp_path):
    path = tmp_path / "new.toml"
    path.write_text(
        '[[candidate]]\nmodel = "llamacpp:m"\ntop_p = 0.9\ntimeout_s = 7\ncontext = 4096\nsamples = 2\n'
        f'headers = {{ X-Team = "{HEADER}" }}\nextra_body = {{ min_p = 0.1, nested = {{ note = "{FIELD}" }} }}\n'
    )
    pool = Pool.from_toml(path)
    model = pool["llamacpp:m"].model
    assert pool.names == ("llamacpp:m", "llamacpp:m#2")
    assert (model.top_p, model.profile["max_input_tokens"], pool["llamacpp:m#2"].timeout_s) == (0.9, 4096, 7)
    assert model.root_async_client.default_headers["X-Team"] == HEADER
    assert model._get_request_payload([])["extra_body"] == {"min_p": 0.1, "nested": {"note": FIELD}}
    assert pool["llamacpp:m"].context == 4096
    assert {HEADER, FIELD} <= set(secrets_of(model))
    assert HEADER not in repr(pool)
    assert FIELD not in repr(pool)


def test_the_body_fields_are_laid_over_those_that_switch_reasoning_off():
    built = Candidate("a", "vllm:m@http://localhost:1", reasoning_effort="none", extra_body={"top_k": 5})
    assert built.model.extra_body == {"chat_template_kwargs": {"enable_thinking": False}, "top_k": 5}


BAD_OPTIONS = [
    ("top_p", 0, "top_p: Input should be greater than 0"),
    ("top_p", 1.5, "top_p: Input should be less than or equal to 1"),
    ("top_p", "0.5", "top_p: Input should be a valid number"),
    ("temperature", 3, "temperature: Input should be less than or equal to 2"),
    ("headers", {"X-A": 1}, "headers.X-A: Input should be a valid string"),
    ("headers", {"X A": "b"}, "headers: a header has a name of letters"),
    ("headers", {"X-A": "hidden\r\nX-B: c"}, "headers: a header has a name of letters"),
    ("headers", ["X-A"], "headers: Input should be a valid dictionary"),
    ("extra_body", "hidden", "extra_body: Input should be a valid dictionary"),
    ("base_url", "localhost:1", "base_url: address 'localhost:1' is not of the form"),
    ("api_key_env", "", "api_key_env: String should have at least 1 character"),
    ("reasoning_effort", 3, "reasoning_effort: Input should be a valid string"),
]


@pytest.mark.parametrize(("option", "value", "why"), BAD_OPTIONS)
def test_an_option_with_a_wrong_value_is_named_without_the_value(option, value, why):
    with pytest.raises(PoolError, match=re.escape(f"candidate 'a': {why}")) as caught:
        Candidate("a", "vllm:m@http://localhost:1", **{option: value})
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [("context", "0"), ("context", '"4k"'), ("samples", "0"), ("samples", "1.5"), ("samples", "true")]
    + [("timeout_s", value) for value in ("0", "inf", '"5"')],
)
def test_a_number_in_a_file_is_checked(tmp_path, key, value):
    path = tmp_path / "pool.toml"
    path.write_text(f'[[candidate]]\nmodel = "pocket:general"\n{key} = {value}\n')
    with pytest.raises(PoolError, match=f"{key}: Input should be"):
        read_pool_file(path)


def test_options_are_for_specs_only():
    with pytest.raises(PoolError, match="candidate 'a' has a chat model: set top_p, headers on that"):
        Candidate("a", ScriptedChatModel(responses="4"), top_p=0.5, headers={"X-A": "b"})
    with pytest.raises(PoolError, match="headers can be set only on providers with an OpenAI-compatible endpoint"):
        Candidate("a", "pocket:general", headers={"X-A": "b"})
    with pytest.raises(PoolError, match="write it once"):
        Candidate("a", "vllm:m@http://localhost:1", base_url="http://localhost:2")


def test_a_context_window_is_part_of_the_profile_of_any_model():
    model = ScriptedChatModel(responses="4")
    candidate = Candidate("a", model, context=2048)
    assert candidate.model.profile == {"max_input_tokens": 2048}
    assert model.profile is None
    assert Candidate("b", model).model is model


async def test_options_appear_in_no_trace_and_no_error():
    seen = []

    class Tracer(BaseCallbackHandler):
        def on_chat_model_start(self, serialized, messages, **kwargs):
            seen.append(f"{serialized} {kwargs}")

    options = {"headers": {"X-Team": HEADER}, "extra_body": {"nested": {"note": FIELD}}}
    pool = Pool([Candidate("a", "vllm:m@http://127.0.0.1:9", timeout_s=1.0, **options)])
    graph = create_lightrouter(pool, calls={"max_retries": 0}).compile()
    with pytest.raises(NoSurvivorError) as caught:
        await graph.ainvoke({"messages": [("user", "hi")]}, {"callbacks": [Tracer()]})
    assert seen
    assert not {HEADER, FIELD} & {word for text in (*seen, str(caught.value)) for word in re.findall(r"[\w-]+", text)}

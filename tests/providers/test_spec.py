"""Model specs: provider, model name and URL; an unusable one names what to write instead."""

import pytest

from lightrouter_graph.errors import PoolError
from lightrouter_graph.providers.spec import ModelSpec, base_url_of, parse_spec, unknown_provider


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("openai:gpt-5.4-mini", ModelSpec("openai", "gpt-5.4-mini")),
        ("ollama:qwen2.5:7b", ModelSpec("ollama", "qwen2.5:7b")),
        ("openrouter:meta-llama/llama-3:free", ModelSpec("openrouter", "meta-llama/llama-3:free")),
        ("vllm:Qwen/Q@http://h:8000/v1", ModelSpec("vllm", "Qwen/Q", "http://h:8000/v1")),
        ("vllm:a@b:c@https://h/v1", ModelSpec("vllm", "a@b:c", "https://h/v1")),
        ("vllm:a@http://x@http://h/v1", ModelSpec("vllm", "a@http://x", "http://h/v1")),
        ("google_genai:models/x@001", ModelSpec("google_genai", "models/x@001")),
        (" OpenAI : gpt-4o ", ModelSpec("openai", "gpt-4o")),
    ],
)
def test_a_spec_names_provider_model_and_address(text, spec):
    assert parse_spec(text) == spec
    assert parse_spec(str(spec)) == spec


@pytest.mark.parametrize("text", ["", "gpt-4o", ":gpt-4o", "openai:", "openai: ", "openai:a\nb", "@http://h/v1"])
def test_a_spec_without_provider_or_model_is_an_error(text):
    with pytest.raises(PoolError, match="provider:model") as caught:
        parse_spec(text)
    assert repr(text)[1:-1] in str(caught.value)
    assert "deepseek" in str(caught.value)


def test_a_key_pasted_as_a_spec_is_not_repeated():
    with pytest.raises(PoolError) as caught:
        parse_spec("sk-proj-abcdefghijklmnop")
    assert "abcdefghijklmnop" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("", "http://127.0.0.1:11434/v1"),
        ("box", "http://box:11434/v1"),
        ("box:99", "http://box:99/v1"),
        ("0.0.0.0", "http://127.0.0.1:11434/v1"),
        ("0.0.0.0:99", "http://127.0.0.1:99/v1"),
        ("http://box:99/", "http://box:99/v1"),
        ("https://box/ollama/v1", "https://box/ollama/v1"),
    ],
)
def test_ollama_host_has_the_formats_of_ollama(value, url):
    assert base_url_of(ModelSpec("ollama", "m"), {"OLLAMA_HOST": value}) == url


def test_the_address_of_the_spec_comes_before_that_of_the_environment():
    env = {"VLLM_BASE_URL": "http://b:2/v1"}
    assert base_url_of(ModelSpec("vllm", "m", "http://a:1"), env) == "http://a:1/v1"
    assert base_url_of(ModelSpec("vllm", "m"), env) == "http://b:2/v1"


def test_a_vllm_model_without_an_address_says_how_to_give_one():
    with pytest.raises(PoolError, match="VLLM_BASE_URL") as caught:
        base_url_of(ModelSpec("vllm", "m"), {})
    assert "vllm:m@http://" in str(caught.value)


@pytest.mark.parametrize("text", ["openai/gpt-5-mini", "OpenAI/gpt-5-mini@http://127.0.0.1:1/v1"])
def test_a_slash_after_the_provider_is_corrected(text):
    with pytest.raises(PoolError, match=r"did you mean '[Oo]pen[Aa][Ii]:gpt-5-mini'\?"):
        parse_spec(text)


@pytest.mark.parametrize("text", ["llama/gpt-5-mini", "openai/", "gpt-4o"])
def test_no_correction_is_invented(text):
    with pytest.raises(PoolError) as caught:
        parse_spec(text)
    assert "did you mean" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "fixed"),
    [
        ("vllm:m@localhost:9003", "vllm:m@http://localhost:9003/v1"),
        ("vllm:m@localhost", "vllm:m@http://localhost/v1"),
        ("openai:m@10.0.0.7/v2", "openai:m@http://10.0.0.7/v2"),
        ("vllm:org/m@gpu-box.lan:8000/v1", "vllm:org/m@http://gpu-box.lan:8000/v1"),
    ],
)
def test_an_address_without_a_scheme_is_corrected(text, fixed):
    with pytest.raises(PoolError, match="must begin with http://") as caught:
        parse_spec(text)
    assert str(caught.value).endswith(f"write {fixed}")
    assert str(parse_spec(fixed)) == fixed


@pytest.mark.parametrize("text", ["google_genai:models/x@001", "ollama:m@sha256:0123456789", "vllm:a@b:c"])
def test_an_at_sign_in_a_model_name_is_no_address(text):
    assert parse_spec(text).base_url is None


@pytest.mark.parametrize(("name", "meant"), [("opanai", "openai"), ("vlm", "vllm"), ("antropic", "anthropic")])
def test_an_unknown_provider_is_corrected(name, meant):
    message = unknown_provider(name, "anthropic, cohere")
    assert f"unknown provider {name!r} (did you mean {meant!r}?)" in message
    assert "through LangChain: anthropic, cohere" in message

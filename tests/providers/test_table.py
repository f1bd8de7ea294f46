import pytest

from lightrouter_graph.errors import PoolError
from lightrouter_graph.providers import PROVIDERS, ModelSpec, base_url_of, checked_url, parse_spec


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
def test_a_spec_without_provider_or_model_is_refused(text):
    with pytest.raises(PoolError, match="provider:model") as caught:
        parse_spec(text)
    assert repr(text)[1:-1] in str(caught.value)
    assert "deepseek" in str(caught.value)


def test_a_key_pasted_as_a_spec_is_not_repeated():
    with pytest.raises(PoolError) as caught:
        parse_spec("sk-proj-abcdefghijklmnop")
    assert "abcdefghijklmnop" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["http://", "ftp://host", "host", "http://host:notaport", "http://h:99999", "http://[x"]
)
def test_an_address_needs_scheme_and_host(url):
    with pytest.raises(PoolError, match="http://host:port"):
        checked_url(url)


@pytest.mark.parametrize("url", ["http://u:hunter2@host/v1", "http://hunter2@host/v1", "http://host/v1?key=hunter2"])
def test_an_address_must_not_hold_secrets_and_they_are_not_repeated(url):
    with pytest.raises(PoolError, match="leave them out") as caught:
        checked_url(url)
    assert "hunter2" not in str(caught.value)
    with pytest.raises(PoolError):
        parse_spec(f"vllm:m@{url}")


@pytest.mark.parametrize(
    ("said", "url"),
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
def test_an_ollama_host_may_be_written_as_ollama_itself_takes_it(said, url):
    assert base_url_of(ModelSpec("ollama", "m"), {"OLLAMA_HOST": said}) == url


def test_the_address_of_the_spec_comes_before_that_of_the_environment():
    env = {"VLLM_BASE_URL": "http://b:2/v1"}
    assert base_url_of(ModelSpec("vllm", "m", "http://a:1"), env) == "http://a:1/v1"
    assert base_url_of(ModelSpec("vllm", "m"), env) == "http://b:2/v1"


def test_a_vllm_model_without_an_address_says_how_to_give_one():
    with pytest.raises(PoolError, match="VLLM_BASE_URL") as caught:
        base_url_of(ModelSpec("vllm", "m"), {})
    assert "vllm:m@http://" in str(caught.value)


def test_the_table_is_whole():
    for name, row in PROVIDERS.items():
        assert row.base_url or row.base_url_variable, name
        assert row.key_variable or not row.needs_key, name
        assert bool(row.default_models) == row.needs_key == bool(row.price_id), name

import logging
import subprocess
import sys

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langchain_openai import ChatOpenAI
from langchain_openai.chat_models.base import BaseChatOpenAI

from lightrouter_graph.errors import PoolError
from lightrouter_graph.providers.building import MAX_RETRIES, TIMEOUT_S, build_model
from lightrouter_graph.providers.known import ALIASES
from lightrouter_graph.providers.table import PROVIDERS

KEY = "sk-verysecretvalue42"
WITHOUT_ADDRESS = {name: row for name, row in PROVIDERS.items() if row.base_url is None}
ENV = {row.api_key_env: KEY for row in PROVIDERS.values() if row.api_key_env} | {
    row.base_url_env: "http://127.0.0.1:1/v1" for row in WITHOUT_ADDRESS.values()
}
HOSTED = [name for name, row in PROVIDERS.items() if row.key_required]


def built(spec: str, **settings) -> BaseChatOpenAI:
    model = build_model(spec, **{"env": ENV, **settings})
    assert isinstance(model, BaseChatOpenAI)
    return model


def payload(model: BaseChatOpenAI, *messages, **parameters):
    return model._get_request_payload(list(messages) or [HumanMessage("hi")], **parameters)


@pytest.mark.parametrize(("name", "row"), PROVIDERS.items())
def test_the_output_limit_is_sent_under_the_name_of_the_endpoint(name, row):
    sent = payload(built(f"{name}:some/model"), **{row.limit_parameter: 5})
    assert sent[row.limit_parameter] == 5
    assert {"max_tokens", "max_completion_tokens"} & sent.keys() == {row.limit_parameter}
    assert sent["model"] == "some/model"


@pytest.mark.parametrize("name", PROVIDERS)
def test_streams_have_usage_and_can_be_cancelled_and_retries_are_few(name):
    model = built(f"{name}:m")
    assert model.stream_usage is True
    assert model.stream_chunk_timeout == 0
    assert model.max_retries == MAX_RETRIES
    assert model.request_timeout == TIMEOUT_S


@pytest.mark.parametrize("name", PROVIDERS)
def test_traces_name_the_real_provider(name):
    metadata = built(f"{name}:m").metadata
    assert metadata["ls_provider"] == name
    assert metadata["ls_model_name"] == "m"


@pytest.mark.parametrize("name", PROVIDERS)
def test_calls_go_to_the_providers_address(name):
    expected = PROVIDERS[name].base_url or "http://127.0.0.1:1/v1"
    assert str(built(f"{name}:m").root_async_client.base_url).rstrip("/") == expected


def test_the_process_environment_does_not_divert_other_providers(monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://elsewhere/v1")
    monkeypatch.setenv("OPENAI_API_BASE", "http://elsewhere/v1")
    assert "groq.com" in str(built("groq:m").root_async_client.base_url)


def test_a_proxy_for_openai_is_read_from_the_environment():
    model = built("openai:m", env={**ENV, "OPENAI_BASE_URL": "http://proxy:1/v1"})
    assert str(model.root_async_client.base_url) == "http://proxy:1/v1/"


def test_the_key_is_sent_and_shown_nowhere():
    model = built("groq:m")
    assert model.root_async_client.api_key == KEY
    assert KEY not in repr(model)
    assert KEY not in str(model.metadata)


@pytest.mark.parametrize("name", HOSTED)
def test_a_missing_key_names_its_variable(name):
    variable = PROVIDERS[name].api_key_env
    address = "@http://gpu-box:1/v1" if name in WITHOUT_ADDRESS else ""
    for env in ({}, {variable: "  "}):
        with pytest.raises(PoolError, match=f"set the environment variable {variable}"):
            build_model(f"{name}:m{address}", env=env)


@pytest.mark.parametrize("name", [*PROVIDERS, *ALIASES])
@pytest.mark.parametrize("host", ["127.0.0.1:9", "127.8.9.1:9", "localhost:9", "[::1]:9"])
def test_no_name_needs_a_key_on_this_machine(name, host):
    client = built(f"{name}:m@http://{host}", env={}).root_async_client
    path = PROVIDERS[ALIASES.get(name, name)].default_path or "/v1"
    assert (client.api_key, str(client.base_url)) == ("none-needed", f"http://{host}{path}/")


@pytest.mark.parametrize("name", WITHOUT_ADDRESS)
def test_a_missing_address_names_its_variable(name):
    with pytest.raises(PoolError, match=f"has no address: .*{PROVIDERS[name].base_url_env}"):
        build_model(f"{name}:m", env={PROVIDERS[name].api_key_env: KEY})


def test_an_azure_endpoint_is_completed():
    env = {"AZURE_OPENAI_ENDPOINT": "https://res.example/", "AZURE_OPENAI_API_KEY": KEY}
    assert str(built("azure:deployment", env=env).root_async_client.base_url) == "https://res.example/openai/v1/"


def test_gemini_has_two_names_of_its_key():
    assert built("google:m", env={"GOOGLE_API_KEY": KEY}).root_async_client.api_key == KEY
    both = {"GOOGLE_API_KEY": "other", "GEMINI_API_KEY": KEY}
    assert built("gemini:m", env=both).root_async_client.api_key == KEY


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("mistrall", "mistral"),
        ("geminy", "gemini"),
        ("lmstudoi", "lmstudio"),
        ("cerebra", "cerebras"),
        ("opnai", "openai"),
        ("llama.ccp", "llama.cpp"),
        ("sg-lang", "sglang"),
        ("openai_compatibl", "openai_compatible"),
        ("antropic", "anthropic"),
    ],
)
def test_a_near_miss_is_suggested(name, meant):
    with pytest.raises(PoolError, match=rf"unknown provider '{name}' \(did you mean '{meant}'"):
        build_model(f"{name}:m", env={})


def test_a_provider_without_its_package_is_called_at_its_compatible_endpoint():
    model = built("mistralai:mistral-small-latest", env={"MISTRAL_API_KEY": KEY})
    assert str(model.root_async_client.base_url) == "https://api.mistral.ai/v1/"
    assert model.metadata["lightrouter_spec"] == "mistral:mistral-small-latest"
    with pytest.raises(PoolError, match="set the environment variable MISTRAL_API_KEY"):
        build_model("mistralai:m", env={})


def test_an_installed_package_is_preferred(monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    assert type(build_model("anthropic:claude-haiku-4-5")).__name__ == "ChatAnthropic"
    assert isinstance(build_model("claude:claude-haiku-4-5"), BaseChatOpenAI)


def test_the_key_can_be_in_another_variable():
    assert built("groq:m", env={"MINE": KEY}, api_key_env="MINE").root_async_client.api_key == KEY
    with pytest.raises(PoolError, match="MINE"):
        build_model("vllm:m@http://h:1/v1", env={}, api_key_env="MINE")


@pytest.mark.parametrize("url", ["http://127.0.0.1:9001/v1", "http://localhost:9001", "http://[::1]:9001/v1"])
def test_an_address_on_this_machine_needs_no_key(url):
    assert built(f"openai:m@{url}", env={}).root_async_client.api_key == "none-needed"
    assert built("openai:m", env={"OPENAI_BASE_URL": url}).root_async_client.api_key == "none-needed"
    assert built(f"openai:m@{url}", env=ENV).root_async_client.api_key == KEY


def test_another_address_needs_the_key():
    with pytest.raises(PoolError, match="set the environment variable OPENAI_API_KEY"):
        build_model("openai:m@http://gpu-box:9001/v1", env={})


def test_local_servers_need_no_key():
    assert built("ollama:m", env={}).root_async_client.api_key == "none-needed"
    assert built("vllm:m@http://h:1", env={}).root_async_client.api_key == "none-needed"
    assert built("vllm:m@http://h:1", env={"VLLM_API_KEY": KEY}).root_async_client.api_key == KEY


def test_the_keys_of_the_process_do_not_go_to_local_servers(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert built("vllm:m@http://h:1", env={}).root_async_client.api_key == "none-needed"


def test_deepseek_gets_the_prefix_flag_on_the_last_message_only():
    model = built("deepseek:m")
    boot = AIMessage("The answer", additional_kwargs={"prefix": True})
    sent = payload(model, HumanMessage("q"), boot)["messages"]
    assert sent[-1] == {"role": "assistant", "content": "The answer", "prefix": True}
    history = payload(model, HumanMessage("q"), boot, HumanMessage("and?"))["messages"]
    assert not any("prefix" in message for message in history)
    assert "prefix" not in payload(model, HumanMessage("q"), AIMessage("x"))["messages"][-1]


def test_the_flag_is_not_sent_to_other_endpoints():
    boot = AIMessage("x", additional_kwargs={"prefix": True})
    assert "prefix" not in payload(built("vllm:m"), HumanMessage("q"), boot)["messages"][-1]


def test_vllm_takes_the_continuation_in_the_body():
    asked = {"continue_final_message": True, "add_generation_prompt": False}
    sent = payload(built("vllm:m"), HumanMessage("q"), AIMessage("The"), extra_body=asked)
    assert sent["extra_body"] == asked
    assert sent["messages"][-1] == {"role": "assistant", "content": "The"}


@pytest.mark.parametrize(
    ("spec", "sent"),
    [
        ("openai:gpt-6-luna", {"reasoning_effort": "none"}),
        ("deepseek:deepseek-flash", {"extra_body": {"thinking": {"type": "disabled"}}}),
        ("vllm:q", {"extra_body": {"chat_template_kwargs": {"enable_thinking": False}}}),
    ],
)
def test_hidden_reasoning_can_be_switched_off(spec, sent):
    assert sent.items() <= payload(built(spec, reasoning_effort="none")).items()
    assert not sent.keys() & payload(built(spec)).keys()


def test_less_reasoning_can_be_asked_for():
    assert payload(built("groq:openai/gpt-oss-20b", reasoning_effort="low"))["reasoning_effort"] == "low"


def test_settings_reach_the_model():
    model = built("openai:m", temperature=0.2, timeout_s=7, max_retries=0)
    assert (model.temperature, model.request_timeout, model.max_retries) == (0.2, 7, 0)


def test_a_rejected_setting_is_an_error_of_one_line_without_the_key():
    with pytest.raises(PoolError, match="temperature") as caught:
        build_model("openai:m", temperature="hot", env=ENV)
    assert KEY not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_an_unknown_provider_lists_the_known_ones():
    with pytest.raises(PoolError, match="unknown provider 'nope'") as caught:
        build_model("nope:m")
    assert "deepseek" in str(caught.value)
    assert "anthropic" in str(caught.value)


@pytest.mark.parametrize(
    ("spec", "package"),
    [("cohere:x", "langchain-cohere"), ("perplexity:x", "langchain-perplexity")],
)
def test_a_missing_provider_package_comes_with_its_pip_command(spec, package):
    with pytest.raises(PoolError, match=f"pip install {package}"):
        build_model(spec)


def test_other_providers_are_built_by_langchain():
    env = {"AZURE_KEY": KEY}
    settings = {"env": env, "api_key_env": "AZURE_KEY"}
    model = build_model("langsmith:some-model@http://127.0.0.1:1/v1", temperature=0.1, **settings)
    assert isinstance(model, ChatOpenAI)
    assert model.temperature == 0.1
    assert model.metadata["lightrouter_spec"] == "langsmith:some-model@http://127.0.0.1:1/v1"


def test_a_model_that_langchain_cannot_build_is_an_error_with_the_cause(monkeypatch):
    for variable in ("AZURE_OPENAI_API_KEY", "AZURE_OPENAI_AD_TOKEN", "AZURE_OPENAI_ENDPOINT", "OPENAI_API_KEY"):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(PoolError, match="'azure_openai:m' cannot be built"):
        build_model("azure_openai:m")


def test_nothing_is_logged_when_a_model_is_built(caplog):
    caplog.set_level(logging.DEBUG)
    built("openai:m")
    assert KEY not in caplog.text


def test_importing_the_pool_imports_no_client():
    code = (
        "import sys, lightrouter_graph.pool; "
        "print({name.partition('.')[0] for name in sys.modules} & "
        "{'langchain_openai', 'openai', 'genai_prices', 'langchain'})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_without_langchain_the_error_has_the_pip_command():
    code = (
        "import sys; sys.modules['langchain'] = None\n"
        "from lightrouter_graph.providers.building import build_model\n"
        "try: build_model('cohere:m')\n"
        "except ValueError as exc: print(type(exc).__name__, exc)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "PoolError unknown provider 'cohere'; known: azure" in done.stdout
    assert "pip install 'lightrouter-graph[langchain]'" in done.stdout

import dataclasses

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.fake_chat_models import FakeListChatModel
from langchain_core.messages import HumanMessage
from langchain_core.outputs import ChatResult
from langchain_openai import ChatOpenAI

from lightrouter_graph.errors import PoolError
from lightrouter_graph.pool.candidate import Candidate
from lightrouter_graph.providers.building import build_model
from lightrouter_graph.providers.pricing import Price

KEY = "sk-verysecretvalue42"


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for variable in ("OPENAI_BASE_URL", "OPENAI_API_BASE", "LANGSMITH_GATEWAY", "VLLM_API_KEY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("DEEPSEEK_API_KEY", KEY)


class Typed(BaseChatModel):
    """A chat model of a given kind, from a given provider."""

    kind: str = "typed"
    provider: str = "typed"
    model: str = "typed-1"

    @property
    def _llm_type(self) -> str:
        return self.kind

    def _get_ls_params(self, stop=None, **kwargs):
        return {"ls_provider": self.provider, "ls_model_name": self.model, "ls_model_type": "chat"}

    def _generate(self, messages, stop=None, run_manager=None, **kwargs) -> ChatResult:
        raise NotImplementedError


def test_a_candidate_of_a_spec_has_the_facts_of_its_provider():
    it = Candidate("mini", "openai:gpt-4o-mini", tags=["fast"])
    assert (it.name, it.spec, it.provider, it.model_name) == ("mini", "openai:gpt-4o-mini", "openai", "gpt-4o-mini")
    assert (it.limit_parameter, it.continuation, it.json_mode) == ("max_completion_tokens", None, "json_schema")
    assert it.price == Price(0.15, 0.6, 0.075)
    assert it.tags == ("fast",)
    assert isinstance(it.model, ChatOpenAI)


def test_a_local_model_has_no_price_but_continues():
    it = Candidate("local", "vllm:gpt-4o-mini@http://127.0.0.1:1/v1")
    assert (it.price, it.continuation, it.limit_parameter) == (None, "continue_final_message", "max_tokens")


def test_a_model_built_with_settings_has_the_same_facts():
    model = build_model("deepseek:deepseek-chat", temperature=0.5)
    it = Candidate("deep", model)
    assert (it.spec, it.provider, it.continuation) == ("deepseek:deepseek-chat", "deepseek", "prefix_flag")
    assert it.price is not None
    assert it.model is model


def test_arguments_override_the_facts():
    it = Candidate(
        "mini",
        "openai:gpt-4o-mini",
        price=(1, 2),
        limit_parameter="max_tokens",
        continuation="prefill",
        json_mode="json_object",
    )
    assert it.price == Price(1, 2)
    assert (it.limit_parameter, it.continuation, it.json_mode) == ("max_tokens", "prefill", "json_object")
    assert Candidate("free", "openai:gpt-4o-mini", price=Price(0, 0)).price == Price(0, 0)


def test_a_chat_openai_is_priced_by_its_url():
    assert Candidate("a", ChatOpenAI(model="gpt-4o-mini")).price == Price(0.15, 0.6, 0.075)
    local = Candidate("b", ChatOpenAI(model="gpt-4o-mini", base_url="http://127.0.0.1:1/v1"))
    assert (local.price, local.provider) == (None, None)
    groq = ChatOpenAI(model="openai/gpt-oss-20b", base_url="https://api.groq.com/openai/v1")
    assert Candidate("c", groq).price == Price(0.075, 0.3, 0.0375)


def test_a_base_url_in_the_environment_is_read(monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    assert Candidate("a", ChatOpenAI(model="gpt-4o-mini")).price is None
    assert Candidate("b", "openai:gpt-4o-mini").price is None


def test_metadata_override_the_provider():
    metadata = {"ls_provider": "groq", "ls_model_name": "openai/gpt-oss-20b"}
    it = Candidate("a", ChatOpenAI(model="x", base_url="http://proxy/v1", metadata=metadata))
    assert (it.provider, it.model_name) == ("groq", "openai/gpt-oss-20b")
    assert it.price == Price(0.075, 0.3, 0.0375)


def test_a_chat_openai_has_its_limit_parameter():
    it = Candidate("a", ChatOpenAI(model="gpt-4o-mini"))
    sent = it.model._get_request_payload([HumanMessage("q")], **{it.limit_parameter: 5})
    assert sent["max_completion_tokens"] == 5


def test_json_mode_is_read_from_the_profile():
    assert Candidate("a", ChatOpenAI(model="gpt-4o-mini")).json_mode == "json_schema"
    assert Candidate("b", ChatOpenAI(model="unknown-model")).json_mode is None
    assert Candidate("c", Typed(profile={"structured_output": True})).json_mode is None


@pytest.mark.parametrize(
    ("kind", "parameter", "is_field"),
    [
        ("chat-ollama", "num_predict", True),
        ("chat-google-generative-ai", "max_output_tokens", False),
        ("vertexai", "max_output_tokens", False),
        ("anthropic-chat", "max_tokens", False),
        ("anything", "max_tokens", False),
    ],
)
def test_the_limit_parameter_depends_on_the_model_class(kind, parameter, is_field):
    it = Candidate("a", Typed(kind=kind))
    assert (it.limit_parameter, it.limit_is_field, it.continuation) == (parameter, is_field, None)


def test_models_of_other_providers_are_priced():
    assert Candidate("a", Typed(provider="anthropic", model="claude-haiku-4-5")).price is not None
    assert Candidate("b", Typed(provider="google_genai", model="gemini-2.5-flash")).price is not None
    assert Candidate("c", Typed(provider="ollama", model="gpt-4o-mini")).price is None


def test_a_model_without_a_name_is_named_by_its_class():
    it = Candidate("fake", FakeListChatModel(responses=["x"]))
    assert (it.model_name, it.price, it.json_mode, it.spec) == ("FakeListChatModel", None, None, None)


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\x00", None, 3])
def test_a_name_is_printable_and_not_empty(name):
    with pytest.raises(PoolError, match="name must be"):
        Candidate(name, "openai:gpt-4o-mini")


def test_only_chat_models_and_specs_are_models():
    with pytest.raises(PoolError, match=r"'a' needs a chat model.*Binding"):
        Candidate("a", Typed().bind(stop=["x"]))


@pytest.mark.parametrize("price", [1.0, (1.0,), (1, 2, 3), "cheap", (-1, 2), (1, "2")])
def test_a_price_is_a_pair_of_numbers(price):
    with pytest.raises(PoolError, match="price"):
        Candidate("a", Typed(), price=price)


def test_tags_are_strings():
    for tags in ("fast", [1]):
        with pytest.raises(PoolError, match="tags of candidate 'a'"):
            Candidate("a", Typed(), tags=tags)


def test_the_repr_has_no_key():
    mine = Candidate("b", ChatOpenAI(model="x", api_key=KEY, base_url="http://127.0.0.1:1/v1"))
    assert repr(mine) == "Candidate('b', ChatOpenAI)"
    ours = Candidate("a", "openai:gpt-4o-mini")
    assert repr(ours) == "Candidate('a', openai:gpt-4o-mini)"
    for it in (mine, ours):
        assert KEY not in f"{it!r} {it} {[getattr(it, field.name) for field in dataclasses.fields(it)]}"


def test_a_candidate_does_not_change():
    it = Candidate("a", Typed())
    with pytest.raises(dataclasses.FrozenInstanceError):
        it.name = "b"
    assert it != Candidate("a", Typed())
    assert {it: 1}[it] == 1

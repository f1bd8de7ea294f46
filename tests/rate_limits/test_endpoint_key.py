"""Equal URL and API key give an equal endpoint key; the API key is shown nowhere."""

import logging
import pickle

import pytest
from langchain_core.language_models import FakeListChatModel
from langchain_openai import AzureChatOpenAI, ChatOpenAI
from pydantic import Field, SecretStr

from lightrouter_graph.rate_limits.endpoint_key import address_of, endpoint_key, label_of
from lightrouter_graph.rate_limits.registry import EndpointRegistry
from lightrouter_graph.testing import ScriptedChatModel

SECRET = "sk-proj-4f9a2c71e8b3"


def openai(key=SECRET, base_url="https://api.example.com/v1", model="m"):
    return ChatOpenAI(model=model, api_key=key, base_url=base_url)


class OtherChatModel(FakeListChatModel):
    """A model with fields as in other integrations."""

    responses: list[str] = Field(default_factory=list)
    mistral_api_key: SecretStr | None = None
    endpoint: str | None = None


def test_models_with_equal_url_and_key_share_an_endpoint():
    assert endpoint_key(openai()) == endpoint_key(openai(model="another"))
    assert endpoint_key(openai()) == endpoint_key(openai(base_url="https://api.example.com/v1/"))


def test_another_key_or_url_is_another_endpoint():
    keys = {
        endpoint_key(openai()),
        endpoint_key(openai(key="sk-another-key")),
        endpoint_key(openai(base_url="https://b.com/v1")),
    }
    assert len(keys) == 3


def test_local_servers_are_distinguished_by_url():
    one, other = openai("none", "http://localhost:8000/v1"), openai("none", "http://localhost:8001/v1")
    assert endpoint_key(one) == endpoint_key(openai("x", "http://localhost:8000/v1"))
    assert endpoint_key(one) != endpoint_key(other)


def test_the_url_is_read_from_the_client():
    assert address_of(ChatOpenAI(model="m", api_key=SECRET)) == "https://api.openai.com/v1"
    azure = AzureChatOpenAI(
        model="m", api_key=SECRET, azure_endpoint="https://me.openai.azure.com", api_version="2024-10-21"
    )
    assert label_of(azure) == "me.openai.azure.com"


def test_other_models_are_identified_by_their_fields():
    assert address_of(OtherChatModel(endpoint="https://api.mistral.ai/v1")) == "https://api.mistral.ai/v1"
    keyed = OtherChatModel(mistral_api_key=SecretStr(SECRET))
    assert endpoint_key(keyed) == endpoint_key(OtherChatModel(mistral_api_key=SecretStr(SECRET)))
    assert endpoint_key(keyed) != endpoint_key(OtherChatModel(mistral_api_key=SecretStr("another-secret")))


@pytest.mark.parametrize("model", [ScriptedChatModel(responses="4"), FakeListChatModel(responses=["4"])])
def test_a_model_without_url_and_key_has_no_endpoint_key(model):
    assert endpoint_key(model) is None


async def test_the_secret_is_shown_nowhere(caplog):
    with caplog.at_level(logging.DEBUG):
        model = openai(base_url=f"https://me:{SECRET}@api.example.com/v1")
        endpoint = EndpointRegistry().of(model)
        for _ in range(5):
            async with endpoint.permit("m", acquire_timeout_s=1) as permit:
                permit.record("auth")
        with pytest.raises(Exception, match="5 times") as refused:
            await endpoint.permit("m", acquire_timeout_s=1).__aenter__()
    shown = [
        endpoint_key(model),
        repr(endpoint),
        str(endpoint),
        endpoint.label,
        repr(vars(endpoint)),
        repr(permit),
        caplog.text,
    ]
    shown += [str(refused.value), repr(refused.value), str(pickle.dumps(refused.value))]
    assert not [text for text in shown if SECRET in text or SECRET[8:] in text]
    with pytest.raises(TypeError, match="pickle"):
        pickle.dumps(endpoint)

"""Exceptions become failure records with one cause and a redacted message."""

import httpx
import openai
import pytest
from langchain_core.exceptions import ContextOverflowError
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from lightrouter_graph.llm.failures import failure_of
from lightrouter_graph.testing import ScriptedChatModel

REQUEST = httpx.Request("POST", "https://api.example.com/v1/chat/completions")
MODEL = ScriptedChatModel(responses="")


def refused(kind, status, message="refused", body=None):
    """Build the exception the openai client raises for an HTTP status."""
    return kind(message, response=httpx.Response(status, request=REQUEST), body=body)


def cause_of(exc):
    return failure_of(exc, MODEL)["cause"]


@pytest.mark.parametrize(
    ("exc", "cause"),
    [
        (refused(openai.AuthenticationError, 401), "auth"),
        (refused(openai.PermissionDeniedError, 403), "auth"),
        (refused(openai.APIStatusError, 402), "auth"),
        (refused(openai.APIStatusError, 408), "timeout"),
        (refused(openai.APIStatusError, 413), "context_length"),
        (refused(openai.RateLimitError, 429), "rate_limited"),
        (refused(openai.BadRequestError, 400), "bad_response"),
        (refused(openai.NotFoundError, 404), "bad_response"),
        (refused(openai.InternalServerError, 500), "unavailable"),
        (refused(openai.InternalServerError, 503), "unavailable"),
        (openai.APITimeoutError(REQUEST), "timeout"),
        (openai.APIConnectionError(request=REQUEST), "disconnected"),
    ],
)
def test_the_openai_clients_exceptions(exc, cause):
    assert cause_of(exc) == cause


@pytest.mark.parametrize(
    "message",
    [
        "Error code: 400 - {'error': {'code': 'context_length_exceeded'}}",
        "This model's maximum context length is 8192 tokens.",
        "The prompt exceeds the Context Length of the model",
    ],
)
def test_a_prompt_that_is_too_long_has_its_own_cause(message):
    assert cause_of(refused(openai.BadRequestError, 400, message)) == "context_length"


def test_a_filtered_prompt_has_its_own_cause():
    azure = "The response was filtered due to Azure OpenAI's content management policy."
    assert cause_of(refused(openai.BadRequestError, 400, azure)) == "content_filter"


@pytest.mark.parametrize(
    ("exc", "cause"),
    [
        (ContextOverflowError("too long"), "context_length"),
        (TimeoutError(), "timeout"),
        (httpx.ConnectTimeout("slow"), "timeout"),
        (httpx.ReadTimeout("slow"), "timeout"),
        (httpx.ConnectError("refused"), "disconnected"),
        (httpx.ReadError("reset"), "disconnected"),
        (httpx.RemoteProtocolError("peer closed"), "disconnected"),
        (ConnectionResetError("reset by peer"), "disconnected"),
        (BrokenPipeError("broken"), "disconnected"),
        (OSError("no route to host"), "disconnected"),
        (ValueError("no choices in the reply"), "bad_response"),
        (RuntimeError("boom"), "bad_response"),
    ],
)
def test_other_exceptions(exc, cause):
    assert cause_of(exc) == cause


def test_the_message_names_the_exception_and_stays_short():
    failure = failure_of(RuntimeError("x" * 10_000), MODEL)
    assert failure["message"].startswith("RuntimeError: xxx")
    assert len(failure["message"]) <= 300


# secrets ---------------------------------------------------------------------------------------------------


class TwoKeys(ScriptedChatModel):
    api_key: SecretStr | None = None
    session: SecretStr | None = None


def test_all_secrets_of_a_model_are_redacted():
    model = TwoKeys(responses="", api_key=SecretStr("plainword"), session=SecretStr("plainword-and-more"))
    failure = failure_of(ValueError("refused plainword-and-more and plainword"), model)
    assert failure["message"] == "ValueError: refused *** and ***"


def test_the_key_of_a_real_chat_model_is_redacted():
    model = ChatOpenAI(model="m", api_key="my-own-gateway-key", base_url="http://127.0.0.1:1/v1")
    assert "my-own-gateway-key" not in failure_of(RuntimeError("bad key my-own-gateway-key"), model)["message"]


def test_a_secret_at_the_length_limit_is_redacted():
    model = TwoKeys(responses="", api_key=SecretStr("plainword"))
    failure = failure_of(ValueError("x" * 280 + "plainword"), model)["message"]
    assert "plain" not in failure


def test_an_exception_without_a_text_is_recorded_by_its_name():
    class Speechless(Exception):
        def __str__(self):
            raise RuntimeError

    assert failure_of(Speechless(), MODEL) == {"cause": "bad_response", "message": "Speechless"}


KEY = "plain-secret-value-42"


def test_the_address_of_a_lost_connection_is_redacted():
    model = ChatOpenAI(model="m", api_key=KEY, base_url=f"http://127.0.0.1:1/{KEY}/v1")
    failure = failure_of(openai.APIConnectionError(request=REQUEST), model)["message"]
    assert "127.0.0.1" in failure
    assert KEY not in failure


def test_a_lone_surrogate_in_a_message_is_replaced():
    assert failure_of(ValueError("bad \ud83d input"), MODEL)["message"] == "ValueError: bad ? input"

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


WORDS = {
    "context_length": [
        "Error code: 400 - {'error': {'code': 'context_length_exceeded'}}",
        "This model's maximum context length is 8192 tokens.",
        "The prompt exceeds the Context Length of the model",
        "the request (7000 tokens) exceeds the available context size (4096 tokens), try increasing it",
        "This model's maximum prompt length is 131072 but the request contains 140000 tokens.",
        "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
        "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens",
        "Input validation error: `inputs` must have less than 4095 tokens. Given: 5000",
        "prompt is too long: 205000 tokens > 200000 maximum",
        "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000",
        "Input is too long for requested model.",
        "too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 9000",
        "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length",
        "Please reduce the length of the messages or completion.",
        "The input (9000 tokens) is longer than the model's context length (8192 tokens).",
        "The decoder prompt (length 9000) is longer than the maximum model length of 8192.",
        "The number of tokens to keep from the initial prompt is greater than the context length",
        "Trying to keep the first 9000 tokens when context the overflows",
        "Your request exceeded model token limit: 131072 (requested: 140000)",
        "Range of input length should be [1, 30720]",
        "prompt token count of 130000 exceeds the limit of 128000",
        "Prompt exceeds max length",
        "The prompt has too many tokens",
        "Your input exceeds the context window of this model.",
        "Request too large for model `m`: Limit 6000, Requested 9000",
        "prompt too long; exceeded max context length by 12 tokens",
    ],
    "content_filter": [
        "The response was filtered due to Azure OpenAI's content management policy.",
        "Content Exists Risk",
        "Output data may contain inappropriate content. (data_inspection_failed)",
        "Your request was rejected as a result of our safety system.",
        "Prompt was flagged by the moderation layer",
        "PROHIBITED_CONTENT",
        "Invalid prompt: your prompt was flagged as potentially violating our usage policy.",
    ],
    "auth": [
        "You exceeded your current quota, please check your plan. (insufficient_quota)",
        "Insufficient Balance",
        "Your credit balance is too low to access the API.",
        "This request requires more credits, or fewer max_tokens.",
        "API key not valid. Please pass a valid API key.",
        "Incorrect API key provided: ***",
        "Unauthorized",
        "Access denied: account is suspended",
    ],
    "rate_limited": [
        "Rate limit reached for requests",
        "Resource has been exhausted (e.g. check quota).",
        "RESOURCE_EXHAUSTED",
        "ThrottlingException: Too many requests, please wait",
        "You have reached the concurrency limit",
        "Limit 30000 tokens per minute",
        "Quota exceeded for metric generate_content_requests",
    ],
    "unavailable": [
        "The engine is currently overloaded, please try again later",
        "Model is currently loading",
        "Loading model",
        "The server is busy",
        "no healthy upstream",
        "We are experiencing high demand",
        "CUDA out of memory",
        "Selected model is at capacity",
    ],
}


@pytest.mark.parametrize(("cause", "message"), [(cause, one) for cause, words in WORDS.items() for one in words])
def test_the_words_of_many_servers_have_a_cause(cause, message):
    body = {"error": {"message": message, "type": "invalid_request_error", "code": 400}}
    for inner in (None, body, body["error"]):
        assert cause_of(refused(openai.BadRequestError, 400, message, inner)) == cause


@pytest.mark.parametrize(
    "message",
    [
        "Unsupported parameter: 'temperature' is not supported with this model.",
        "max_tokens is too large: 200000. This model supports at most 4096 completion tokens.",
        "Invalid 'messages[1].tool_calls[0].id': string too long. Expected a string with maximum length 40.",
        "Unknown parameter: 'safety_identifier'.",
        "The model `m` does not exist or you do not have access to it.",
        "messages: text content blocks must be non-empty",
    ],
)
def test_refused_forms_and_unknown_models_are_of_no_other_cause(message):
    body = {"message": message, "code": "invalid_value"}
    assert cause_of(refused(openai.BadRequestError, 400, message, body)) == "bad_response"


def test_a_quoted_request_is_not_taken_for_the_words_of_the_server():
    body = {"detail": [{"msg": "Extra inputs", "input": {"messages": [{"content": "What is a rate limit?"}]}}]}
    assert cause_of(refused(openai.UnprocessableEntityError, 422, f"Error code: 422 - {body}", body)) == "bad_response"


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

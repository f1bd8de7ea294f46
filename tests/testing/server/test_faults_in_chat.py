"""The exception or message that `ChatOpenAI` returns for each fault."""

import json

import openai
import pytest
from langchain_openai.chat_models.base import (
    OpenAIAPIError,
    OpenAIAuthenticationError,
    OpenAIConnectionError,
    OpenAIInvalidRequestError,
    OpenAIRateLimitError,
    OpenAITimeoutError,
)
from pydantic import ValidationError

from lightrouter_graph.testing import Behave, Cut, Fail, Insert, Reasoning, Replace, Say, ServerBehaviour, Stall

REPLY = "Two plus two is four, of course."
PAGE = {"body": "<html>Bad gateway</html>", "content_type": "text/html"}
OVERLOADED = {"error": {"message": "overloaded"}}


async def invoke(model):
    return await model.ainvoke("2 + 2?")


async def stream(model, received=None):
    chunks = received if received is not None else []
    async for chunk in model.astream("2 + 2?"):
        chunks.append(chunk)  # what came before an error counts
    return sum(chunks[1:], chunks[0])


BOTH_WAYS = pytest.mark.parametrize("ask", [invoke, stream])


@BOTH_WAYS
@pytest.mark.parametrize(
    ("status", "error_class"),
    [
        (400, OpenAIInvalidRequestError),
        (401, OpenAIAuthenticationError),
        (402, openai.APIStatusError),
        (413, openai.APIStatusError),
        (429, OpenAIRateLimitError),
        (500, OpenAIAPIError),
        (502, OpenAIAPIError),
        (503, OpenAIAPIError),
        (529, OpenAIAPIError),
    ],
)
async def test_an_error_status_raises_with_its_headers(played, talk, ask, status, error_class):
    played.failures["m"] = Fail(status, "no", headers={"retry-after-ms": "20"}, code="because")
    with pytest.raises(error_class) as error:
        await ask(talk())
    assert type(error.value) is error_class
    assert (error.value.status_code, error.value.code) == (status, "because")
    assert error.value.response.headers["retry-after-ms"] == "20"


async def test_the_client_retries_after_the_given_delay(played, talk):
    played.failures["m"] = [Fail(429, headers={"retry-after-ms": "1"}), Fail(503, headers={"retry-after-ms": "1"})]
    assert (await invoke(talk(max_retries=2))).content == REPLY
    assert len(played.requests) == 3


@BOTH_WAYS
async def test_an_html_error_page_has_no_message(played, talk, ask):
    played.failures["m"] = Fail(502, **PAGE)
    with pytest.raises(OpenAIAPIError, match=r"^Error code: 502$") as error:
        await ask(talk())
    assert error.value.body == PAGE["body"]


@BOTH_WAYS
@pytest.mark.parametrize(
    ("fault", "error_class", "cause"),
    [
        (Stall(), OpenAITimeoutError, "ReadTimeout"),
        (Stall(after=0), OpenAITimeoutError, "ReadTimeout"),
        (Stall(after=3), OpenAITimeoutError, "ReadTimeout"),
        (Fail(hang=True), OpenAITimeoutError, "ReadTimeout"),
        (Cut(), OpenAIConnectionError, "RemoteProtocolError"),
        (Cut(how="reset"), OpenAIConnectionError, "ReadError"),
        (Cut(after=0), OpenAIConnectionError, "RemoteProtocolError"),
        (Cut(after=3), OpenAIConnectionError, "RemoteProtocolError"),
        (Cut(after=3, how="reset"), OpenAIConnectionError, "ReadError"),
    ],
)
async def test_an_interrupted_connection_raises(played, talk, ask, fault, error_class, cause):
    played.failures["m"] = fault
    with pytest.raises(error_class) as error:
        await ask(talk(timeout=0.05 if error_class is OpenAITimeoutError else 5))
    assert type(error.value.__cause__.__cause__).__name__ == cause
    assert not hasattr(error.value, "status_code")


async def test_a_refused_connection_raises(played, talk):
    model = talk()
    model.root_async_client.base_url = "http://127.0.0.1:9/v1"
    with pytest.raises(OpenAIConnectionError) as error:
        await invoke(model)
    assert type(error.value.__cause__.__cause__).__name__ == "ConnectError"


@pytest.mark.parametrize(
    ("fault", "error_class", "message"),
    [
        (Fail(200, **PAGE), ValueError, "Unexpected response type"),
        (Fail(200, body="null"), ValueError, "Unexpected response type"),
        (Fail(200, body="{oops"), json.JSONDecodeError, "Expecting property name"),
        (Fail(200, body=""), json.JSONDecodeError, "Expecting value"),
        (Fail(200, body=OVERLOADED), ValueError, "overloaded"),
        (Fail(200, body={}), TypeError, "null value for 'choices'"),
        (Cut(after=3, how="end"), json.JSONDecodeError, "Expecting|Unterminated"),
        (Replace({"choices": None}), TypeError, "null value for 'choices'"),
        (Replace({"choices": []}), IndexError, "out of range"),
        (Replace({"message": ...}), AttributeError, "NoneType"),
        (Replace({"content": 7}), ValidationError, "content"),
        (Replace({"usage": []}), AttributeError, "items"),
    ],
)
async def test_an_invalid_plain_response_raises(played, talk, fault, error_class, message):
    played.failures["m"] = fault
    with pytest.raises(error_class, match=message) as error:
        await invoke(talk())
    assert type(error.value) is error_class


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings:UserWarning")  # the client's
@pytest.mark.parametrize(
    ("fault", "error_class", "message", "before"),
    [
        (Fail(200, **PAGE), ValueError, "No generation chunks", ""),
        (Fail(200, body=OVERLOADED), ValueError, "No generation chunks", ""),
        (Fail(200, body=""), ValueError, "No generation chunks", ""),
        (Cut(after=0, how="end"), ValueError, "No generation chunks", ""),
        (Insert("data: {oops", after=3), json.JSONDecodeError, "Expecting property name", "Two plus two"),
        (Insert(OVERLOADED, after=3), openai.APIError, "overloaded", "Two plus two"),
        (Replace({"content": 7}), ValidationError, "content", ""),
        (Replace({"completion_tokens": "many"}), ValidationError, "output_tokens", REPLY),
    ],
)
async def test_an_invalid_stream_raises(played, talk, fault, error_class, message, before):
    played.failures["m"] = fault
    received = []
    with pytest.raises(error_class, match=message) as error:
        await stream(talk(), received)
    assert type(error.value) is error_class
    assert "".join(chunk.text for chunk in received) == before


@pytest.mark.parametrize(
    ("fault", "text", "reason"),
    [
        (Cut(after=3, how="end"), "Two plus two", None),
        (Insert("<b>oops", after=3), REPLY, "stop"),
        (Replace({"choices": []}), "", None),
        (Replace({"choices": None}), "", None),
        (Replace({"delta": ...}), "", None),
    ],
)
async def test_stream_faults_that_the_client_does_not_report(played, talk, fault, text, reason):
    played.failures["m"] = fault
    message = await stream(talk())
    assert (message.text, message.response_metadata.get("finish_reason")) == (text, reason)


@BOTH_WAYS
@pytest.mark.parametrize(
    ("fault", "text", "reason"),
    [
        (Say(""), "", "stop"),
        (Replace({"content": None}), "", "stop"),
        (Replace({"content": "", "finish_reason": "content_filter"}), "", "content_filter"),
        (Replace({"finish_reason": ...}), REPLY, None),
        (Behave(ServerBehaviour(reasoning=Reasoning(50))), "", "length"),
        (Behave(ServerBehaviour(reasoning=Reasoning(50, shown=True))), "", "length"),
    ],
)
async def test_replies_without_a_usable_text(played, talk, ask, fault, text, reason):
    played.failures["m"] = fault
    message = await ask(talk(max_tokens=20))
    assert (message.text, message.response_metadata.get("finish_reason")) == (text, reason)


@BOTH_WAYS
@pytest.mark.parametrize(
    ("values", "output_tokens"),
    [({"completion_tokens": n}, n) for n in (0, -5, 10**12)]
    + [({"completion_tokens": "12"}, 12), ({"usage": ...}, None)],
)
async def test_wrong_usage_reaches_the_caller(played, talk, ask, values, output_tokens):
    played.failures["m"] = Replace(values)
    message = await ask(talk())
    assert message.text == REPLY
    assert (message.usage_metadata or {}).get("output_tokens") == output_tokens


@BOTH_WAYS
async def test_a_limit_that_the_model_ignores(played, talk, ask):
    played.behaviours["m"] = ServerBehaviour(honours_limit=False)
    message = await ask(talk(max_tokens=3))
    assert (message.text, message.response_metadata["finish_reason"]) == (REPLY, "stop")


@BOTH_WAYS
async def test_reasoning_is_in_the_usage(played, talk, ask):
    played.behaviours["m"] = ServerBehaviour(reasoning=Reasoning(5, by_effort={"low": 2}))
    thought = [(await ask(talk(**s))).usage_metadata["output_token_details"] for s in ({}, {"reasoning_effort": "low"})]
    assert thought == [{"reasoning": 5}, {"reasoning": 2}]


@BOTH_WAYS
async def test_a_refused_limit_parameter_is_in_the_error(played, talk, ask):
    played.behaviours["m"] = ServerBehaviour(limit_name="max_tokens")
    with pytest.raises(OpenAIInvalidRequestError, match="'max_completion_tokens' is not supported") as error:
        await ask(talk(max_tokens=4))
    assert (error.value.code, error.value.param) == ("unsupported_parameter", "max_completion_tokens")

"""The endpoint: whole answers, streams and failures, over HTTP in this process."""

import asyncio
import json
import logging

import pytest
from langchain_core.messages import AIMessage, SystemMessage
from server.apps import (
    DECISION,
    PATH,
    QUESTION,
    WEATHER,
    asking,
    client,
    error,
    events,
    model,
    post,
    routed,
    stream,
    text_of,
)

from lightrouter_graph import ContextError, NoSurvivorError, PoolError, QueryError
from lightrouter_graph.errors import BrokenStreamError
from lightrouter_graph.server import create_app
from lightrouter_graph.testing import Reply, ScriptedChatModel

CALL = {"name": "weather", "args": {"city": "Zürich"}, "id": "call_1", "type": "tool_call"}


async def test_a_whole_answer():
    response = await post(model("four"))
    told = response.json()
    assert response.status_code == 200
    assert told["object"] == "chat.completion"
    assert told["id"].startswith("chatcmpl-")
    assert told["id"] == response.headers["x-request-id"]
    assert told["model"] == "a"
    assert told["choices"] == [
        {
            "index": 0,
            "finish_reason": "stop",
            "logprobs": None,
            "message": {"role": "assistant", "content": "four", "refusal": None},
        }
    ]
    usage = told["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert usage["completion_tokens"] == 1
    assert "lightrouter" not in told


async def test_a_stream():
    streamed = await stream(model("It is four."))
    first, *middle, last = streamed
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert text_of(streamed) == "It is four."
    assert len(middle) > 1
    assert last["choices"] == [{"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}]
    assert len({event["id"] for event in streamed}) == 1
    assert {event["object"] for event in streamed} == {"chat.completion.chunk"}
    assert not any("usage" in event for event in streamed)


async def test_the_usage_of_a_stream_comes_last_when_asked_for():
    *others, last = await stream(model("four"), stream_options={"include_usage": True})
    assert last["choices"] == []
    assert last["usage"]["completion_tokens"] == 1
    assert all(event["usage"] is None for event in others)


async def test_the_headers_of_a_stream():
    response = await post(model("four"), stream=True)
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert response.headers["cache-control"] == "no-cache"
    assert response.headers["x-accel-buffering"] == "no"
    assert response.headers["x-request-id"] == events(response)[0]["id"]


async def test_a_model_without_usage():
    silent = model("four", reports_usage=False)
    assert "usage" not in (await post(silent)).json()
    assert text_of(await stream(silent, stream_options={"include_usage": True})) == "four"


async def test_arguments_reach_the_model_under_their_names():
    a = model("{}")
    schema = {"type": "json_schema", "json_schema": {"name": "s", "schema": {"type": "object"}, "strict": True}}
    arguments = {
        "temperature": 0.5,
        "top_p": 1,
        "seed": 7,
        "max_tokens": 90,
        "response_format": schema,
        "tools": [WEATHER],
    }
    choice = {"type": "function", "function": {"name": "weather"}}
    settings = {"top_k": 1, "decision": True}
    await post(a, **arguments, tool_choice=choice, parallel_tool_calls=False, stop=["."], lightrouter=settings)
    expected = {
        **arguments,
        "tool_choice": choice,
        "parallel_tool_calls": False,
        "stop": ["."],
        "context": {"top_k": 1},
    }
    assert a.calls[0].kwargs == expected


async def test_missing_fields_are_not_passed():
    a = model("four", "four")
    await post(a)
    await post(
        a, tools=None, tool_choice=None, stop=None, seed=None, response_format={"type": "text"}, lightrouter=None
    )
    assert [dict(call.kwargs) for call in a.calls] == [{}, {}]


async def test_both_names_of_the_limit():
    a = model("one two three")
    assert (await post(a, max_completion_tokens=1)).json()["choices"][0]["finish_reason"] == "length"
    await post(a, max_tokens=2)
    await post(a, max_tokens=3, max_completion_tokens=2)
    assert [call.max_tokens for call in a.calls] == [1, 2, 2]


async def test_one_stop_is_a_list_of_one():
    a = model("four")
    await post(a, stop="END")
    assert a.calls[0].kwargs["stop"] == ["END"]


async def test_messages_reach_the_model():
    a = model("four")
    await post(a, messages=[{"role": "system", "content": "Be brief."}, *QUESTION])
    assert [type(message).__name__ for message in a.calls[0].messages] == ["SystemMessage", "HumanMessage"]
    assert a.calls[0].messages[0] == SystemMessage("Be brief.")


# tools


async def test_tool_calls():
    told = (await post(model(Reply("", [CALL, {**CALL, "id": None}])), tools=[WEATHER])).json()["choices"][0]
    assert told["finish_reason"] == "tool_calls"
    assert told["message"]["content"] is None
    first, second = told["message"]["tool_calls"]
    assert first == {
        "id": "call_1",
        "type": "function",
        "function": {"name": "weather", "arguments": '{"city": "Zürich"}'},
    }
    assert second["id"].startswith("call_")


async def test_streamed_tool_calls():
    streamed = await stream(model(Reply("Let me see.", [CALL, {**CALL, "id": "call_2"}])), tools=[WEATHER])
    parts = [part for e in streamed for part in e["choices"][0]["delta"].get("tool_calls", ())]
    assert [(part["index"], part["id"], part["function"]["name"]) for part in parts] == [
        (0, "call_1", "weather"),
        (1, "call_2", "weather"),
    ]
    assert json.loads(parts[0]["function"]["arguments"]) == {"city": "Zürich"}
    assert text_of(streamed) == "Let me see."
    assert streamed[-1]["choices"][0]["finish_reason"] == "tool_calls"


# the decision record


@pytest.mark.parametrize(
    ("body", "headers"),
    [({"lightrouter": {"decision": True}}, {}), ({}, {"x-lightrouter-decision": "true"})],
)
async def test_the_decision_record_on_request(body, headers):
    http = client(model(routed()))
    whole = await http.post(PATH, json=asking(**body), headers=headers)
    assert whole.json()["lightrouter"] == DECISION
    streamed = events(await http.post(PATH, json=asking(**body, stream=True), headers=headers))
    assert streamed[-1]["lightrouter"] == DECISION
    assert not any("lightrouter" in event for event in streamed[:-1])


async def test_without_a_request_the_record_is_in_headers_only():
    response = await post(model(routed()))
    assert "lightrouter" not in response.json()
    assert response.headers["x-lightrouter-model"] == "ada"
    assert response.headers["x-lightrouter-calls"] == "3"
    assert float(response.headers["x-lightrouter-usd"]) == pytest.approx(0.0000125)
    assert not any("lightrouter" in event for event in await stream(model(routed())))


async def test_an_unknown_price_is_left_out_and_a_name_fits_a_header():
    decision = {"merged_by": "größtes Modell\u2028", "bill": {"calls": 1, "usd": None}}
    response = await post(model(AIMessage("four", response_metadata={"lightrouter": decision})))
    assert "x-lightrouter-usd" not in response.headers
    assert response.headers["x-lightrouter-model"] == "gr%C3%B6%C3%9Ftes Modell%E2%80%A8"


async def test_a_model_without_a_record():
    response = await post(model("four"), lightrouter={"decision": True})
    assert "lightrouter" not in response.json()
    assert not [name for name in response.headers if name.startswith("x-lightrouter")]


# failures


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize(
    ("exc", "status", "param", "code"),
    [
        (NoSurvivorError(layer=1, failures={"a": "auth: no", "b": "timeout: late"}), 502, None, "no_survivor"),
        (NoSurvivorError(layer=1, failures={"a": "rate_limited: x"}), 429, None, "rate_limit_exceeded"),
        (ContextError("top_k = 0: must be at least 1"), 400, "lightrouter.top_k", "invalid_value"),
        (QueryError("there is no question"), 400, "messages", "invalid_value"),
        (PoolError("the pool is dry"), 500, None, "internal_error"),
        (RuntimeError("a bug"), 500, None, "internal_error"),
    ],
)
async def test_a_failure_before_the_first_token_has_its_status(exc, status, param, code, streaming):
    response = await post(model(exc), stream=streaming)
    told = error(response, status)
    assert (told["param"], told["code"]) == (param, code)
    assert response.headers["x-request-id"].startswith("chatcmpl-")
    if not isinstance(exc, RuntimeError):
        assert told["message"] == str(exc)


async def test_a_failure_within_a_stream_is_its_last_event():
    failing = NoSurvivorError(layer=1, failures={"a": "disconnected: gone"})
    response = await post(model(Reply("It is", error=failing)), stream=True)
    assert response.status_code == 200
    lines = [line for line in response.text.splitlines() if line]
    assert json.loads(lines[-1].removeprefix("data: "))["error"] == {
        "message": str(failing),
        "type": "server_error",
        "param": None,
        "code": "no_survivor",
    }
    assert "[DONE]" not in response.text


async def test_the_answer_after_a_broken_stream_is_sent_and_billed():
    http = client(model(Reply("It is", error=BrokenStreamError(routed("The other answer.")))))
    last = (await http.post(PATH, json=asking(stream=True))).text.split("\n\n")[-2]
    told = json.loads(last.removeprefix("data: "))["error"]
    assert (told["code"], told["answer"]) == ("broken_stream", "The other answer.")
    assert 'lightrouter_usd_total{model="a"} 1.25e-05' in (await http.get("/metrics")).text


async def test_an_unexpected_error_is_logged_redacted_and_not_sent(caplog):
    key = "corp-4711-key"
    leak = RuntimeError(f"bad key sk-abcdefghijkl and {key}")
    with caplog.at_level(logging.ERROR):
        response = await client(model(leak), api_key=key).post(
            PATH, json=asking(), headers={"authorization": f"Bearer {key}"}
        )
    told = error(response, 500)
    assert response.headers["x-request-id"] in told["message"]
    assert response.headers["x-request-id"] in caplog.text
    assert "RuntimeError: bad key *** and ***" in caplog.text
    assert key not in caplog.text + response.text
    assert "bad key" not in response.text


FORGED = "gone\nCRITICAL all keys leaked\r\x1b[2J\x9b2J\u2028x\u202e"


@pytest.mark.parametrize("exc", [RuntimeError(FORGED), NoSurvivorError(layer=1, failures={"a": f"auth: {FORGED}"})])
@pytest.mark.parametrize("streaming", [True, False])
async def test_a_provider_cannot_add_a_line_to_the_log(caplog, exc, streaming):
    await post(model(exc), stream=streaming)
    [record] = caplog.records
    assert len(record.getMessage().splitlines()) == 1
    assert r"gone\nCRITICAL all keys leaked\r\u001b[2J\u009b2J\u2028x\u202e" in record.getMessage()


async def test_an_expected_error_is_not_logged(caplog):
    await post(model(QueryError("there is no question")))
    assert not caplog.records


@pytest.mark.parametrize(("said", "streaming"), [("It is", True), ("", True), ("", False)])
async def test_a_shutdown_is_an_error_response(said, streaming):
    a, sent = model(Reply(said, hang=True)), []
    app = create_app(models={"a": a})
    scope = {"type": "http", "method": "POST", "path": PATH, "headers": [(b"content-type", b"application/json")]}
    body = iter([{"type": "http.request", "body": json.dumps(asking(stream=streaming)).encode()}])

    async def receive():
        for message in body:
            return message
        return await asyncio.Event().wait()

    async def send(message):
        sent.append(message)

    serving = asyncio.create_task(app(scope, receive, send))
    while not a.calls or len(sent) < 2 * bool(said):  # noqa: ASYNC110  # nothing tells
        await asyncio.sleep(0)
    serving.cancel()
    await asyncio.wait([serving])
    assert a.calls[0].cancelled
    assert sent[0]["status"] == (200 if said else 503)
    assert b"the server is shutting down" in sent[-1]["body"]
    assert sent[-1]["body"].endswith(b"data: [DONE]\n\n") is bool(said)
    assert not sent[-1].get("more_body")


async def test_an_unknown_model_is_an_error_that_lists_the_served_ones():
    told = error(await post({"a": model("four"), "b": model("five")}, model="c"), 404)
    assert told["code"] == "model_not_found"
    assert told["param"] == "model"
    assert "served models are a, b" in told["message"]


async def test_the_model_asked_for_answers():
    models = {"a": model("four"), "b/c:d": model("five")}
    assert (await post(models, model="b/c:d")).json()["choices"][0]["message"]["content"] == "five"


async def test_broken_arguments_are_passed_on_as_written():
    broken = AIMessage("", invalid_tool_calls=[{"id": "x", "name": "weather", "args": "{city", "error": None}])

    class Broken(ScriptedChatModel):
        async def _agenerate(self, *args, **kwargs):
            result = await super()._agenerate(*args, **kwargs)
            result.generations[0].message = broken
            return result

    told = (await post(Broken(responses="")),)[0].json()["choices"][0]
    assert told["message"]["tool_calls"][0]["function"] == {"name": "weather", "arguments": "{city"}
    assert told["finish_reason"] == "tool_calls"

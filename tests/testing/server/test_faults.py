"""Faults over HTTP, each with its bill."""

import asyncio
import json
import socket
import time

import httpx
import pytest

from lightrouter_graph.testing import (
    Behave,
    Bill,
    Cut,
    Fail,
    Fault,
    Insert,
    RecordedModelServer,
    Replace,
    Say,
    ServerBehaviour,
    Stall,
    count_tokens,
    split_tokens,
)

REPLY = "Two plus two is four, of course."
ALL = count_tokens(REPLY)
INPUT = count_tokens("2 + 2?") + 4
BOTH_WAYS = pytest.mark.parametrize("stream", [False, True])
BODY = {"model": "m", "messages": [{"role": "user", "content": "2 + 2?"}]}


def events(text):
    lines = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: {")]
    return [json.loads(line) for line in lines]


def content_of(text):
    return "".join(e["choices"][0]["delta"].get("content") or "" for e in events(text) if e["choices"])


def received_before(error_class, server):
    """Read a stream up to the error that ends it."""
    received = []
    url = f"{server.base_url}/chat/completions"

    def read(response):
        for data in response.iter_raw():
            received.append(data)  # noqa: PERF402  # what came before the error counts

    with (
        httpx.Client(trust_env=False) as client,
        client.stream("POST", url, json={**BODY, "stream": True}) as response,
        pytest.raises(error_class),
    ):
        read(response)
    return b"".join(received).decode()


async def received_before_stall(server, *, known, **body):
    """Read a response up to a known string in it; check that nothing follows."""
    received = []

    async def read(response):
        async for data in response.aiter_raw():
            received.append(data)  # noqa: PERF401  # what came before the stall counts

    async with (
        httpx.AsyncClient(trust_env=False) as client,
        client.stream("POST", f"{server.base_url}/chat/completions", json={**BODY, **body}) as response,
    ):
        assert response.status_code == 200
        reading = asyncio.create_task(read(response))
        while known not in b"".join(received).decode():  # noqa: ASYNC110  # the server lives in another thread
            await asyncio.sleep(0.001)
        so_far = len(received)
        await asyncio.sleep(0.02)
        assert (len(received), reading.done()) == (so_far, False)
        reading.cancel()
        await asyncio.wait([reading])
    await asyncio.to_thread(server.wait_until_idle)
    return b"".join(received).decode()


# error responses


@BOTH_WAYS
@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (400, {}),
        (401, {}),
        (402, {}),
        (413, {}),
        (429, {"retry-after": "2"}),
        (429, {"retry-after-ms": "20"}),
        (429, {"x-ratelimit-reset-requests": "1m30s"}),
        (500, {}),
        (503, {"retry-after": "1"}),
        (529, {}),
    ],
)
def test_an_error_status_is_sent_with_headers_and_not_billed(played, post, stream, status, headers):
    played.failures["m"] = Fail(status, "no", headers=headers, code="because")
    response = post(stream=stream)
    assert response.status_code == status
    assert headers.items() <= dict(response.headers).items()
    error = response.json()["error"]
    assert (error["message"], error["code"]) == ("no", "because")
    assert played.total() == Bill()


@BOTH_WAYS
@pytest.mark.parametrize("status", [200, 502])
def test_an_html_page_in_place_of_json(played, post, stream, status):
    played.failures["m"] = Fail(status, body="<html>Bad gateway</html>", content_type="text/html; charset=utf-8")
    response = post(stream=stream)
    assert (response.status_code, response.text) == (status, "<html>Bad gateway</html>")
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert played.total() == Bill()


@BOTH_WAYS
@pytest.mark.parametrize("body", [{"error": {"message": "overloaded"}}, {}, "{oops", "", "null"])
def test_any_body_can_be_sent_with_status_200(played, post, stream, body):
    played.failures["m"] = Fail(200, body=body)
    response = post(stream=stream)
    assert response.headers["content-type"] == "application/json"
    assert response.text == (body if isinstance(body, str) else json.dumps(body))


# stalls


async def send_until_received(server, **body):
    """Send a request that gets no response; return its task once the server has received it."""

    async def send():
        async with httpx.AsyncClient(trust_env=False) as client:
            await client.post(f"{server.base_url}/chat/completions", json={**BODY, **body})

    task = asyncio.create_task(send())
    while not server.requests:  # noqa: ASYNC110  # the server lives in another thread
        await asyncio.sleep(0.001)
    return task


async def cancel(server, task):
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    await asyncio.to_thread(server.wait_until_idle)


@BOTH_WAYS
async def test_a_stall_before_the_headers(played, stream):
    played.failures["m"] = Stall()
    await cancel(played, await send_until_received(played, stream=stream))
    assert played.total() == Bill(1, INPUT, 0, 1)


@pytest.mark.parametrize("after", [0, 3, 99])
async def test_a_stall_in_a_stream(played, after):
    played.failures["m"] = Stall(after)
    tokens = split_tokens(REPLY)[:after]
    received = await received_before_stall(played, known=json.dumps(tokens[-1]) if tokens else "", stream=True)
    assert content_of(received) == "".join(tokens)
    assert '"finish_reason": "' not in received
    assert played.total() == Bill(1, INPUT, len(tokens), 1)


@pytest.mark.parametrize(("after", "known"), [(0, ""), (1, '"choices"')])
async def test_a_stall_in_a_plain_body(played, after, known):
    played.failures["m"] = Stall(after)
    received = await received_before_stall(played, known=known)
    assert bool(received) == bool(after)
    assert '"usage"' not in received
    assert played.total() == Bill(1, INPUT, ALL, 1)


@BOTH_WAYS
@pytest.mark.parametrize("after", [None, 0, 3])
def test_a_finite_stall(played, post, stream, after):
    played.failures["m"] = Stall(after, seconds=0.02)
    began = time.monotonic()
    response = post(stream=stream)
    assert time.monotonic() - began >= 0.02
    content = content_of(response.text) if stream else response.json()["choices"][0]["message"]["content"]
    assert content == REPLY
    assert played.total() == Bill(1, INPUT, ALL)


# interrupted responses


@BOTH_WAYS
@pytest.mark.parametrize(("how", "error"), [("close", httpx.RemoteProtocolError), ("reset", httpx.ReadError)])
def test_a_connection_closed_before_the_headers(played, post, caplog, stream, how, error):
    played.failures["m"] = Cut(how=how)
    with pytest.raises(error):
        post(stream=stream)
    played.wait_until_idle()
    assert played.total() == Bill(1, INPUT)
    assert caplog.records == []


@pytest.mark.parametrize(("how", "error"), [("close", httpx.RemoteProtocolError), ("reset", httpx.ReadError)])
@pytest.mark.parametrize("after", [0, 3, 99])
def test_an_interrupted_stream(played, caplog, how, error, after):
    played.failures["m"] = Cut(after, how=how)
    received = received_before(error, played)
    played.wait_until_idle()
    assert content_of(received) == "".join(split_tokens(REPLY)[:after])
    assert '"finish_reason": "' not in received
    assert "[DONE]" not in received
    assert played.total() == Bill(1, INPUT, min(after, ALL))
    assert caplog.records == []


@pytest.mark.parametrize(("how", "error"), [("close", httpx.RemoteProtocolError), ("reset", httpx.ReadError)])
@pytest.mark.parametrize("after", [0, 3])
def test_an_interrupted_plain_body(played, post, how, error, after):
    played.failures["m"] = Cut(after, how=how)
    with pytest.raises(error):
        post()
    played.wait_until_idle()
    assert played.total() == Bill(1, INPUT, ALL)


def test_a_body_that_ends_early_but_correctly(played, post):
    played.failures["m"] = Cut(after=3, how="end")
    assert content_of(post(stream=True).text) == "Two plus two"
    assert "[DONE]" not in post(stream=True).text
    with pytest.raises(json.JSONDecodeError):
        post().json()
    assert played.total() == Bill(3, 3 * INPUT, 3 + 3 + ALL)


def test_a_correct_end_requires_after():
    with pytest.raises(ValueError, match="give `after`"):
        Cut(how="end")


def test_a_model_recovers_after_interrupted_calls(played, post):
    played.failures["m"] = [Cut(), Cut(after=3), Cut(how="reset")]
    for _ in range(3):
        with pytest.raises(httpx.TransportError):
            post()
    assert post().status_code == 200


# invalid data


def test_garbage_in_a_stream(played, post):
    played.failures["m"] = Insert("data: {oops", after=3)
    before, after = post(stream=True).text.split("data: {oops\n\n")
    assert content_of(before) == "Two plus two"
    assert content_of(before + after) == REPLY
    assert after.endswith("data: [DONE]\n\n")


def test_garbage_in_a_body(played, post):
    played.failures["m"] = Insert("<br>")
    assert post().text.startswith("<br>\n\n{")
    assert played.total() == Bill(1, INPUT, ALL)


def test_an_error_event_can_end_a_stream(played, post):
    played.failures["m"] = Insert({"error": {"message": "overloaded"}}, after=3) & Cut(after=3, how="end")
    text = post(stream=True).text
    assert content_of(text.split('data: {"error"')[0]) == "Two plus two"
    assert text.endswith('data: {"error": {"message": "overloaded"}}\n\n')
    assert played.total() == Bill(1, INPUT, 3)


@pytest.mark.parametrize(
    ("values", "usage"),
    [
        ({"usage": ...}, "none"),
        ({"usage": None}, None),
        ({"prompt_tokens": 0, "completion_tokens": 0}, {"prompt_tokens": 0, "completion_tokens": 0}),
        ({"completion_tokens": -5}, {"completion_tokens": -5}),
        ({"completion_tokens": 10**12}, {"completion_tokens": 10**12}),
        ({"total_tokens": "many"}, {"total_tokens": "many"}),
    ],
)
def test_wrong_usage_does_not_change_the_bill(played, post, values, usage):
    played.failures["m"] = Replace(values)
    plain = post().json().get("usage", "none")
    streamed = events(post(stream=True, stream_options={"include_usage": True}).text)[-1].get("usage", "none")
    counted = {"prompt_tokens": INPUT, "completion_tokens": ALL, "total_tokens": INPUT + ALL}
    expected = {**counted, **usage} if isinstance(usage, dict) else usage
    assert plain == streamed == expected
    assert played.total() == Bill(2, 2 * INPUT, 2 * ALL)


@pytest.mark.parametrize("value", [[], None, 7, {}])
def test_choices_of_an_invalid_type(played, post, value):
    played.failures["m"] = Replace({"choices": value})
    assert post().json()["choices"] == value
    assert all(event["choices"] == value for event in events(post(stream=True).text))


@pytest.mark.parametrize("value", [None, 7, ["x"]])
def test_content_of_an_invalid_type(played, post, value):
    played.failures["m"] = Replace({"content": value})
    assert post().json()["choices"][0]["message"]["content"] == value
    assert events(post(stream=True).text)[1]["choices"][0]["delta"]["content"] == value


def test_null_values_are_not_replaced(played, post):
    played.failures["m"] = Replace({"finish_reason": "content_filter"})
    reasons = [event["choices"][0]["finish_reason"] for event in events(post(stream=True).text)]
    assert reasons == [*[None] * (ALL + 1), "content_filter"]
    assert post().json()["choices"][0]["finish_reason"] == "content_filter"


def test_another_reply_for_one_call(played, post):
    played.failures["m"] = [Say(""), Say("<think>Four?</think>Four.")]
    choices = [post().json()["choices"][0] for _ in range(3)]
    assert [c["message"]["content"] for c in choices] == ["", "<think>Four?</think>Four.", REPLY]
    assert [c["finish_reason"] for c in choices] == ["stop"] * 3
    assert played.total().output_tokens == count_tokens("<think>Four?</think>Four.") + ALL


def test_another_behaviour_for_one_call(played, post):
    played.behaviours["m"] = ServerBehaviour(limit_name="max_tokens")
    played.failures["m"] = [Behave(ServerBehaviour(honours_limit=False)), None]
    assert post(max_completion_tokens=3).json()["usage"]["completion_tokens"] == ALL
    assert post(max_completion_tokens=3).status_code == 400
    assert post(max_tokens=3).json()["usage"]["completion_tokens"] == 3


# combinations


def test_combined_faults_apply_in_order(played, post):
    played.failures["m"] = Insert(": a", after=2) & Insert(": b", after=2) & Stall(seconds=0.01)
    text = post(stream=True).text
    assert ": a\n\n: b\n\n" in text
    assert content_of(text.split(": a")[0]) == "Two plus"


def test_all_hooks_of_combined_faults_apply(played, post):
    played.failures["m"] = Behave(ServerBehaviour(honours_limit=False)) & Say("Four, I say.") & Replace({"id": "x"})
    reply = post(max_tokens=1).json()
    assert (reply["id"], reply["choices"][0]["message"]["content"]) == ("x", "Four, I say.")


def test_the_repr_of_combined_faults_is_their_expression():
    assert repr(Cut(after=3) & Say("x")) == "Cut(after=3, how='close') & Say(reply='x')"
    with pytest.raises(TypeError):
        Cut() & 3


def test_a_custom_fault(played, post):
    class UpperCase(Fault):
        def say(self, reply):
            return reply.upper()

    played.failures["m"] = UpperCase()
    assert post().json()["choices"][0]["message"]["content"] == REPLY.upper()


# the server


def test_a_client_that_disconnects_before_its_body_arrives_is_no_error(played, post, caplog):
    port = httpx.URL(played.base_url).port
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{")
        while not played.in_flight.now:
            time.sleep(0.001)
    played.wait_until_idle()
    assert played.requests == []
    assert post().status_code == 200  # served after whatever the server logs about the first request
    assert caplog.records == []


@BOTH_WAYS
@pytest.mark.parametrize("after", [None, 0, 3])
def test_stopping_the_server_ends_a_stall(caplog, after, stream):
    server = RecordedModelServer(responders={"m": lambda body: REPLY}, failures={"m": Stall(after)})

    async def ask():
        async with server:
            task = await send_until_received(server, stream=stream)
            await asyncio.to_thread(server.stop)
        await asyncio.wait([task])
        return task.exception()

    assert isinstance(asyncio.run(ask()), httpx.RemoteProtocolError)
    assert server.total().cancelled == 1
    assert (server.in_flight.now, server.connections.now) == (0, 0)
    assert caplog.records == []

"""The recorded-model server over HTTP, mostly through `ChatOpenAI`."""

import asyncio
import gzip
import json
import socket
import threading
import time
from contextlib import aclosing

import httpx
import openai
import pytest
from langchain_core.messages import AIMessage, HumanMessage
from openai.types.chat import ChatCompletionChunk

from lightrouter_graph.testing import Bill, Fail, RecordedModelServer, Timing, count_tokens, split_tokens
from lightrouter_graph.testing.server.recordings import Recordings

QUESTION = "What is two   plus two?\nAnswer with a word."
TEXT = "Two plus two is **four**.\n\nSo the answer is: four."
LONG = "one two three four five six seven eight nine ten " * 20
FLOOD = 200_000
RECORDS = [
    {
        "id": "q1",
        "question": QUESTION,
        "category": None,
        "answer": "four",
        "outputs": {"small": {"text": TEXT, "score": 1.0, "tokens": 14}, "big": {"text": LONG}},
    },
    {"question": "Hi!", "outputs": {"small": "Hello."}},
    {"question": "Hi!  How are you doing on this fine day?", "outputs": {"small": "Well."}},
]


@pytest.fixture(scope="module")
def running():
    responders = {"judge": lambda body: f"{len(body['messages'])} seen", "flood": lambda body: "word " * FLOOD}
    with RecordedModelServer(RECORDS, responders=responders) as server:
        yield server


@pytest.fixture
def server(running):
    yield running
    running.wait_until_idle()
    for settings in (running.timings, running.failures):
        settings.clear()
    running.reset()


@pytest.fixture
def ask(server):
    with httpx.Client(base_url=server.base_url, trust_env=False) as client:

        def ask(content=QUESTION, *after, model="small", **body):
            messages = [{"role": "user", "content": content}, *after]
            return client.post("chat/completions", json={"model": model, "messages": messages, **body})

        yield ask


def text(response):
    return response.json()["choices"][0]["message"]["content"]


async def settle(server):
    await asyncio.to_thread(server.wait_until_idle)


# through ChatOpenAI


async def test_a_plain_response(server, chat):
    message = await chat().ainvoke(QUESTION)
    assert message.content == TEXT
    assert message.response_metadata["finish_reason"] == "stop"
    assert message.response_metadata["model_name"] == "small"
    assert message.usage_metadata["output_tokens"] == count_tokens(TEXT)
    assert message.usage_metadata["input_tokens"] == count_tokens(QUESTION) + 4
    assert server.billed == {("small", "completion"): Bill(1, count_tokens(QUESTION) + 4, count_tokens(TEXT))}


async def test_a_limit_cuts_with_finish_reason_length(server, chat):
    message = await chat(max_tokens=3).ainvoke(QUESTION)
    assert message.content == "Two plus two"
    assert message.response_metadata["finish_reason"] == "length"
    assert server.requests[0].body["max_completion_tokens"] == 3
    assert server.total().output_tokens == 3


async def test_a_stream_has_one_token_per_chunk_and_usage_at_the_end(server, chat):
    chunks = [chunk async for chunk in chat().astream(QUESTION)]
    assert [chunk.content for chunk in chunks if chunk.content] == split_tokens(TEXT)
    whole = sum(chunks[1:], chunks[0])
    assert whole.usage_metadata["output_tokens"] == count_tokens(TEXT)
    assert whole.response_metadata["finish_reason"] == "stop"
    assert server.total() == Bill(1, count_tokens(QUESTION) + 4, count_tokens(TEXT))


async def test_a_prefix_is_continued_on_request(server, chat):
    flags = {"extra_body": {"continue_final_message": True, "add_generation_prompt": False}}
    boot = await chat(max_tokens=4).ainvoke(QUESTION)
    rest = await chat().ainvoke([HumanMessage(QUESTION), AIMessage(boot.content)], **flags)
    assert boot.content + rest.content == TEXT
    assert set(server.billed) == {("small", "completion"), ("small", "continuation")}
    assert server.billed["small", "continuation"].output_tokens == count_tokens(TEXT) - 4


@pytest.mark.parametrize("flags", [{"continue_final_message": True}, {}])
def test_a_response_starts_from_the_beginning_without_the_flag_or_a_matching_prefix(server, ask, flags):
    prefix = "Hm" if flags else "Two plus"
    assert text(ask(QUESTION, {"role": "assistant", "content": prefix}, **flags)) == TEXT
    assert list(server.billed) == [("small", "completion")]


async def test_errors_are_exceptions_of_the_openai_sdk(server, chat):
    server.failures["small"] = Fail(status=429, message="slow down", headers={"retry-after": "7"}, times=1)
    with pytest.raises(openai.RateLimitError, match="slow down") as error:
        await chat().ainvoke(QUESTION)
    assert error.value.response.headers["retry-after"] == "7"
    assert (await chat().ainvoke(QUESTION)).content == TEXT
    with pytest.raises(openai.NotFoundError) as error:
        await chat("unknown").ainvoke(QUESTION)
    assert error.value.code == "model_not_found"
    assert server.total().calls == 1
    assert len(server.requests) == 3


# disconnects


async def test_closing_a_stream_stops_the_model(server, chat):
    server.timings["big"] = Timing(tokens_per_s=100)
    async with aclosing(chat("big").astream(QUESTION)) as stream:
        async for chunk in stream:
            if chunk.content:
                break
    await settle(server)
    bill = server.billed["big", "completion"]
    assert bill.cancelled == 1
    assert 0 < bill.output_tokens < count_tokens(LONG)


async def on_arrival(server, call):
    """Start a call and return once the server has it."""
    task = asyncio.create_task(call)
    while not server.requests:  # noqa: ASYNC110  # the server lives in another thread
        await asyncio.sleep(0.001)
    return task


async def cancel_on_arrival(server, call):
    task = await on_arrival(server, call)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    await settle(server)


async def test_cancelling_a_call_stops_the_model(server, chat):
    server.timings["big"] = Timing(tokens_per_s=100)
    await cancel_on_arrival(server, chat("big").ainvoke(QUESTION))
    bill = server.billed["big", "completion"]
    assert bill.cancelled == 1
    assert 0 < bill.output_tokens < count_tokens(LONG)


async def test_a_hanging_call_is_billed_for_its_input(server, chat):
    server.failures["small"] = Fail(hang=True, times=1)
    await cancel_on_arrival(server, chat().ainvoke(QUESTION))
    assert server.total() == Bill(1, count_tokens(QUESTION) + 4, 0, 1)
    assert (await chat().ainvoke(QUESTION)).content == TEXT


async def test_a_disconnect_stops_a_stream_without_delays(server):
    async with (
        httpx.AsyncClient(base_url=server.base_url, trust_env=False) as client,
        client.stream("POST", "chat/completions", json=body_of("flood", stream=True)) as response,
    ):
        await anext(response.aiter_bytes())
    await settle(server)
    assert server.total().cancelled == 1
    assert server.total().output_tokens < FLOOD


def body_of(model, **more):
    return {"model": model, "messages": [{"role": "user", "content": QUESTION}], **more}


# timing


@pytest.mark.parametrize("stream", [True, False])
def test_the_timing_is_applied(server, ask, stream):
    server.timings["small"] = Timing(ttft_s=0.01, tokens_per_s=1000)
    began = time.perf_counter()
    assert ask(stream=stream).status_code == 200
    assert time.perf_counter() - began >= 0.01 + (count_tokens(TEXT) - 1) / 1000


def test_timing_computes_produced_tokens_and_due_times():
    timing = Timing(ttft_s=1, tokens_per_s=10)
    assert [timing.produced(s, 5) for s in (0.9, 1.0, 1.25, 9.0)] == [0, 1, 3, 5]
    assert (timing.due_s(0), timing.due_s(5)) == (1.0, 1.5)
    assert (Timing(ttft_s=1).produced(0.5, 5), Timing().produced(0, 5)) == (0, 5)


# HTTP


def test_the_events_of_a_stream(ask):
    lines = [line for line in ask(stream=True, max_tokens=1).text.splitlines() if line]
    events = [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]
    deltas = [event["choices"][0]["delta"] for event in events]
    assert deltas == [{"role": "assistant", "content": ""}, {"content": "Two"}, {}]
    assert events[-1]["choices"][0]["finish_reason"] == "length"
    assert lines[-1] == "data: [DONE]"
    assert all(ChatCompletionChunk.model_validate(event).to_dict() == event for event in events)


def test_include_usage_adds_an_event(ask):
    lines = ask(stream=True, stream_options={"include_usage": True}).text.split()
    assert lines[-1] == "[DONE]"
    last = ask(stream=True, max_tokens=1, stream_options={"include_usage": True}).text.split("data: ")[-2]
    tokens = count_tokens(QUESTION) + 4
    expected = {"prompt_tokens": tokens, "completion_tokens": 1, "total_tokens": tokens + 1}
    assert (json.loads(last)["usage"], json.loads(last)["choices"]) == (expected, [])


def test_both_limit_parameters_apply(ask):
    assert text(ask(max_tokens=1)) == text(ask(max_completion_tokens=1)) == "Two"
    assert ask(max_tokens=0).json()["error"]["code"] == "invalid_limit"


def test_models_and_health(server):
    with httpx.Client(trust_env=False) as client:
        models = client.get(f"{server.base_url}/models").json()["data"]
        assert [model["id"] for model in models] == ["big", "flood", "judge", "small"] == server.models
        assert client.get(server.base_url.replace("/v1", "/healthz")).json() == {"status": "ok"}
        assert client.get(f"{server.base_url}/nothing").status_code == 404
        assert client.post(f"{server.base_url}/chat/completions", content=b"{").status_code == 400
        assert client.post(f"{server.base_url}/chat/completions", json=[]).status_code == 400
        assert client.post(f"{server.base_url}/chat/completions", json={"model": "small"}).status_code == 400
        assert client.post(f"{server.base_url}/chat/completions", json={"messages": []}).status_code == 400


# look-up of recordings


@pytest.mark.parametrize(
    "content",
    [
        QUESTION,
        "  What is two plus two? Answer with a word.",
        f"Please answer:\n<q>{QUESTION}</q>\nThank you. Hi!",
        [{"type": "text", "text": "Look: "}, {"type": "image_url"}, {"type": "text", "text": QUESTION}],
    ],
)
def test_a_question_is_found_inside_a_longer_prompt(ask, content):
    assert text(ask(content)) == TEXT


def test_the_last_user_message_with_a_question_is_used(ask):
    later = {"role": "user", "content": "Hi!"}
    chatter = {"role": "user", "content": "go on"}
    assert text(ask(QUESTION, {"role": "assistant", "content": "x"}, later, chatter)) == "Hello."


def test_the_longest_contained_question_is_used(ask):
    assert text(ask("He said: Hi! How are you doing on this fine day?")) == "Well."


def test_unknown_questions_and_missing_outputs_are_not_found(ask):
    unknown = ask("What is three plus three?")
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "question_not_found")
    missing = ask("Hi!", model="big")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "output_not_found")


def test_look_ups_are_fast_among_thousands_of_similar_questions():
    same = "The following is a multiple choice question about business. " * 3
    records = [{"question": f"{same} {i} times {i} is?", "outputs": {"m": str(i)}} for i in range(5000)]
    recordings = Recordings(records)
    began = time.perf_counter()
    found = [recordings.find([f"Aggregate these: {records[i]['question']} ..." * 3]) for i in range(0, 5000, 100)]
    assert [f.outputs["m"] for f in found] == [str(i) for i in range(0, 5000, 100)]
    assert (time.perf_counter() - began) / 50 < 0.02


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz"])
def test_recordings_are_read_from_files(tmp_path, suffix):
    path = tmp_path / f"records{suffix}"
    with (gzip.open if suffix.endswith("gz") else open)(path, "wt") as file:
        file.writelines(json.dumps(record) + "\n" for record in RECORDS)
    assert len(Recordings(path)) == len(Recordings(str(path))) == 3


def test_invalid_recordings_raise_with_their_location(tmp_path):
    (tmp_path / "bad.jsonl").write_text('{"question": "q", "outputs": {}}\n{oops\n')
    with pytest.raises(ValueError, match="line 2: not JSON"):
        Recordings(tmp_path / "bad.jsonl")
    with pytest.raises(ValueError, match="a record needs"):
        Recordings([{"question": "q"}])
    with pytest.raises(ValueError, match="question is empty"):
        Recordings([{"question": " ", "outputs": {}}])


# responders


def test_a_responder_computes_replies(server, ask):
    assert text(ask("anything", model="judge")) == "1 seen"
    server.responders["broken"] = lambda body: 1 / 0
    try:
        failed = ask(model="broken")
    finally:
        del server.responders["broken"]
    assert failed.status_code == 500
    assert "ZeroDivisionError" in failed.json()["error"]["message"]


@pytest.mark.parametrize("result", [None, 3, {"content": "x"}])
def test_a_responder_result_of_an_invalid_type_is_reported(server, ask, result):
    server.responders["odd"] = lambda body: result
    try:
        failed = ask(model="odd")
    finally:
        del server.responders["odd"]
    assert failed.status_code == 500
    assert f"returned {result!r}, not a str" in failed.json()["error"]["message"]


# start and stop


async def test_the_api_key_is_required_and_never_stored():
    async with (
        RecordedModelServer(RECORDS, api_key="hush-hush") as server,
        httpx.AsyncClient(trust_env=False) as client,
    ):
        url = f"{server.base_url}/chat/completions"
        refused = await client.post(url, json=body_of("small"))
        wrong = await client.post(url, json=body_of("small"), headers={"authorization": "Bearer guess-me"})
        right = await client.post(url, json=body_of("small"), headers={"authorization": "Bearer hush-hush"})
        assert (await client.get(f"{server.base_url}/models")).status_code == 401
    assert [r.status_code for r in (refused, wrong, right)] == [401, 401, 200]
    assert refused.json()["error"]["code"] == "invalid_api_key"
    assert [request.has_authorization for request in server.requests] == [False, True, True]
    shown = repr(server.requests) + repr(server) + repr(vars(server)) + wrong.text
    assert "hush" not in shown
    assert "guess" not in shown


def test_stopping_closes_connections_ends_the_thread_and_bills_calls_in_flight():
    before = set(threading.enumerate())
    server = RecordedModelServer(RECORDS, failures={"small": Fail(hang=True)}, timings={"big": Timing(ttft_s=60)})
    errors = []

    def call(url, body):
        with pytest.raises(httpx.RemoteProtocolError) as error:
            client.post(url, json=body)
        errors.append(error.type)

    with server, httpx.Client(trust_env=False) as client:
        url = f"{server.base_url}/chat/completions"
        bodies = [body_of("small"), body_of("big", stream=True)]
        callers = [threading.Thread(target=call, args=(url, body)) for body in bodies]
        for caller in callers:
            caller.start()
        while len(server.requests) < 2:
            time.sleep(0.001)
        server.stop()
        for caller in callers:
            caller.join()
    assert len(errors) == 2
    assert set(threading.enumerate()) == before
    assert server.total().cancelled == 2
    with pytest.raises(RuntimeError, match="runs only inside"):
        _ = server.base_url


def test_the_port_can_be_set():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with RecordedModelServer(RECORDS, port=port) as server:
        assert server.base_url == f"http://127.0.0.1:{port}/v1"
        with pytest.raises(RuntimeError, match="already"):
            server.start()
        with pytest.raises(OSError, match="in use"):
            RecordedModelServer(RECORDS, port=port).start()


async def test_wait_until_idle_times_out(server, chat):
    server.failures["small"] = Fail(hang=True)
    task = await on_arrival(server, chat().ainvoke(QUESTION))
    with pytest.raises(TimeoutError, match="still in flight"):
        server.wait_until_idle(0.001)
    task.cancel()
    await asyncio.wait([task])


def test_responses_do_not_wait_for_delayed_acknowledgements(ask):
    ask()
    began = time.perf_counter()
    for _ in range(20):
        assert ask(max_tokens=4).status_code == 200
    assert time.perf_counter() - began < 20 * 0.04

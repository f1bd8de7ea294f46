"""Tool calls and stop sequences of recorded models, over HTTP."""

import asyncio
import json
from contextlib import aclosing

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage
from openai.types.chat.chat_completion_chunk import Choice

from lightrouter_graph.testing import Bill, RecordedModelServer, Timing, count_tokens, split_tokens
from lightrouter_graph.testing.server.timed_response import cut_at, make_deltas, merge_deltas

WEATHER = {"name": "get_weather", "args": {"place": "São Paulo, 東京", "days": 3}, "id": "call-1", "type": "tool_call"}
ADD = {"name": "add", "args": {}, "id": None, "type": "tool_call"}
ARGUMENTS = '{"place": "São Paulo, 東京", "days": 3}'
NAME_TOKENS = count_tokens("get_weather")
TOKENS = NAME_TOKENS + count_tokens(ARGUMENTS)
TEXT = "One, two, three. Four."
RECORDS = [{"question": "Weather?", "outputs": {"recorded": {"tool_calls": [WEATHER]}, "texts": {"text": TEXT}}}]
REPLIES = {
    "weather": AIMessage("", tool_calls=[WEATHER]),
    "both": AIMessage("Let me see.", tool_calls=[WEATHER, ADD]),
    "broken": AIMessage(
        "",
        invalid_tool_calls=[
            {"name": "add", "args": '{"a": ', "id": "call-1", "error": None, "type": "invalid_tool_call"}
        ],
    ),
    "filtered": AIMessage("No.", response_metadata={"finish_reason": "content_filter"}),
    "text": AIMessage([{"type": "text", "text": TEXT}]),
}


@pytest.fixture(scope="module")
def running():
    responders = {name: lambda body, reply=reply: reply for name, reply in REPLIES.items()}
    with RecordedModelServer(RECORDS, responders=responders) as server:
        yield server


@pytest.fixture
def server(running):
    yield running
    running.wait_until_idle()
    running.timings.clear()
    running.reset()


@pytest.fixture
def ask(server):
    with httpx.Client(base_url=server.base_url, trust_env=False) as client:

        def ask(model, content="Weather?", **body):
            messages = [{"role": "user", "content": content}]
            return client.post("chat/completions", json={"model": model, "messages": messages, **body})

        yield ask


def choice(response):
    return response.json()["choices"][0]


def events(response):
    lines = [line.removeprefix("data: ") for line in response.text.splitlines() if line]
    assert lines[-1] == "[DONE]"
    return [json.loads(line)["choices"][0] for line in lines[:-1]]


def merged(got):
    """Merge the deltas of the events after the first one."""
    return merge_deltas(event["delta"] for event in got[1:]).to_dict()


async def stream(model, question="Weather?"):
    chunks = [chunk async for chunk in model.astream(question)]
    return sum(chunks[1:], chunks[0])


# tool calls


@pytest.mark.parametrize("model", ["weather", "recorded"])
async def test_plain_and_streamed_tool_calls_are_equal(server, chat, model):
    invoked, streamed = await chat(model).ainvoke("Weather?"), await stream(chat(model))
    for message in (invoked, streamed):
        assert (message.content, message.tool_calls) == ("", [WEATHER])
        assert message.response_metadata["finish_reason"] == "tool_calls"
        assert message.usage_metadata["output_tokens"] == TOKENS
    assert server.total().output_tokens == 2 * TOKENS


async def test_a_text_can_precede_several_tool_calls(chat):
    invoked, streamed = await chat("both").ainvoke("?"), await stream(chat("both"))
    for message in (invoked, streamed):
        assert message.content == "Let me see."
        assert [(call["name"], call["args"]) for call in message.tool_calls] == [
            (WEATHER["name"], WEATHER["args"]),
            ("add", {}),
        ]
        assert all(call["id"] for call in message.tool_calls)
    assert invoked.tool_calls[1]["id"] != streamed.tool_calls[1]["id"]


async def test_invalid_arguments_are_sent_unchanged(chat):
    invoked, streamed = await chat("broken").ainvoke("?"), await stream(chat("broken"))
    assert invoked.invalid_tool_calls[0]["args"] == streamed.tool_call_chunks[0]["args"] == '{"a": '
    assert invoked.response_metadata["finish_reason"] == streamed.response_metadata["finish_reason"] == "tool_calls"


async def test_a_message_can_set_its_finish_reason(chat):
    assert (await chat("filtered").ainvoke("?")).response_metadata["finish_reason"] == "content_filter"
    cut = await chat("filtered", max_tokens=1).ainvoke("?")
    assert (cut.content, cut.response_metadata["finish_reason"]) == ("No", "length")


def test_the_json_of_a_plain_tool_call(ask):
    function = {"name": "get_weather", "arguments": ARGUMENTS}
    assert choice(ask("weather")) == {
        "index": 0,
        "message": {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "call-1", "type": "function", "function": function}],
            "refusal": None,
        },
        "logprobs": None,
        "finish_reason": "tool_calls",
    }


def test_the_events_of_a_streamed_tool_call(ask):
    got = events(ask("weather", stream=True))
    head = {"index": 0, "id": "call-1", "type": "function", "function": {"name": "get_weather", "arguments": ""}}
    parts = [{"index": 0, "function": {"arguments": token}} for token in split_tokens(ARGUMENTS)]
    deltas = [{"tool_calls": [part]} for part in (head, *parts)]
    assert [event["delta"] for event in got] == [{"role": "assistant", "content": None}, *deltas, {}]
    assert all(Choice.model_validate(event).to_dict() == event for event in got)
    assert [event["finish_reason"] for event in got] == [None] * (len(deltas) + 1) + ["tool_calls"]


def test_tool_calls_are_indexed_and_follow_the_text(ask):
    deltas = [event["delta"] for event in events(ask("both", stream=True))]
    assert deltas[0] == {"role": "assistant", "content": ""}
    numbers = [delta["tool_calls"][0]["index"] for delta in deltas if "tool_calls" in delta]
    assert sorted(set(numbers)) == [0, 1]
    assert numbers == sorted(numbers)


# limits


@pytest.mark.parametrize("limit", range(1, TOKENS + 2))
def test_a_limit_cuts_plain_and_streamed_tool_calls_at_the_same_token(ask, limit):
    whole, got = ask("weather", max_tokens=limit), events(ask("weather", max_tokens=limit, stream=True))
    calls = choice(whole)["message"].get("tool_calls", [])
    arguments = [call["function"]["arguments"] for call in calls]
    if limit < NAME_TOKENS:
        assert choice(whole)["message"] == {"role": "assistant", "content": "", "refusal": None}
    else:
        assert arguments == ["".join(split_tokens(ARGUMENTS)[: limit - NAME_TOKENS])]
    assert merged(got).get("tool_calls", []) == calls
    reasons = {choice(whole)["finish_reason"], got[-1]["finish_reason"]}
    assert reasons == {"tool_calls" if limit >= TOKENS else "length"}
    assert whole.json()["usage"]["completion_tokens"] == min(limit, TOKENS)


async def test_langchain_reports_a_cut_tool_call_as_invalid(chat):
    limit = NAME_TOKENS + 3
    invoked = await chat("weather", max_tokens=limit).ainvoke("?")
    assert (invoked.tool_calls, invoked.response_metadata["finish_reason"]) == ([], "length")
    assert invoked.invalid_tool_calls[0]["args"] == '{"place":'
    streamed = await stream(chat("weather", max_tokens=limit))
    assert streamed.tool_call_chunks[0]["args"] == '{"place":'


# cancellation


async def test_a_call_cancelled_in_its_arguments_is_billed_for_the_tokens_sent(server, chat):
    server.timings["weather"] = Timing(tokens_per_s=100)
    async with aclosing(chat("weather").astream("?")) as chunks:
        async for chunk in chunks:
            if chunk.tool_call_chunks and chunk.tool_call_chunks[0]["args"]:
                break
    await asyncio.to_thread(server.wait_until_idle)
    bill = server.billed["weather", "completion"]
    assert bill.cancelled == 1
    assert NAME_TOKENS < bill.output_tokens < TOKENS


# stop sequences


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("stop", "text"),
    [
        ("three", "One, two, "),
        (["Four", ", th"], "One, two"),
        (["one"], TEXT),
        (["", "zzz"], TEXT),
        (["One"], ""),
        (None, TEXT),
        ([], TEXT),
    ],
)
@pytest.mark.parametrize("model", ["texts", "text"])
def test_a_text_ends_before_the_first_stop_sequence(server, ask, model, stop, text, stream):
    response = ask(model, stop=stop, stream=stream)
    if stream:
        got = events(response)
        got_text, reason = merged(got)["content"], got[-1]["finish_reason"]
    else:
        got_text, reason = choice(response)["message"]["content"], choice(response)["finish_reason"]
    assert (got_text, reason) == (text, "stop")
    assert server.total() == Bill(1, count_tokens("Weather?") + 4, count_tokens(text))


def test_a_limit_before_the_stop_sequence_applies(ask):
    cut = choice(ask("texts", stop="Four", max_tokens=2))
    assert (cut["message"]["content"], cut["finish_reason"]) == ("One,", "length")


def test_a_stop_sequence_drops_the_tool_calls(ask):
    stopped = choice(ask("both", stop="me"))
    assert stopped["message"] == {"role": "assistant", "content": "Let ", "refusal": None}
    assert stopped["finish_reason"] == "stop"


def test_stop_sequences_apply_to_continuations(ask):
    after = {"role": "assistant", "content": "One, two,"}
    messages = [{"role": "user", "content": "Weather?"}, after]
    cut = choice(ask("texts", messages=messages, continue_final_message=True, stop=["two", "Four"]))
    assert cut["message"]["content"] == " three. "


@pytest.mark.parametrize("stop", [3, {"a": 1}, ["a", 3]])
def test_a_stop_of_an_invalid_type_is_refused(ask, stop):
    refused = ask("texts", stop=stop)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "invalid_stop")


@given(st.text("ab "), st.lists(st.text("ab ", min_size=1), max_size=3))
def test_the_kept_text_contains_no_stop_sequence(text, stops):
    kept = cut_at(text, stops)
    assert text.startswith(kept)
    assert not any(stop in kept for stop in stops)
    assert kept == text or any(text.startswith(stop, len(kept)) for stop in stops)


# deltas

ARGS = st.dictionaries(st.text(), st.integers() | st.text() | st.lists(st.booleans()), max_size=3)
CALLS = st.lists(
    st.builds(lambda name, args: {"name": name, "args": args, "id": "i"}, st.text("ab_1", min_size=1), ARGS)
)


@given(st.text(), CALLS)
def test_deltas_merge_to_the_message_and_are_one_per_token(text, calls):
    deltas = make_deltas(AIMessage("", tool_calls=calls), text, "x")
    message = merge_deltas(deltas).to_dict()
    merged_calls = [
        (c["function"]["name"], json.loads(c["function"]["arguments"])) for c in message.get("tool_calls", [])
    ]
    assert (message["content"] or "", merged_calls) == (text, [(call["name"], call["args"]) for call in calls])
    written = [json.dumps(call["args"], ensure_ascii=False) for call in calls]
    names = [call["name"] for call in calls]
    assert len(deltas) == sum(map(count_tokens, [text, *names, *written]))


# recordings


def test_recorded_tool_calls_are_validated():
    with pytest.raises(ValueError, match="a record needs"):
        RecordedModelServer([{"question": "q", "outputs": {"a": {"tool_calls": [{"nom": "add"}]}}}])

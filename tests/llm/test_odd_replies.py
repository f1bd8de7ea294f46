"""Responses of endpoints that follow the API in their own way, through a real ChatOpenAI client and the whole graph."""

import json

import pytest
from helpers import decision
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from odd_endpoint import COUNTED, Endpoint, body, chunk, either

from lightrouter_graph import Context, NoSurvivorError, Pool, create_lightrouter
from lightrouter_graph.llm.reply_end import end_kind

QUESTION = "What is 17 * 23?"
LONE = "\ud800"
MULTIPLY = {
    "type": "function",
    "function": {
        "name": "multiply",
        "parameters": {
            "type": "object",
            "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
            "required": ["a", "b"],
        },
    },
}


async def ask(*candidates, question=QUESTION, tools=(), stream_mode=None, **settings):
    """Ask with a checkpointer, which refuses what it cannot store."""
    builder = create_lightrouter(Pool(candidates), tools=tools, context=Context(**settings))
    graph = builder.compile(checkpointer=InMemorySaver())
    asked, config = {"messages": [HumanMessage(question)]}, {"configurable": {"thread_id": "1"}}
    if stream_mode is not None:
        async for _ in graph.astream(asked, config, stream_mode=stream_mode):
            pass
        return (await graph.aget_state(config)).values["messages"][-1]
    return (await graph.ainvoke(asked, config))["messages"][-1]


def always(reply):
    return Endpoint(lambda _: reply)


# ends ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", [None, ""])
async def test_a_whole_body_without_a_reason_is_whole(reason):
    answer = await ask(always(body("The answer is 391.", reason)).candidate())
    assert answer.text == "The answer is 391."
    assert decision(answer)["complete"] is True


async def test_a_stream_without_a_reason_broke_off():
    endpoint = always([chunk({"role": "assistant", "content": "The answer is"})])
    with pytest.raises(NoSurvivorError, match="ended without a finish reason"):
        await ask(endpoint.candidate(), deadline_s=60)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("reason", ["error", "content_filtered", "spii", "model_context_window_exceeded", "hiccup"])
async def test_half_an_answer_is_never_complete(reason, streamed):
    endpoint = Endpoint(lambda sent: either(sent, "The sea is wide and", reason))
    candidate, settings = endpoint.candidate(), {"deadline_s": 60} if streamed else {}
    if end_kind(reason) in {"failed", "filtered"}:
        with pytest.raises(NoSurvivorError, match=reason):
            await ask(candidate, question="Tell me of the sea", **settings)
        return
    answer = await ask(candidate, question="Tell me of the sea", **settings)
    assert (answer.text, decision(answer)["complete"]) == ("The sea is wide and", False)


async def test_an_unknown_end_does_not_stop_the_run():
    odd, others = Endpoint(lambda sent: either(sent, "It is 7. The answer is 7.", "hiccup")), []
    others += [Endpoint(lambda sent: either(sent, "The answer is 391.")).candidate(name) for name in "bc"]
    answer = await ask(odd.candidate("a"), *others)
    assert answer.text == "The answer is 391."


async def test_joined_chunks_are_read_one_by_one():
    reply = [chunk({"role": "assistant", "content": "391"}, "stop"), chunk({}, "stop"), chunk({}, "stop", COUNTED)]
    answer = await ask(always(reply).candidate(), deadline_s=60)
    assert (answer.text, decision(answer)["complete"]) == ("391", True)


async def test_answers_with_an_unknown_end_do_not_agree():
    odd = [Endpoint(lambda sent: either(sent, "The answer is 7.", "hiccup")).candidate(name) for name in "ab"]
    whole = [Endpoint(lambda sent: either(sent, "The answer is 391.")).candidate(name) for name in "cd"]
    agreement = decision(await ask(*odd, *whole, top_k=4, max_tokens=50))["agreement"]
    assert agreement["groups"] == {"391": ["c", "d"]}


async def test_a_placeholder_for_no_reason_is_no_reason():
    reply = [chunk({"role": "assistant", "content": "391"}, "null"), chunk({}, "null"), chunk({}, "stop", COUNTED)]
    assert decision(await ask(always(reply).candidate(), deadline_s=60))["complete"] is True


async def test_what_a_filter_has_stopped_is_not_shown():
    filtered = Endpoint(lambda sent: either(sent, "The secret is", "content_filter")).candidate("a")
    healthy = Endpoint(lambda sent: either(sent, "The answer is 391.")).candidate("b")
    answer = await ask(filtered, healthy)
    assert answer.text == "The answer is 391."
    assert decision(answer)["candidates"][0]["why"].startswith("content_filter: ")


@pytest.mark.parametrize(
    ("status", "details", "complete"),
    [
        ("completed", None, True),
        ("incomplete", {"reason": "max_output_tokens"}, False),
        ("incomplete", {"reason": "something_new"}, False),
        ("incomplete", {"reason": "content_filter"}, None),
        ("cancelled", None, None),
    ],
)
async def test_the_status_of_the_responses_api_is_its_end(status, details, complete):
    text = {"type": "output_text", "text": "The sea is wide", "annotations": []}
    message = {"type": "message", "id": "m1", "role": "assistant", "status": status, "content": [text]}
    usage = {"input_tokens": 9, "output_tokens": 5, "total_tokens": 14}
    usage |= {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
    reply = {"id": "r1", "object": "response", "created_at": 1, "model": "m", "output": [message], "usage": usage}
    reply |= {"status": status, "incomplete_details": details, "parallel_tool_calls": True, "tools": []}
    endpoint = always({**reply, "tool_choice": "auto"})
    candidate = endpoint.candidate(settings={"use_responses_api": True})
    if complete is None:
        with pytest.raises(NoSurvivorError):
            await ask(candidate, question="Tell me of the sea")
        return
    answer = await ask(candidate, question="Tell me of the sea")
    assert (answer.text, decision(answer)["complete"]) == ("The sea is wide", complete)


# odd replies -----------------------------------------------------------------------------------------------


def nested(depth):
    value = 1
    for _ in range(depth):
        value = {"a": value}
    return value


def calling(arguments, call_id="c1", name="multiply"):
    return [{"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}]


ODD = {
    "another role": body(role="user"),
    "no role": body(role=None),
    "a role of another type": body(role={"a": 1}),
    "an object as content": body({"text": "hi"}),
    "a number as content": body(5),
    "nested lists as content": body([["a"]]),
    "blocks without text": body([{"type": "text"}]),
    "half a surrogate": body("391" + LONE),
    "no choice": {**body(), "choices": []},
    "an empty choice": {**body(), "choices": [{}]},
    "no message": {**body(), "choices": [{"index": 0, "message": None}]},
    "a list as reason": body(reason=["stop"]),
    "half a surrogate as reason": body(reason=LONE),
    "half a surrogate as model": {**body(), "model": LONE, "system_fingerprint": LONE},
    "usage that is no number": body(
        usage={"prompt_tokens": float("nan"), "completion_tokens": [], "total_tokens": "x"}
    ),
    "negative usage": body(usage={"prompt_tokens": -1, "completion_tokens": -1, "total_tokens": -2}),
    "huge usage": body(usage={"prompt_tokens": 10**40, "completion_tokens": True, "total_tokens": 10**41}),
    "arguments nested too deep": body(None, "tool_calls", tool_calls=calling(json.dumps(nested(900)))),
    "arguments too deep for a checkpoint": body(None, "tool_calls", tool_calls=calling(json.dumps(nested(250)))),
    "a huge integer in arguments": body(None, "tool_calls", tool_calls=calling(f'{{"a": {10**30}, "b": 1}}')),
    "half a surrogate in arguments": body(None, "tool_calls", tool_calls=calling('{"a": "\\ud800"}')),
    "half a surrogate in an id": body(None, "tool_calls", tool_calls=calling('{"a": 1, "b": 2}', LONE)),
    "half a surrogate in a name": body(None, "tool_calls", tool_calls=calling("{}", name=LONE)),
    "no id": body(None, "tool_calls", tool_calls=calling('{"a": 1, "b": 2}', None)),
    "no name": body(None, "tool_calls", tool_calls=calling("{}", name=None)),
    "calls that are no objects": body(None, "tool_calls", tool_calls=[None, 5]),
    "not JSON": "<html>busy</html>",
    "an error with status 200": json.dumps({"error": {"message": "boom"}}),
}
ODD_STREAMS = {
    "another role": [chunk({"role": "user", "content": "391"}), chunk({}, "stop", COUNTED)],
    "another role later": [
        chunk({"role": "assistant", "content": "39"}),
        chunk({"role": "tool", "content": "1"}, "stop"),
    ],
    "no delta": [chunk(None), chunk("x"), chunk({"content": "391"}, "stop")],
    "content of another type": [chunk({"content": {"text": "hi"}}), chunk({"content": 5}, "stop")],
    "an empty choice": [{**chunk({}), "choices": [{}]}, chunk({"content": "391"}, "stop")],
    "calls of another type": [chunk({"role": "assistant", "tool_calls": "x"}), chunk({}, "tool_calls")],
    "calls without a function": [chunk({"role": "assistant", "tool_calls": [{"index": 0}]}), chunk({}, "tool_calls")],
    "metadata that cannot be joined": [
        {**chunk({"content": "39"}, "stop"), "system_fingerprint": {"a": 1}},
        {**chunk({"content": "1"}, "stop"), "system_fingerprint": "b"},
    ],
    "usage that is no number": [chunk({"content": "391"}), chunk({}, "stop", {"prompt_tokens": "many"})],
    "not JSON": ["{", chunk({"content": "391"}, "stop")],
}


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
@pytest.mark.parametrize(("name", "streamed"), [*((n, False) for n in ODD), *((n, True) for n in ODD_STREAMS)])
@pytest.mark.parametrize("tools", [(), (MULTIPLY,)])
async def test_one_odd_reply_never_ends_a_run_in_which_others_answer(name, streamed, tools):
    odd = always(ODD_STREAMS[name] if streamed else ODD[name]).candidate("odd")
    healthy = [Endpoint(lambda sent: either(sent, "The answer is 391.")).candidate(n) for n in ("b", "c")]
    answer = await ask(odd, *healthy, tools=tools, **({"deadline_s": 60} if streamed else {}))
    assert "391" in answer.text or answer.tool_calls
    assert answer.model_dump_json()
    bill = decision(answer)["bill"]
    assert 0 <= bill["usage"]["input_tokens"] < 10_000
    assert bill["usd"] > 0


async def test_a_reply_in_another_role_is_read():
    answer = await ask(always(body("391", role="user", usage=COUNTED)).candidate())
    assert (answer.text, answer.usage_metadata["output_tokens"]) == ("391", 10)


@pytest.mark.parametrize("tools", [(), (MULTIPLY,)])
async def test_a_refusal_keeps_its_words(tools):
    endpoint = always(body(None, refusal="I cannot\nhelp with that."))
    with pytest.raises(NoSurvivorError, match="content_filter: the model refused: I cannot help with that"):
        await ask(endpoint.candidate(), tools=tools)


async def test_a_refusal_of_the_responses_api_keeps_its_words():
    refusal = {"type": "refusal", "refusal": "I cannot help with that."}
    message = {"type": "message", "id": "m1", "role": "assistant", "status": "completed", "content": [refusal]}
    reply = {"id": "r1", "object": "response", "created_at": 1, "model": "m", "output": [message], "tools": []}
    endpoint = always({**reply, "status": "completed", "parallel_tool_calls": True, "tool_choice": "auto"})
    with pytest.raises(NoSurvivorError, match="content_filter: the model refused: I cannot help with that"):
        await ask(endpoint.candidate(settings={"use_responses_api": True}))


async def test_text_beside_a_refusal_is_the_answer():
    assert (await ask(always(body("391", refusal="Only this.")).candidate())).text == "391"


# servers with habits ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream_mode", ["messages", None])
async def test_a_server_that_does_not_stream_is_asked_again_once(stream_mode):
    endpoint = always(body("The answer is 391."))
    candidate, settings = endpoint.candidate(), {"stream_mode": stream_mode} if stream_mode else {"deadline_s": 60}
    answer = await ask(candidate, **settings)
    assert answer.text == "The answer is 391."
    assert [bool(sent.get("stream")) for sent in endpoint.bodies] == [True, False]
    await ask(candidate, **settings)
    assert [bool(sent.get("stream")) for sent in endpoint.bodies[2:]] == [False]


async def test_an_empty_stream_is_not_taken_for_a_server_that_does_not_stream():
    endpoint = always([])
    candidate = endpoint.candidate()
    for _ in range(2):
        with pytest.raises(NoSurvivorError):
            await ask(candidate, deadline_s=60)
    assert [bool(sent.get("stream")) for sent in endpoint.bodies] == [True, False] * 2


STORY = "Once there was a dragon who lived by the sea and ate only apples, which he bought."


def llama(sent):
    """Continue a final assistant message as llama.cpp does: the prefix comes back unless the response is streamed."""
    last = sent["messages"][-1]
    begun = last["content"] if last["role"] == "assistant" else ""
    words = STORY[len(begun) :].split(" ")
    cap = sent.get("max_completion_tokens") or 1000
    text, whole = " ".join(words[:cap]), len(words) <= cap
    usage = {"prompt_tokens": 20, "completion_tokens": min(cap, len(words)), "total_tokens": 0}
    return body(begun + text, "stop" if whole else "length", usage)


def forgetful(sent):
    """Begin again instead of continuing."""
    return llama({**sent, "messages": sent["messages"][:1]})


CONTINUING = {"question": "Tell me a story", "boot_tokens": 6, "top_k": 1, "agree": None}


async def test_a_repeated_prefix_is_a_continuation():
    endpoint = Endpoint(llama)
    pool = [endpoint.candidate(name, continuation="prefill") for name in "ab"]
    answer = await ask(*pool, **CONTINUING)
    assert (answer.text, len(endpoint.bodies)) == (STORY, 3)
    assert {record["via"] for record in decision(answer)["candidates"]} == {"continuation", None}
    assert not any(candidate.learned.restarts for candidate in pool)
    counted = sum(llama(sent)["usage"]["completion_tokens"] for sent in endpoint.bodies)
    assert answer.usage_metadata["output_tokens"] == counted


async def test_a_model_that_begins_again_with_the_same_words_has_restarted():
    endpoint = Endpoint(forgetful)
    pool = [endpoint.candidate(name, continuation="prefill") for name in "ab"]
    assert (await ask(*pool, **CONTINUING)).text == STORY
    assert any(candidate.learned.restarts for candidate in pool)


# tool calls as text ----------------------------------------------------------------------------------------

CALL = '{"name": "multiply", "arguments": {"a": 17, "b": 23}}'


@pytest.mark.parametrize(
    "text",
    [
        CALL,
        f"  {CALL}\n",
        f"```json\n{CALL}\n```",
        f"<tool_call>\n{CALL}\n</tool_call>",
        f"[{CALL}]",
        '{"name": "multiply", "parameters": {"a": 17, "b": 23}}',
        f"<think>I multiply.</think>{CALL}",
    ],
)
async def test_a_call_written_as_text_is_a_proposal(text):
    answer = await ask(always(body(text)).candidate(), tools=(MULTIPLY,))
    assert [(call["name"], call["args"]) for call in answer.tool_calls] == [("multiply", {"a": 17, "b": 23})]
    assert answer.text == ""
    assert decision(answer)["candidates"][0]["repaired"] == "tool calls written as text"


@pytest.mark.parametrize(
    "text",
    [
        f"Call this: {CALL}",
        f"{CALL} That is all.",
        f"Here:\n```json\n{CALL}\n```",
        f"<tool_call>{CALL}</tool_call> is what I would call",
        '{"name": "divide", "arguments": {"a": 17, "b": 23}}',
        '{"name": "multiply", "arguments": {"a": 17}}',
        '{"name": "multiply", "arguments": {"a": "17", "b": 23}}',
        '{"name": "multiply", "arguments": "a"}',
        '{"name": "multiply", "arguments": {"a": 1, "b": 2}, "parameters": {"a": 1, "b": 2}}',
        '{"name": "multiply", "arguments": {"a": 1, "b": 2}, "why": "because"}',
        f"[{CALL}, 5]",
        "[]",
        '{"a": 17, "b": 23}',
    ],
)
async def test_anything_else_stays_text(text):
    answer = await ask(always(body(text)).candidate(), tools=(MULTIPLY,))
    assert (answer.text, answer.tool_calls) == (text, [])
    assert "repaired" not in decision(answer)["candidates"][0]


async def test_without_tools_and_when_cut_a_call_stays_text():
    assert (await ask(always(body(CALL)).candidate())).text == CALL
    assert (await ask(always(body(CALL, "length")).candidate(), tools=(MULTIPLY,))).tool_calls == []

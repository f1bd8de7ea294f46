"""Scripted model: replies, limits, delays, cancellation and the call log."""

import asyncio
import re
from contextlib import aclosing
from typing import Annotated, TypedDict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from langgraph.types import Send

from lightrouter_graph.testing import (
    Reply,
    ScriptedChatModel,
    ScriptExhaustedError,
    VirtualClock,
    count_tokens,
    split_tokens,
)
from lightrouter_graph.testing.tokens import take_tokens

ADD = {"name": "add", "args": {"a": 2, "b": 2}, "id": "call-1", "type": "tool_call"}
ADD_SHAPE = {
    "type": "function",
    "function": {"name": "add", "description": "Add.", "parameters": {"type": "object", "properties": {}}},
}


def scripted_model(*responses, **settings):
    return ScriptedChatModel(responses=list(responses), name="a", **settings)


async def collect(model, received):
    async for chunk in model.astream("?"):
        received.append(chunk.content)  # what came before an error counts


# tokens ----------------------------------------------------------------------------------------------------


@settings(max_examples=50)
@given(st.text(alphabet=st.characters(codec="utf-8")) | st.text(alphabet="ab1 \n\t.é"))
def test_tokens_join_to_the_text_and_count_as_the_documented_pattern(text):
    pieces = split_tokens(text)
    assert "".join(pieces) == text
    counted = len(re.findall(r"[A-Za-z]{1,8}|\d{1,3}|\s*\n+|[^\sA-Za-z\d]{1,2}", text))
    assert count_tokens(text) == len(pieces) == (counted or (1 if text else 0))
    assert take_tokens(text, 2) == "".join(pieces[:2])


def test_long_runs_of_blanks_are_counted_in_linear_time():
    assert count_tokens("a" + " " * 200_000 + "b" + " " * 200_000) == 2


# replies ----------------------------------------------------------------------------------------------------


def test_a_list_is_consumed_once_and_an_extra_call_raises_with_the_model_name():
    model = scripted_model("one", AIMessage("two"), lambda messages: f"got {messages[-1].content}")
    assert [model.invoke(q).content for q in "xyz"] == ["one", "two", "got z"]
    with pytest.raises(ScriptExhaustedError, match="'a' was called 4 times, its script has 3"):
        model.invoke("w")
    assert len(model.calls) == 4


def test_a_single_response_repeats_and_lists_can_cycle_or_repeat_the_last_entry():
    lone = ScriptedChatModel(responses="4")
    assert [lone.invoke("?").content for _ in range(3)] == ["4", "4", "4"]
    cycling, staying = scripted_model("a", "b", then="cycle"), scripted_model("a", "b", then="repeat_last")
    assert [cycling.invoke("?").content for _ in range(4)] == ["a", "b", "a", "b"]
    assert [staying.invoke("?").content for _ in range(4)] == ["a", "b", "b", "b"]


def test_exceptions_are_raised_and_logged():
    model = scripted_model(ConnectionError("gone"), lambda _: TimeoutError("late"), "fine")
    with pytest.raises(ConnectionError, match="gone"):
        model.invoke("?")
    with pytest.raises(TimeoutError, match="late"):
        model.invoke("?")
    assert model.invoke("?").content == "fine"
    assert [call.output_tokens for call in model.calls] == [0, 0, 1]


async def test_a_stream_can_fail_after_some_text():
    model, received = scripted_model(Reply("half an", error=ConnectionError("reset"))), []
    with pytest.raises(ConnectionError):
        await collect(model, received)
    assert received == ["half", " an"]
    assert model.calls[0].output_tokens == 2
    assert not model.calls[0].cancelled


def test_a_response_of_an_invalid_type_raises():
    with pytest.raises(TypeError, match="got 3"):
        scripted_model(3).invoke("?")


# limits and metadata ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [{"max_tokens": 2}, {"max_completion_tokens": 2}])
def test_the_limit_of_a_call_cuts_the_text(limit):
    message = scripted_model("It is four.", max_tokens=1).invoke("?", **limit)
    assert message.content == "It is"
    assert message.response_metadata["finish_reason"] == "length"
    assert message.usage_metadata["output_tokens"] == 2


def test_the_limit_of_the_model_cuts_only_longer_texts():
    assert scripted_model("It is four.", max_tokens=3).invoke("?").content == "It is four"
    message = scripted_model("It is four.").invoke("?", max_tokens=4)
    assert message.content == "It is four."
    assert message.response_metadata == {
        "finish_reason": "stop",
        "model_name": "a",
        "model_provider": None,
    } or (
        message.response_metadata["finish_reason"],
        message.response_metadata["model_name"],
    ) == ("stop", "a")


def test_usage_is_counted_or_scripted_or_absent():
    given_usage = {"input_tokens": 7, "output_tokens": 9, "total_tokens": 16}
    counted = scripted_model("two words").invoke("three words here").usage_metadata
    assert counted == {"input_tokens": 7, "output_tokens": 2, "total_tokens": 9}
    assert scripted_model(Reply("x", usage=given_usage)).invoke("?").usage_metadata == given_usage
    silent = scripted_model("x", reports_usage=False)
    assert silent.invoke("?").usage_metadata is None
    assert silent.calls[0].output_tokens == 1


async def test_streaming_and_invoking_return_the_same_message():
    model = scripted_model(*["It is\n\nfour."] * 3)
    chunks = [chunk async for chunk in model.astream("?")]
    whole = sum(chunks[1:], chunks[0])
    assert [chunk.content for chunk in chunks] == ["It", " is", "\n\n", "four", ".", ""]
    assert chunks[-1].chunk_position == "last"
    assert chunks[-1].usage_metadata["output_tokens"] == 5
    assert all(chunk.usage_metadata is None for chunk in chunks[:-1])
    invoked = await model.ainvoke("?")
    assert (whole.content, whole.response_metadata, whole.usage_metadata) == (
        invoked.content,
        invoked.response_metadata,
        invoked.usage_metadata,
    )
    assert [chunk.content for chunk in model.stream("?")] == [chunk.content for chunk in chunks]
    assert [call.streamed for call in model.calls] == [True, False, True]


def test_an_ai_message_keeps_its_other_fields_and_is_not_modified():
    scripted = AIMessage("x", additional_kwargs={"reasoning_content": "hm"}, response_metadata={"finish_reason": "eos"})
    model = scripted_model(scripted, scripted)
    first, second = model.invoke("?"), model.invoke("?")
    assert first.additional_kwargs == {"reasoning_content": "hm"}
    assert first.response_metadata["finish_reason"] == "eos"
    assert first.id != second.id
    assert scripted.id is None


def test_content_blocks_are_kept_unless_cut():
    blocks = [{"type": "reasoning", "reasoning": "hm"}, {"type": "text", "text": "It is four."}]
    model = scripted_model(*[AIMessage(blocks)] * 3)
    assert model.invoke("?").content == blocks
    streamed = list(model.stream("?"))
    assert streamed[0].content == blocks
    assert model.invoke("?", max_tokens=2).content == "It is"


# tools -----------------------------------------------------------------------------------------------------


def test_tools_are_bound_logged_and_called():
    def add(a: int, b: int) -> int:
        """Add."""
        return a + b

    model = scripted_model(*[Reply("", tool_calls=[ADD])] * 2)
    bound = model.bind_tools([add], tool_choice="any")
    message, chunks = bound.invoke("2+2?"), list(bound.stream("2+2?"))
    assert message.tool_calls == sum(chunks[1:], chunks[0]).tool_calls == [ADD]
    assert message.response_metadata["finish_reason"] == "tool_calls"
    assert [tool["function"]["name"] for tool in model.bound_tools] == ["add"]
    assert model.calls[0].kwargs["tools"] == model.bound_tools
    assert model.calls[0].kwargs["tool_choice"] == "any"


@pytest.mark.parametrize(
    "choice", ["any", "auto", "add", True, False, {"type": "function", "function": {"name": "add"}}]
)
def test_every_form_of_tool_choice_is_passed_to_the_call(choice):
    model = scripted_model(Reply("", tool_calls=[ADD]))
    model.bind_tools([ADD_SHAPE], tool_choice=choice, parallel_tool_calls=False, strict=True).invoke("2+2?")
    (call,) = model.calls
    assert dict(call.kwargs) == {
        "tools": [ADD_SHAPE],
        "tool_choice": choice,
        "parallel_tool_calls": False,
        "strict": True,
    }


async def test_several_tool_calls_stream_after_the_text():
    calls = [ADD, {**ADD, "id": "call-2", "args": {"a": "你好", "b": 3}}]
    model = scripted_model(*[Reply("Adding.", tool_calls=calls)] * 2)
    chunks = [chunk async for chunk in model.bind_tools([ADD_SHAPE]).astream("?")]
    whole, invoked = sum(chunks[1:], chunks[0]), await model.ainvoke("?")
    assert (whole.content, whole.tool_calls) == (invoked.content, invoked.tool_calls) == ("Adding.", calls)
    assert whole.usage_metadata == invoked.usage_metadata
    counts = [count_tokens(part) for part in ("Adding.", "add", '{"a": 2, "b": 2}', "add", '{"a": "你好", "b": 3}')]
    assert invoked.usage_metadata["output_tokens"] == sum(counts)


def test_tool_calls_beyond_the_limit_are_omitted():
    message = scripted_model(Reply("Adding.", tool_calls=[ADD])).invoke("?", max_tokens=3)
    assert (message.content, message.tool_calls) == ("Adding.", [])
    assert message.response_metadata["finish_reason"] == "length"


def test_structured_output_uses_tools():
    class Verdict(TypedDict):
        """A verdict."""

        best: Annotated[str, ..., "The best."]

    call = {"name": "Verdict", "args": {"best": "b"}, "id": "1", "type": "tool_call"}
    assert scripted_model(Reply("", tool_calls=[call])).with_structured_output(Verdict).invoke("?") == {"best": "b"}


# continuation ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("continues", "prefix", "expected"),
    [
        (True, "It is", " four."),
        (True, "Well", "It is four."),
        (True, "", "It is four."),
        (False, "It is", "It is four."),
    ],
)
def test_a_final_assistant_message_is_continued_if_the_model_continues(continues, prefix, expected):
    messages = [HumanMessage("2 + 2?"), AIMessage(prefix)]
    assert scripted_model("It is four.", continues=continues).invoke(messages).content == expected


# the log ---------------------------------------------------------------------------------------------------


def test_the_log_has_the_messages_and_all_arguments():
    model = scripted_model("x")
    model.invoke([HumanMessage("hello")], max_tokens=5, stop=["."], temperature=0)
    (call,) = model.calls
    assert call.messages == (HumanMessage("hello"),)
    assert dict(call.kwargs) == {"max_tokens": 5, "stop": ["."], "temperature": 0}
    assert (call.max_tokens, call.streamed, call.cancelled, call.input_tokens) == (5, False, False, 5)
    with pytest.raises(TypeError):
        call.kwargs["x"] = 1


async def test_a_copy_shares_script_and_log():
    model = scripted_model("one", "two")
    copy = model.model_copy(update={"disable_streaming": True})
    assert [chunk.content async for chunk in copy.astream("?")] == ["one"]
    assert (await model.ainvoke("?")).content == "two"
    assert model.calls == copy.calls
    assert [call.streamed for call in model.calls] == [False, False]


async def test_threads_share_the_script():
    model = scripted_model(*map(str, range(50)))
    replies = await asyncio.gather(*(asyncio.to_thread(model.invoke, "?") for _ in range(50)))
    assert sorted(int(message.content) for message in replies) == list(range(50))


# cancellation ----------------------------------------------------------------------------------------------


async def test_a_cancelled_call_is_logged_with_its_token_count():
    clock = VirtualClock()
    model = scripted_model(Reply("one two three four", delay_per_token_s=1.0), clock=clock)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(model.ainvoke("?"), 2.5)
    (call,) = model.calls
    assert call.cancelled
    assert call.output_tokens == 2


async def test_a_stream_closed_early_is_logged_as_cancelled():
    model = scripted_model("one two three four")
    async with aclosing(model.astream("?")) as stream:
        await anext(stream)
    await asyncio.sleep(0)
    assert (model.calls[0].cancelled, model.calls[0].output_tokens) == (True, 1)
    sync = scripted_model("one two").stream("?")
    next(sync)


async def test_a_hanging_call_is_in_the_log():
    asked = asyncio.Event()
    model = scripted_model(lambda _: asked.set() or Reply("", hang=True))
    task = asyncio.create_task(model.ainvoke("?"))
    await asked.wait()
    assert not model.calls[0].cancelled
    task.cancel()
    await asyncio.wait([task])
    assert model.calls[0].cancelled


async def test_a_stream_can_hang_after_its_text():
    model, received = scripted_model(Reply("all said", hang=True), clock=VirtualClock()), []
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(collect(model, received), 30)
    assert received == ["all", " said"]


def test_an_infinite_synchronous_wait_raises():
    with pytest.raises(RuntimeError, match="cannot be cancelled"):
        scripted_model(Reply("", hang=True)).invoke("?")


# clocks ----------------------------------------------------------------------------------------------------


async def test_the_real_clock_takes_real_time():
    loop = asyncio.get_running_loop()
    began = loop.time()
    assert (await scripted_model(Reply("x", delay_s=0.003)).ainvoke("?")).content == "x"
    assert scripted_model(Reply("x", delay_s=0.001)).invoke("?").content == "x"
    assert loop.time() - began >= 0.0035


async def test_sleepers_wake_in_virtual_order_and_ties_in_start_order():
    clock, woke = VirtualClock(), []

    async def nap(name, *pauses):
        for pause in pauses:
            await clock.sleep(pause)
            woke.append((name, clock.now))

    await asyncio.gather(nap("a", 3, 3), nap("b", 2, 1, 2), nap("c", 1, 0.5, 0.5))
    assert woke == [("c", 1), ("c", 1.5), ("b", 2), ("c", 2), ("a", 3), ("b", 3), ("b", 5), ("a", 6)]


async def test_time_stands_still_while_the_event_loop_has_work():
    clock, seen = VirtualClock(), []

    async def busy():
        for _ in range(50):
            await asyncio.sleep(0)
        seen.append(("turns", clock.now))
        for pause in (0.002, 0.001):
            await asyncio.to_thread(__import__("time").sleep, pause)
        seen.append(("thread", clock.now))

    async def nap():
        await clock.sleep(100)
        seen.append(("nap", clock.now))

    await asyncio.gather(nap(), busy())
    assert seen == [("turns", 0), ("thread", 0), ("nap", 100)]


async def test_event_loop_timeouts_use_virtual_time():
    clock = VirtualClock()
    slow = scripted_model(Reply("late", delay_s=60), Reply("in time", delay_s=20), clock=clock)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(slow.ainvoke("?"), 30)
    assert clock.now == pytest.approx(30, abs=0.5)
    assert (await asyncio.wait_for(slow.ainvoke("?"), 30)).content == "in time"


async def test_event_loop_timers_can_be_excluded():
    clock = VirtualClock(timers=False)
    slow = scripted_model(Reply("late", delay_s=60), clock=clock)
    assert (await asyncio.wait_for(slow.ainvoke("?"), 30)).content == "late"
    assert clock.now == 60


async def test_settle_s_gives_real_time_to_invisible_work():
    clock, seen = VirtualClock(settle_s=0.01, timers=False), []

    async def unseen():
        await asyncio.sleep(0.001)
        seen.append(clock.now)

    await asyncio.gather(clock.sleep(100), unseen())
    assert seen == [0]


async def test_two_clocks_in_one_loop_raise_while_both_have_sleepers():
    first, second = VirtualClock(), VirtualClock()
    hanging = asyncio.create_task(first.sleep(float("inf")))
    await asyncio.sleep(0.002)
    with pytest.raises(RuntimeError, match="same clock"):
        await second.sleep(1)
    hanging.cancel()
    await asyncio.wait([hanging])
    for clock in (second, first, second):
        await clock.sleep(1)
    assert (first.now, second.now) == pytest.approx((1, 2), abs=0.1)


def test_one_clock_can_serve_event_loops_in_turn():
    clock = VirtualClock()
    for _ in range(3):
        asyncio.run(clock.sleep(10))
    assert clock.now == 30


def test_synchronous_calls_advance_the_virtual_clock():
    clock = VirtualClock()
    scripted_model(Reply("a b", delay_s=5, delay_per_token_s=1), clock=clock).invoke("?")
    assert clock.now == 7


# in a graph ------------------------------------------------------------------------------------------------


class Race(TypedDict):
    finished: Annotated[list[str], lambda old, new: old + new]


def race_graph(models):
    async def boot(task):
        message = await models[task["name"]].ainvoke("?")
        return {"finished": [str(message.content)]}

    def think(state):
        return {"finished": [",".join(state["finished"])]}

    graph = StateGraph(Race)
    graph.add_node("boot", boot)
    graph.add_node("think", think)
    graph.add_conditional_edges(START, lambda _: [Send("boot", {"name": name}) for name in models], ["boot"])
    graph.add_edge("boot", "think")
    graph.add_edge("think", END)
    return graph.compile()


async def test_a_graph_runs_on_virtual_time():
    clock = VirtualClock()
    delays = {"a": 9.0, "b": 3.0, "c": 6.0}
    models = {
        name: ScriptedChatModel(responses=Reply(name, delay_s=s), name=name, clock=clock) for name, s in delays.items()
    }
    order = []
    async for event in race_graph(models).astream({"finished": []}, stream_mode="updates"):
        order += [(update["finished"], clock.now) for update in event.values()]
    assert order == [(["b"], 3), (["c"], 6), (["a"], 9), (["a,b,c"], 9)]


def test_a_graph_runs_synchronously():
    clock = VirtualClock()
    model = ScriptedChatModel(responses=Reply("x", delay_s=2), clock=clock)
    graph = StateGraph(Race)
    graph.add_node("ask", lambda _, config: {"finished": [model.invoke("?", config).content]})
    graph.add_edge(START, "ask")
    assert graph.compile().invoke({"finished": []}, RunnableConfig())["finished"] == ["x"]
    assert clock.now == 2

"""Threads: several turns, strict checkpoints, SQLite, interrupts."""

import asyncio
import warnings

import pytest
from helpers import QUESTION, calls, calls_of, decision, long, scripted
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from lightrouter_graph import Context, create_lightrouter
from lightrouter_graph.testing import Reply

THREAD = {"configurable": {"thread_id": "1"}}
SETTINGS = Context(boot_tokens=5, top_k=2, agree=None, aggregator="top_ranked")


def strict_saver():
    return InMemorySaver(serde=JsonPlusSerializer(allowed_msgpack_modules=None))


async def test_two_turns_on_one_thread_share_the_conversation_and_nothing_else():
    pool = scripted(a=long("1"), b=long("2"))
    graph = create_lightrouter(pool, context=SETTINGS).compile(checkpointer=strict_saver())
    await graph.ainvoke({"messages": [("user", "first")]}, THREAD)
    result = await graph.ainvoke({"messages": [("user", "second")]}, THREAD)
    assert [m.type for m in result["messages"]] == ["human", "ai", "human", "ai"]
    assert decision(result["messages"][-1])["bill"]["calls"] == 4
    assert calls(pool) == {"a": 4, "b": 4}
    state = (await graph.aget_state(THREAD)).values
    assert len(state["boots"]) == 2
    assert len(state["call_costs"]) == 4
    assert [m.text for m in calls_of(pool, "a")[-1].messages] == ["first", long("1"), "second"]


async def test_two_layered_turns_begin_in_the_first_layer_again():
    pool = scripted(a=long("1"), b=long("2"))
    settings = SETTINGS.model_copy(update={"layers": 2})
    graph = create_lightrouter(pool, context=settings).compile(checkpointer=strict_saver())
    for _ in range(2):
        result = await graph.ainvoke({"messages": [("user", "again")]}, THREAD)
        assert decision(result["messages"][-1])["layers"] == 2
    assert calls(pool) == {"a": 6, "b": 6}


async def test_the_same_run_over_sqlite(tmp_path):
    pool = scripted(a=long("1"), b=long("2"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        async with AsyncSqliteSaver.from_conn_string(str(tmp_path / "threads.sqlite")) as saver:
            graph = create_lightrouter(pool, context=SETTINGS).compile(checkpointer=saver)
            result = await graph.ainvoke({"messages": [("user", QUESTION)]}, THREAD)
            state = (await graph.aget_state(THREAD)).values
    assert result["messages"][-1].text == long("1")
    assert [boot["candidate"] for boot in state["boots"]] == ["a", "b"]
    assert type(state["boots"][0]) is dict


@pytest.mark.parametrize("node", ["boot", "select", "generate", "tally", "aggregate"])
async def test_a_run_interrupted_before_any_node_goes_on_without_paying_twice(node):
    pool = scripted(a=long("1"), b=long("2"))
    graph = create_lightrouter(pool, context=SETTINGS).compile(checkpointer=strict_saver(), interrupt_before=[node])
    await graph.ainvoke({"messages": [("user", QUESTION)]}, THREAD)
    assert (await graph.aget_state(THREAD)).next
    result = await graph.ainvoke(None, THREAD)
    assert result["messages"][-1].text == long("1")
    assert calls(pool) == {"a": 2, "b": 2}


async def test_settings_given_at_the_start_hold_after_an_interrupt():
    pool = scripted(a=long("1"), b=long("2"), c=long("3"))
    graph = create_lightrouter(pool).compile(checkpointer=strict_saver(), interrupt_before=["select"])
    await graph.ainvoke({"messages": [("user", QUESTION)]}, THREAD, context=SETTINGS)
    result = await graph.ainvoke(None, THREAD)
    assert decision(result["messages"][-1])["settings"]["boot_tokens"] == 5
    assert decision(result["messages"][-1])["agreement"]["answered"] == 2


async def timed_out(graph, seconds):
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(graph.ainvoke({"messages": [("user", QUESTION)]}, THREAD), seconds)


def test_a_cancelled_run_resumes_in_another_event_loop_and_synchronously():
    for resume in (lambda graph: asyncio.run(graph.ainvoke(None, THREAD)), lambda graph: graph.invoke(None, THREAD)):
        slow = [Reply("", hang=True), "The answer is 4."]
        pool = scripted(a=slow, b=slow, c=slow)
        graph = create_lightrouter(pool).compile(checkpointer=strict_saver())
        asyncio.run(timed_out(graph, 0.2))
        message = resume(graph)["messages"][-1]
        assert message.text == "The answer is 4."
        assert not [
            c for c in decision(message)["candidates"] if "cancelled" in c["why"] and c["outcome"] == "answered"
        ]


async def test_tasks_carry_no_decision_records():
    pool = scripted(a=long("1"), b=long("2"))
    graph = create_lightrouter(pool, context=SETTINGS).compile(checkpointer=strict_saver())
    for _ in range(2):
        result = await graph.ainvoke({"messages": [("user", QUESTION)]}, THREAD)
    seen = calls_of(pool, "a")[-1].messages
    assert [m.type for m in seen] == ["human", "ai", "human"]
    assert "lightrouter" not in seen[1].response_metadata
    assert "lightrouter" in result["messages"][1].response_metadata


@pytest.mark.parametrize("node", ["open", "boot"])
async def test_a_fork_before_a_node_answers_the_edited_question(node):
    pool = scripted(**{name: lambda messages: f"The answer is {len(messages[-1].text)}." for name in "ab"})
    graph = create_lightrouter(pool).compile(checkpointer=strict_saver())
    await graph.ainvoke({"messages": [HumanMessage("first", id="q1")]}, THREAD)
    await graph.ainvoke({"messages": [HumanMessage("second", id="q2")]}, THREAD)
    states = [state async for state in graph.aget_state_history(THREAD) if state.next == (node,)]
    fork = await graph.aupdate_state(states[-1].config, {"messages": [HumanMessage("edited", id="q1")]})
    messages = (await graph.ainvoke(None, fork))["messages"]
    assert [message.text for message in messages] == ["edited", "The answer is 6."]

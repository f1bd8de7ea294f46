"""Two runs at once on one thread: both are told, and the budget of the thread holds over both and after them."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from helpers import QUESTION, decision, long
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph

from lightrouter_graph import (
    Budget,
    BudgetError,
    Candidate,
    ChatLightRouter,
    Context,
    NoSurvivorError,
    Pool,
    create_lightrouter,
)
from lightrouter_graph.testing import Reply, ScriptedChatModel

ASKED = {"messages": [HumanMessage(QUESTION)]}


def pool_of(number=4, text=None, *, delay_s=0.05):
    def reply(index):
        return Reply(text or long(str(index)), delay_s=delay_s)

    models = [ScriptedChatModel(responses=reply(i), name=f"c{i}", then="repeat_last") for i in range(number)]
    return Pool([Candidate(model.name, model, price=(1.0, 1.0)) for model in models])


def calls(pool):
    return sum(len(candidate.model.calls) for candidate in pool)


def tokens(pool):
    return sum(call.input_tokens + call.output_tokens for candidate in pool for call in candidate.model.calls)


def thread(number=1):
    return {"configurable": {"thread_id": str(number)}}


async def at_once(graph, number, context):
    runs = [graph.ainvoke(ASKED, thread(), context=context) for _ in range(number)]
    results = await asyncio.gather(*runs, return_exceptions=True)
    assert all(isinstance(result, dict | BudgetError) or "budget" in str(result) for result in results)
    return [result["messages"][-1] for result in results if isinstance(result, dict)]


@pytest.mark.parametrize("runs", [2, 3, 6])
@pytest.mark.parametrize("limit", [1, 5, 8, 13])
@pytest.mark.parametrize("settings", [{}, {"agree": None, "top_k": 2}, {"layers": 2}, {"selector": "llm"}])
async def test_the_calls_of_a_thread_hold_over_all_its_runs(runs, limit, settings):
    pool = pool_of(delay_s=0.01)
    graph = create_lightrouter(pool, boot_tokens=5).compile(checkpointer=InMemorySaver())
    context = Context(thread_budget=Budget(calls=limit), **settings)
    for _ in range(3):
        await at_once(graph, runs, context)
        assert calls(pool) <= limit


async def test_the_tokens_and_the_money_of_a_thread_hold_over_all_its_runs():
    for budget in (Budget(tokens=2000), Budget(usd=0.002)):
        pool = pool_of(delay_s=0.01)
        graph = create_lightrouter(pool, boot_tokens=20, max_tokens=100).compile(checkpointer=InMemorySaver())
        for _ in range(3):
            await at_once(graph, 3, Context(thread_budget=budget))
        assert 0 < tokens(pool) <= 2000


def test_synchronous_runs_in_threads_share_the_budget_as_well():
    pool = pool_of()
    graph = create_lightrouter(pool, boot_tokens=5).compile(checkpointer=InMemorySaver())
    context = Context(thread_budget=Budget(calls=9))

    def ask(_):
        try:
            return graph.invoke(ASKED, thread(), context=context)
        except (BudgetError, NoSurvivorError):
            return None

    with ThreadPoolExecutor(3) as threads:
        assert any(threads.map(ask, range(3)))
    assert 0 < calls(pool) <= 9


async def test_the_cost_of_a_turn_that_was_overwritten_still_counts():
    pool = pool_of(2, "The answer is 1.")
    graph = create_lightrouter(pool).compile(checkpointer=InMemorySaver())
    context = Context(thread_budget=Budget(calls=5))
    assert len(await at_once(graph, 2, context)) == 2
    for _ in range(2):
        await at_once(graph, 1, context)
    assert calls(pool) == 5


async def test_the_second_run_says_that_another_was_in_progress(caplog):
    graph = create_lightrouter(pool_of(2, "The answer is 1.")).compile(checkpointer=InMemorySaver())
    notes = [decision(answer)["budget"] for answer in await at_once(graph, 2, None)]
    assert sorted(map(len, notes)) == [0, 1]
    assert "another run of this thread was in progress" in str(notes)
    assert "another run of this thread was in progress" in caplog.text


async def test_runs_one_after_the_other_or_on_other_threads_are_not_noted():
    graph = create_lightrouter(pool_of(2, "The answer is 1.")).compile(checkpointer=InMemorySaver())
    answers = [(await graph.ainvoke(ASKED, thread()))["messages"][-1] for _ in range(2)]
    apart = await asyncio.gather(*(graph.ainvoke(ASKED, thread(number)) for number in (2, 3)))
    answers += [result["messages"][-1] for result in apart]
    assert [decision(answer)["budget"] for answer in answers] == [[]] * 4


async def test_two_nodes_of_one_parent_are_not_two_runs_of_its_thread():
    router = create_lightrouter(pool_of(2, "The answer is 1.")).compile()
    parent = StateGraph(MessagesState).add_node("one", router).add_node("two", router)
    parent = parent.add_edge(START, "one").add_edge(START, "two").compile(checkpointer=InMemorySaver())
    messages = (await parent.ainvoke(ASKED, thread()))["messages"]
    assert [decision(message)["budget"] for message in messages[1:]] == [[], []]


async def test_calls_of_a_chat_model_share_the_budget_of_a_thread():
    pool = pool_of(2, "The answer is 1.")
    chat = ChatLightRouter(pool, thread_budget={"calls": 3})
    asks = [chat.ainvoke(QUESTION, thread_id="t") for _ in range(3)]
    results = await asyncio.gather(*asks, return_exceptions=True)
    assert any(not isinstance(result, Exception) for result in results)
    assert calls(pool) <= 3


async def test_a_cancelled_run_leaves_its_thread():
    pool = pool_of(2, "The answer is 1.", delay_s=30)
    graph = create_lightrouter(pool).compile(checkpointer=InMemorySaver())
    task = asyncio.create_task(graph.ainvoke(ASKED, thread()))
    await asyncio.sleep(0.2)
    task.cancel()
    await asyncio.wait({task})
    for candidate in pool:
        candidate.model.responses = "The answer is 1."
    quick = create_lightrouter(pool_of(2, "The answer is 1.")).compile(checkpointer=InMemorySaver())
    answer = (await quick.ainvoke(ASKED, thread()))["messages"][-1]
    assert decision(answer)["budget"] == []

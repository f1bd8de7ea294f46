"""Threads and memory in a real Postgres: several turns, several workers, crashes."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from deployment.worker import ASKED, OUTPUTS, RECORD, connected, router_at, thread
from helpers import QUESTION, calls, calls_of, decision, long, scripted
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.config import get_store
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.runtime import Runtime
from langgraph.store.postgres import AsyncPostgresStore, PostgresStore
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

from lightrouter_graph import Context, RandomSelector, create_lightrouter
from lightrouter_graph.testing import RecordedModelServer, Timing

pytestmark = pytest.mark.postgres

SETTINGS = Context(boot_tokens=5, top_k=2, agree=None, aggregator="top_ranked")
THREAD = thread("1")


def two():
    """Return a pool with truncated boots and different answers: a run makes two calls per candidate."""
    return scripted(a=long("1"), b=long("2"))


def test_a_synchronous_graph_over_one_connection_answers(database):
    with PostgresSaver.from_conn_string(database) as saver:
        graph = create_lightrouter(two(), context=SETTINGS).compile(checkpointer=saver)
        assert graph.invoke(ASKED, THREAD)["messages"][-1].text == long("1")


def test_a_synchronous_graph_over_a_pool_of_connections_serves_a_batch(database):
    with ConnectionPool(database, max_size=4, kwargs={"autocommit": True, "row_factory": dict_row}) as connections:
        graph = create_lightrouter(two(), context=SETTINGS).compile(checkpointer=PostgresSaver(connections))
        results = graph.batch([ASKED] * 6, [thread(str(number)) for number in range(6)])
    assert [result["messages"][-1].text for result in results] == [long("1")] * 6


async def test_a_second_turn_on_another_worker_sees_only_the_messages_of_the_first(database):
    for question in ("first", "second"):
        async with connected(database) as saver:
            pool = two()
            graph = create_lightrouter(pool, context=SETTINGS).compile(checkpointer=saver)
            result = await graph.ainvoke({"messages": [("user", question)]}, THREAD)
            state = (await graph.aget_state(THREAD)).values
    assert [m.type for m in result["messages"]] == ["human", "ai", "human", "ai"]
    assert [m.text for m in calls_of(pool, "a")[-1].messages] == ["first", long("1"), "second"]
    assert len(state["boots"]) == 2
    assert len(state["call_costs"]) == decision(result["messages"][-1])["bill"]["calls"] == 4


@pytest.mark.parametrize("node", ["boot", "select", "generate", "tally", "aggregate"])
async def test_an_interrupted_run_resumes_on_another_worker_without_repeated_calls(node, database):
    first, second = two(), two()
    async with connected(database) as saver:
        graph = create_lightrouter(first, context=SETTINGS).compile(checkpointer=saver, interrupt_before=[node])
        await graph.ainvoke(ASKED, THREAD)
        assert (await graph.aget_state(THREAD)).next
    async with connected(database) as saver:
        graph = create_lightrouter(second, context=SETTINGS).compile(checkpointer=saver)
        result = await graph.ainvoke(None, THREAD)
    assert result["messages"][-1].text == long("1")
    assert {name: calls(first)[name] + calls(second)[name] for name in "ab"} == {"a": 2, "b": 2}


class BrokenSelector:
    async def score(self, query, boots):
        raise LookupError("the ranking is not there")


async def test_a_run_with_a_failed_selector_resumes_with_its_boots(database):
    first, second = two(), two()
    async with connected(database) as saver:
        graph = create_lightrouter(first, selector=BrokenSelector(), context=SETTINGS).compile(checkpointer=saver)
        with pytest.raises(LookupError):
            await graph.ainvoke(ASKED, THREAD)
    async with connected(database) as saver:
        graph = create_lightrouter(second, selector=RandomSelector(), context=SETTINGS).compile(checkpointer=saver)
        message = (await graph.ainvoke(None, THREAD))["messages"][-1]
    assert calls(first) == calls(second) == {"a": 1, "b": 1}
    assert decision(message)["bill"]["calls"] == 4


@contextmanager
def worker_process(*arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a worker process; killed at the end of the block."""
    paths = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    with subprocess.Popen([sys.executable, "-m", "deployment.worker", *arguments], env=paths) as process:
        try:
            yield process
        finally:
            process.kill()


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Poll a condition that another process fulfils."""
    while not await condition():  # noqa: ASYNC110 - nobody there could set an event of ours
        await asyncio.sleep(0.02)


async def test_after_a_kill_another_worker_repeats_only_incomplete_calls(database):
    dawdling = {"b": Timing(tokens_per_s=30)}
    with RecordedModelServer([RECORD], timings=dawdling) as server:
        async with connected(database) as saver:
            graph = router_at(server.base_url).compile(checkpointer=saver)

            async def one_answer_is_kept_and_one_is_being_written() -> bool:
                saved = await saver.aget_tuple(THREAD)
                kept = [value for _, channel, value in saved.pending_writes if channel == "__return__"] if saved else []
                answered = [answer["candidate"] for update in kept for answer in update.get("answers", ())]
                return answered == ["a"] and len(server.requests) == 6

            with worker_process(database, server.base_url, "1") as worker:
                await until(one_answer_is_kept_and_one_is_being_written)
                worker.send_signal(signal.SIGKILL)
            await asyncio.to_thread(server.wait_until_idle)
            assert server.billed["b", "completion"].cancelled == 1

            server.timings.clear()
            server.reset()
            message = (await graph.ainvoke(None, THREAD))["messages"][-1]
    assert [request.body["model"] for request in server.requests] == ["b"]
    assert message.text == OUTPUTS["a"]
    assert decision(message)["bill"]["calls"] == 4 + 2


async def test_strict_checkpoints_accept_the_state(database, caplog):
    async with connected(database) as saver:
        graph = create_lightrouter(two(), context=SETTINGS).compile(checkpointer=saver)
        await graph.ainvoke(ASKED, THREAD)
        state = (await graph.aget_state(THREAD)).values
    assert os.environ["LANGGRAPH_STRICT_MSGPACK"] == "true"
    assert {type(record) for name in ("boots", "rankings", "answers", "call_costs") for record in state[name]} == {dict}
    assert not caplog.records


async def test_two_workers_share_a_database(database):
    async with connected(database) as one, connected(database) as other:
        pools = two(), two()
        graphs = [
            create_lightrouter(pool, context=SETTINGS).compile(checkpointer=saver)
            for pool, saver in zip(pools, (one, other), strict=True)
        ]
        await asyncio.gather(
            *(
                graph.ainvoke({"messages": [("user", f"{number}?")]}, thread(f"{worker}-{number}"))
                for number in range(10)
                for worker, graph in enumerate(graphs)
            )
        )
        assert [calls(pool) for pool in pools] == [{"a": 20, "b": 20}] * 2
        for worker in range(2):
            seen = [await graphs[1 - worker].aget_state(thread(f"{worker}-{number}")) for number in range(10)]
            assert [[m.text for m in state.values["messages"]] for state in seen] == [
                [f"{number}?", long("1")] for number in range(10)
            ]


async def test_a_thread_continues_after_old_checkpoints_are_pruned(database):
    async with connected(database) as saver:
        graph = create_lightrouter(two(), context=SETTINGS).compile(checkpointer=saver)
        for _ in range(2):
            await graph.ainvoke(ASKED, THREAD)
        before = [checkpoint async for checkpoint in saver.alist(THREAD)]
        await saver.aprune([THREAD["configurable"]["thread_id"]], strategy="keep_latest")
        after = [checkpoint async for checkpoint in saver.alist(THREAD)]
        result = await graph.ainvoke(ASKED, THREAD)
    assert len(before) > len(after) == 1
    assert len(result["messages"]) == 6


class StoredPrior:
    """Scores the candidates from the store; unknown candidates are left out."""

    async def score(self, query) -> Mapping[str, float]:
        assert query.store is get_store()
        found = await query.store.asearch(("trust",))
        return {item.key: item.value["score"] for item in found}


def parent(pool) -> "StateGraph[Any, Any, Any, Any]":
    """Return a graph with a node that stores the question, followed by LightRouter."""

    async def remember(state: MessagesState, runtime: Runtime) -> dict[str, Any]:
        assert runtime.store is not None
        await runtime.store.aput(("questions",), "last", {"text": state["messages"][-1].text})
        return {}

    router = create_lightrouter(pool, prior=StoredPrior(), context=SETTINGS).compile(name="lightrouter")
    builder = StateGraph(MessagesState).add_node("remember", remember).add_node("lightrouter", router)
    return builder.add_edge(START, "remember").add_edge("remember", "lightrouter")


async def test_a_parents_postgres_store_reaches_the_parts_of_the_router(database):
    pool = scripted(a=long("1"), b=long("2"), c=long("3"))
    async with AsyncPostgresStore.from_conn_string(database) as store, connected(database) as saver:
        await asyncio.gather(
            *(store.aput(("trust",), name, {"score": score}) for name, score in (("b", 0.5), ("c", 1)))
        )
        result = await parent(pool).compile(store=store, checkpointer=saver).ainvoke(ASKED, THREAD)
    assert set(result) == {"messages"}
    assert calls(pool) == {"a": 0, "b": 2, "c": 2}
    with PostgresStore.from_conn_string(database) as elsewhere:
        kept = elsewhere.get(("questions",), "last")
    assert kept is not None
    assert kept.value == {"text": QUESTION}


def test_a_store_of_a_synchronous_graph_reaches_the_parts(database):
    pool = scripted(a=long("1"), b=long("2"))
    with PostgresStore.from_conn_string(database, pool_config={"max_size": 2}) as store:
        store.put(("trust",), "b", {"score": 1})
        graph = create_lightrouter(pool, prior=StoredPrior(), context=SETTINGS).compile(store=store)
        assert graph.invoke(ASKED)["messages"][-1].text == long("2")
    assert calls(pool) == {"a": 0, "b": 1}

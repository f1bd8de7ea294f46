"""Thousands of runs in one process: memory, tasks, threads, files and whatever the package keeps stay flat."""

import asyncio
import gc
import os
import statistics
import threading
import tracemalloc
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from helpers import QUESTION, long
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_openai import ChatOpenAI

from lightrouter_graph import Candidate, ChatLightRouter, Context, Pool, create_lightrouter
from lightrouter_graph.testing import Fail, RecordedModelServer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

ASKED = {"messages": [("user", QUESTION)]}
PARTS = 8
GROWTH_PER_RUN = 64
"""Bytes that a run may seem to leave behind; a single record of one takes several times as many."""
GROWTH_PER_HTTP_RUN = 600
"""The same with a server in this process, whose idle connections come and go at 3 kB each; what a run holds is more."""


class Talker(BaseChatModel):
    """A model that remembers nothing of its calls, as a scripted one does."""

    says: str
    fails: bool = False

    @property
    def _llm_type(self) -> str:
        return "talker"

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        raise NotImplementedError

    async def _agenerate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        await asyncio.sleep(0.001)
        if self.fails:
            raise ConnectionError("down")
        cut = kwargs.get("max_tokens") is not None
        text = " ".join(self.says.split()[:10]) if cut else self.says
        message = AIMessage(text, response_metadata={"finish_reason": "length" if cut else "stop"})
        return ChatResult(generations=[ChatGeneration(message=message)])


def talkers(*failing: str) -> Pool:
    """Build a pool of four that takes all its turns: the first three disagree."""
    says = {"a": "1", "b": "2", "c": "3", "d": "2"}
    return Pool([Candidate(n, Talker(says=long(answer), fails=n in failing)) for n, answer in says.items()])


@contextmanager
def measured() -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
    finally:
        tracemalloc.stop()


def kept() -> Counter[str]:
    """Count what grows where something is kept: objects of the package, and what the process has open."""
    gc.collect()
    names = (f"{type(thing).__module__}.{type(thing).__qualname__}" for thing in gc.get_objects())
    # A connection of the fake server's lives on for as long as it might be used again.
    found = Counter(
        n for n in names if n.startswith("lightrouter_graph") and ".testing.server.uvicorn_thread." not in n
    )
    found["threads"] = threading.active_count()
    found["files"] = len(os.listdir("/proc/self/fd")) if os.path.exists("/proc/self/fd") else 0
    with suppress(RuntimeError):
        found["tasks"] = len(asyncio.all_tasks())
    return found


def grown(before: Counter[str], after: Counter[str], tolerance: int = 1) -> dict[str, tuple[int, int]]:
    """Return what there is clearly more of."""
    return {name: (before[name], after[name]) for name in after if after[name] > before[name] + tolerance}


async def stays_flat(
    once: Callable[[], Awaitable[Any]],
    runs: int,
    *,
    at_once: int = 4,
    warm_up: int = 100,
    between: Callable[[], Awaitable[Any]] = lambda: asyncio.sleep(0.05),
    most: int = GROWTH_PER_RUN,
) -> None:
    """Run again and again and look at what is left after each part.

    Args:
        once: One run.
        runs: How many.
        at_once: How many side by side.
        warm_up: How many before, which fill what is kept once.
        between: Lets what is only passing go, before each look.
        most: Bytes that a run may seem to leave.
    """

    async def part(number: int) -> None:
        for _ in range(number // at_once):
            await asyncio.gather(*(once() for _ in range(at_once)))
        await between()

    await part(warm_up)
    with measured():
        await part(runs // PARTS)
        before, sizes = kept(), []
        for _ in range(PARTS - 1):
            await part(runs // PARTS)
            after = kept()
            sizes.append(tracemalloc.get_traced_memory()[0])
    assert not grown(before, after, at_once)
    late = sizes[len(sizes) // 2 :]
    slope = statistics.linear_regression(range(len(late)), late).slope / (runs // PARTS)
    assert slope < most


async def test_two_thousand_answers_leave_nothing_behind():
    graph = create_lightrouter(talkers(), context=Context(boot_tokens=10)).compile()
    await stays_flat(lambda: graph.ainvoke(ASKED), 2000)


async def test_a_thousand_streams_leave_nothing_behind():
    graph = create_lightrouter(talkers("b"), context=Context(boot_tokens=10)).compile()

    async def once() -> None:
        async for _ in graph.astream(ASKED, stream_mode=["messages", "custom"]):
            pass

    await stays_flat(once, 1000)


async def test_two_thousand_runs_of_which_some_fail_and_some_are_cancelled_leave_nothing_behind():
    graph, numbers = create_lightrouter(talkers("a")).compile(), iter(range(10**9))

    async def once() -> None:
        number = next(numbers)
        run = asyncio.ensure_future(graph.ainvoke(ASKED))
        if number % 2:
            await asyncio.sleep(number % 7 / 1000)
            run.cancel()
        await asyncio.gather(run, return_exceptions=True)

    await stays_flat(once, 2000)


async def test_four_hundred_calls_of_the_chat_model_leave_nothing_behind():
    chat = ChatLightRouter(pool=talkers(), context=Context(boot_tokens=10))

    async def once() -> None:
        await chat.ainvoke(QUESTION)

    await stays_flat(once, 400)


def at(server: RecordedModelServer) -> Any:
    """Wire four models at a server, of which one fails. Nobody races: a race that died is kept for a while."""
    models = [ChatOpenAI(model=name, base_url=server.base_url, api_key="none", max_retries=0) for name in "abcd"]
    return create_lightrouter(Pool(models), context=Context(boot_tokens=10, top_k=2, agree=None)).compile()


@contextmanager
def serving() -> Iterator[RecordedModelServer]:
    record = {"question": QUESTION, "outputs": {n: long(answer) for n, answer in zip("abcd", "1232", strict=True)}}
    with RecordedModelServer([record], failures={"c": Fail(status=500)}) as server:
        yield server


async def test_five_hundred_runs_over_http_leave_nothing_behind():
    with serving() as server:
        graph, numbers = at(server), iter(range(10**9))

        async def once() -> None:
            number = next(numbers)
            run = asyncio.ensure_future(graph.ainvoke(ASKED))
            if number % 5 == 0:
                await asyncio.sleep(number % 30 / 1000)
                run.cancel()
            await asyncio.gather(run, return_exceptions=True)

        async def between() -> None:
            server.reset()
            await asyncio.sleep(0.1)

        await stays_flat(once, 480, warm_up=400, between=between, most=GROWTH_PER_HTTP_RUN)


def test_a_hundred_event_loops_leave_nothing_behind():
    with serving() as server:
        graph = at(server)
        for number in range(100):
            asyncio.run(graph.ainvoke(ASKED))
            server.reset()
            if number == 20:
                before = kept()
        after = kept()
    assert not grown(before, after)


def test_five_hundred_synchronous_runs_leave_nothing_behind():
    graph = create_lightrouter(talkers(), context=Context(boot_tokens=10)).compile()
    for number in range(500):
        graph.invoke(ASKED)
        if number == 50:
            before = kept()
    after = kept()
    assert not grown(before, after)

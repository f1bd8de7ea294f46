"""Nothing of a run outlives it: what its nodes have under way ends with the graph, however that ends.

LangGraph cancels the nodes of a graph that is cancelled, but forgets those that run side by side when it is cancelled a
second time before they have ended (langgraph, issue 5682), as a failing parent and a cancelled anyio scope do; and its
synchronous stream, when it is closed, waits for what is running. Their calls would go on and be paid for.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, contextmanager
from contextvars import ContextVar
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.graph import StateGraph
from langgraph.graph.state import CompiledStateGraph

_KEY = "__lightrouter_under_way"
"""Where a node finds it in its configuration; LangGraph keeps what begins so out of checkpoints and traces."""


class InFlightCalls:
    """What the nodes of one run are doing, and how to end it. Used from any thread."""

    def __init__(self) -> None:
        self._ends: dict[object, Callable[[], object]] = {}
        self._last: list[Callable[[], object]] = []

    def at_end(self, forget: Callable[[], object]) -> None:
        """Have `forget` called once the graph has ended."""
        self._last.append(forget)

    @contextmanager
    def held(self, end: Callable[[], object]) -> Iterator[None]:
        """Have `end` called should the graph end before the block does."""
        token = object()
        self._ends[token] = end
        try:
            yield
        finally:
            self._ends.pop(token, None)

    def end(self) -> None:
        """End everything that is still under way."""
        for end in (*self._ends.values(), *self._last):
            end()


_around: ContextVar[InFlightCalls | None] = ContextVar("around", default=None)


@contextmanager
def track_in_flight(config: RunnableConfig | None, end: Callable[[], object]) -> Iterator[None]:
    """Have `end` called should the graph of a node's configuration end before the block does."""
    found = ((config or {}).get("configurable") or {}).get(_KEY)
    under_way = found if isinstance(found, InFlightCalls) else InFlightCalls()
    token = _around.set(under_way)
    try:
        with under_way.held(end):
            yield
    finally:
        _around.reset(token)


def when_run_ends(forget: Callable[[], object]) -> None:
    """Have `forget` called once the graph whose node we are in has ended; never where there is none."""
    if (under_way := _around.get()) is not None:
        under_way.at_end(forget)


class CancellingStateGraph(StateGraph[Any, Any, Any, Any]):
    """A `StateGraph` whose compiled form leaves nothing running behind it."""

    def compile(self, *args: Any, **kwargs: Any) -> CompiledStateGraph[Any, Any, Any, Any]:
        """Compile as any `StateGraph` does."""
        compiled = super().compile(*args, **kwargs)
        compiled.__class__ = _Compiled  # LangGraph has no other way to compile into a class of one's own
        return compiled


class _Compiled(CompiledStateGraph[Any, Any, Any, Any]):
    """The same graph, which ends what is under way when it ends."""

    async def astream(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> AsyncIterator[Any]:  # noqa: A002
        under_way = InFlightCalls()
        try:
            async with aclosing(cast("Any", super().astream(input, _with(config, under_way), **kwargs))) as parts:
                async for part in parts:
                    yield part
        finally:
            under_way.end()

    def stream(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Iterator[Any]:  # noqa: A002
        under_way = InFlightCalls()
        parts = cast("Any", super().stream(input, _with(config, under_way), **kwargs))
        try:
            for part in parts:  # noqa: UP028 - `yield from` would close the stream first, which waits for what is running
                yield part
        finally:
            under_way.end()
            parts.close()


def _with(config: RunnableConfig | None, under_way: InFlightCalls) -> RunnableConfig:
    """Add the one key; LangGraph lays what is given over the configuration it is called in."""
    given = config or {}
    return {**given, "configurable": {**(given.get("configurable") or {}), _KEY: under_way}}

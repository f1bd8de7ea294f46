"""Turns an async node into a `Runnable` that serves synchronous and asynchronous graphs.

An async function alone cannot be a node of a graph that is invoked synchronously. A plain `Runnable` adds no run of its
own to a trace, as a `RunnableLambda` would.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, cast

from langchain_core.runnables import Runnable, RunnableConfig
from langgraph.func import task
from langgraph.runtime import get_runtime
from langgraph.store.base import BaseStore

from lightrouter_graph.runtime.event_loops import start_soon, wait_for
from lightrouter_graph.runtime.run_scope import STORE_KEY, RunScope, configurable_of, scope_of

T = TypeVar("T")
Update = dict[str, Any]
"""What a node returns: new values of some state keys."""

_SEPARATORS = str.maketrans(":|", "//")
"""LangGraph separates the parts of a checkpoint namespace by these."""

_THREADS_HELD = 2
"""Threads of a synchronous graph that may be busy while a node waits for its tasks: the node's and the stream's."""


@dataclass(frozen=True, slots=True)
class NodeRun:
    """One execution of a node. `sync` is True in a synchronous graph; its tasks cannot be async."""

    scope: RunScope
    config: RunnableConfig
    sync: bool = False

    @property
    def store(self) -> BaseStore | None:
        """The store of the chat model, or that the graph or the graph around it was compiled with."""
        own = self.configured(STORE_KEY)
        return own if isinstance(own, BaseStore) else get_runtime().store

    def configured(self, key: str) -> Any:
        """Return a value of `configurable`; None if it is absent.

        Args:
            key: Name of a value, e.g. "thread_id".
        """
        return configurable_of(self.config).get(key)

    async def checkpointed(self, name: str, work: Callable[[], Awaitable[Update]]) -> Update:
        """Run a part of the node as a LangGraph task. The checkpointer saves its result at once.

        A node that runs again after a crash gets the saved result instead of running `work`. In a synchronous graph,
        and with `max_concurrency` 1, the part just runs: the node itself holds the only slot.

        Args:
            name: Identifies the part together with its number in the node: a part that begins in another order after
                a crash is run again, and never gets the result of another.
            work: Returns JSON values.
        """
        if self.sync or self.scope.slots == 1:
            return await work()

        async def part(_: str) -> Update:
            return await work()

        result: Update = await _as_task(part, name)
        return result


class FanOut(Protocol):
    """The parallel part of a node: one query per candidate."""

    @property
    def names(self) -> Sequence[str]:
        """Candidates to query."""

    @property
    def stage(self) -> str:
        """Name of the node."""

    async def query(self, name: str) -> Update:
        """Query one candidate and return its update of the state; failures are records in it.

        Args:
            name: Name of the candidate.
        """


class NodeRunnable(Runnable[Any, Any]):
    """An async node as LangGraph's `invoke` and `ainvoke` both take it."""

    def __init__(self, node: Callable[[Any, NodeRun], Awaitable[Update]]) -> None:
        self.node = node

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Update:  # noqa: A002, ARG002
        """Run the node in the caller's event loop."""
        scope = scope_of(config)
        with scope.track(_cancel_current_task()):
            return await self.node(input, NodeRun(scope, config or {}))

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Update:  # noqa: A002, ARG002
        """Run the node in the background event loop and wait for it."""
        scope = scope_of(config)
        return _wait(scope, self.node, input, NodeRun(scope, config or {}, sync=True))


class FanOutRunnable(NodeRunnable):
    """A node that queries several candidates in parallel, each in a LangGraph task of its own.

    After a crash, candidates with a saved result are not queried again. Their exceptions reach the graph when
    all others have ended. A `Send` per candidate would write the conversation into the checkpoint for each of them.
    """

    def __init__(self, start: Callable[[Any, NodeRun], FanOut]) -> None:
        super().__init__(self.query_all)
        self.start = start

    async def query_all(self, state: Any, run: NodeRun) -> Update:
        """Query the candidates of a state, at most `max_concurrency` at once.

        Args:
            state: State of the graph before the node.
            run: Configuration, settings and scope of the run.
        """
        fan_out = self.start(state, run)
        limit = asyncio.Semaphore(run.scope.slots or max(1, len(fan_out.names)))

        async def query(name: str) -> Update:
            async with limit:
                return await run.checkpointed(f"{fan_out.stage} {name}", lambda: fan_out.query(name))

        return _merged(await asyncio.gather(*map(query, fan_out.names), return_exceptions=True))

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Update:  # noqa: A002
        """Query the candidates in the background event loop, each from a thread of its own if there are enough."""
        scope = scope_of(config)
        if scope.slots is not None and scope.slots <= _THREADS_HELD:
            return super().invoke(input, config, **kwargs)
        fan_out = self.start(input, NodeRun(scope, config or {}, sync=True))

        def query(name: str) -> Update:
            return _wait(scope, fan_out.query, name)

        futures = [_as_task(query, f"{fan_out.stage} {name}", name) for name in fan_out.names]
        return _merged([future.exception() or future.result() for future in futures])


def _as_task(work: Callable[[str], Any], name: str, argument: str = "") -> Any:
    """Start work as a LangGraph task; returns its future."""
    return cast("Any", task)(work, name=name.translate(_SEPARATORS))(argument or name)


def _merged(results: Sequence[Any]) -> Update:
    """Join the lists of the updates, in the order of the candidates; raise the first exception."""
    joined: Update = {}
    for result in results:
        if isinstance(result, BaseException):
            raise result
        for key, values in result.items():
            joined[key] = [*joined.get(key, []), *values]
    return joined


def _cancel_current_task() -> Callable[[], object]:
    current, loop = asyncio.current_task(), asyncio.get_running_loop()
    return (lambda: loop.call_soon_threadsafe(current.cancel)) if current is not None else (lambda: None)


def _wait(scope: RunScope, work: Callable[..., Awaitable[T]], *args: Any) -> T:
    """Run async work in the background event loop; cancel it if the run ends first."""
    futures: list[Future[T]] = []
    with scope.track(lambda: [future.cancel() for future in futures]):
        futures.append(start_soon(work, *args))
        return wait_for(futures[0])

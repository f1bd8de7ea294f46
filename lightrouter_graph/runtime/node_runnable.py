"""An async step as a graph node that serves synchronous runs as well."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig

from lightrouter_graph.runtime.cancellation import track_in_flight
from lightrouter_graph.runtime.durable_calls import keeping_in
from lightrouter_graph.runtime.event_loops import start_soon, wait_for


class Node(Runnable[Any, Any]):
    """A step as LangGraph's `invoke` and `ainvoke` both take it.

    An async function alone cannot be a node of a graph that is invoked synchronously. A plain `Runnable` adds no run
    of its own to a trace, as a `RunnableLambda` would.
    """

    def __init__(self, step: Callable[[Any], Awaitable[Any]]) -> None:
        self.step = step

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: A002, ARG002
        """Run the step in the caller's event loop."""
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        if task is None:
            return await self.step(input)
        with keeping_in(config), track_in_flight(config, lambda: loop.call_soon_threadsafe(task.cancel)):
            return await self.step(input)

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: A002, ARG002
        """Run the step in the background loop and wait for it."""
        started: list[Future[Any]] = []
        with track_in_flight(config, lambda: [future.cancel() for future in started]):
            started.append(start_soon(self.step, input))
            return wait_for(started[0])

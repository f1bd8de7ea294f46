"""An async step as a graph node that serves synchronous runs as well."""

from collections.abc import Awaitable, Callable
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig

from lightrouter_graph.event_loops import run_sync


class Node(Runnable[Any, Any]):
    """A step as LangGraph's `invoke` and `ainvoke` both take it.

    An async function alone cannot be a node of a graph that is invoked synchronously. A plain `Runnable` adds no run
    of its own to a trace, as a `RunnableLambda` would.
    """

    def __init__(self, step: Callable[[Any], Awaitable[Any]]) -> None:
        self.step = step

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: A002, ARG002
        """Run the step in the caller's event loop."""
        return await self.step(input)

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: A002, ARG002
        """Run the step in the background loop and wait for it."""
        return run_sync(self.step, input)

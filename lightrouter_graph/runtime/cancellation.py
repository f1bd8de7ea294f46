"""Cancels the in-flight work of a graph run when the run ends, fails, is closed or is cancelled.

LangGraph forgets nodes that run in parallel if it is cancelled a second time before they have ended (langgraph issue
5682), as a failing parent and an anyio scope do. A synchronous stream that is closed waits for running nodes. Model
calls would continue and be billed.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from typing import Any, cast

from langchain_core.runnables import RunnableConfig, ensure_config
from langgraph.graph import StateGraph
from langgraph.graph.state import CompiledStateGraph

from lightrouter_graph.runtime.run_scope import RunScope, with_scope


class CancellingStateGraph(StateGraph[Any, Any, Any, Any]):
    """A `StateGraph` that compiles to a graph which cancels its in-flight calls when a run ends.

    Attributes:
        max_steps: Most steps of a run. It replaces the `recursion_limit` of the caller: an agent's limit for itself
            would end a run after its calls are paid, without an answer.
    """

    max_steps: int = 25

    def compile(self, *args: Any, **kwargs: Any) -> CompiledStateGraph[Any, Any, Any, Any]:
        """Compile like `StateGraph.compile`; the result differs only in its streams, which close the run's scope."""
        compiled = super().compile(*args, **kwargs)
        # `compile` has no parameter for the class of its result: the attributes move to an object of the subclass.
        cancelling = _CancellingGraph.__new__(_CancellingGraph)
        vars(cancelling).update(vars(compiled))
        return cancelling

    def __getattr__(self, name: str) -> Any:
        if name in _RUN_METHODS:
            msg = f"the graph is not compiled: write create_lightrouter(...).compile().{name}(...)"
            raise AttributeError(msg, name=name, obj=self)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)


_RUN_METHODS = frozenset({"invoke", "ainvoke", "stream", "astream", "batch", "abatch", "astream_events", "get_graph"})


class _CancellingGraph(CompiledStateGraph[Any, Any, Any, Any]):
    """Every way to run a compiled graph (`invoke`, `batch`, `astream_events`, ...) passes one of these two streams."""

    async def astream(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> AsyncIterator[Any]:  # noqa: A002
        scope = RunScope(self._slots(config))
        try:
            async with aclosing(cast("Any", super().astream(input, self._config(config, scope), **kwargs))) as parts:
                async for part in parts:
                    yield part
        finally:
            scope.close()

    def stream(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Iterator[Any]:  # noqa: A002
        scope = RunScope(self._slots(config))
        config = self._config(config, scope)
        if scope.slots == 1:
            # LangGraph's own wait for tokens and events holds one of its threads: the only one would never run a node.
            config["max_concurrency"] = 2
        parts = cast("Any", super().stream(input, config, **kwargs))
        try:
            for part in parts:  # noqa: UP028 - `yield from` would close the stream first, which waits for running nodes
                yield part
        finally:
            scope.close()
            parts.close()

    def _config(self, config: RunnableConfig | None, scope: RunScope) -> RunnableConfig:
        return {**with_scope(config, scope), "recursion_limit": cast("CancellingStateGraph", self.builder).max_steps}

    def _slots(self, config: RunnableConfig | None) -> int | None:
        found = (each.get("max_concurrency") for each in (config, self.config, ensure_config()) if each)
        return next((slots for slots in found if slots), None)

"""`RunScope`: what one run of the graph holds in memory only, from its first node to its last.

It tracks the work of the nodes, so that nothing outlives the run, and holds the budget of retries that all calls of
the run share. A run that is resumed in another process begins with a new scope.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from langchain_core.runnables import RunnableConfig

from lightrouter_graph.rate_limits import RetryBudget

SCOPE_KEY = "__lightrouter_run"
"""Key in `configurable`; LangGraph keeps keys with two leading underscores out of checkpoints and traces."""

REQUEST_KEY = "__lightrouter_request"
"""Key in `configurable` under which a chat model passes the tools and the answer format of one call."""

STORE_KEY = "__lightrouter_store"
"""Key of a chat model's own store: LangGraph prefers that of a surrounding graph, even if it has none."""

THREAD_KEY = "__lightrouter_thread"
"""Key of a chat model's thread; under `thread_id` LangGraph would drop the configuration of a surrounding graph."""


class RunScope:
    """In-flight work and shared budgets of one run. Thread-safe: nodes of a synchronous graph run in threads.

    Args:
        slots: `max_concurrency` of the run, >= 1; None for no limit.
    """

    def __init__(self, slots: int | None = None) -> None:
        self.slots = slots
        self._cancels: dict[object, Callable[[], object]] = {}
        self._retries: RetryBudget | None = None

    def at_end(self, callback: Callable[[], object]) -> None:
        """Call a function when the run ends.

        Args:
            callback: Function without arguments; its return value is ignored.
        """
        self._cancels[object()] = callback

    @contextmanager
    def track(self, cancel: Callable[[], object]) -> Iterator[None]:
        """Call `cancel` if the run ends before the block does.

        Args:
            cancel: Called at most once, from any thread.
        """
        token = object()
        self._cancels[token] = cancel
        try:
            yield
        finally:
            self._cancels.pop(token, None)

    def retries(self, limit: int) -> RetryBudget:
        """Return the retry budget of the run; the first caller sets its limit.

        Args:
            limit: Retries of all calls of the run together, >= 0.
        """
        self._retries = self._retries or RetryBudget(limit)
        return self._retries

    def close(self) -> None:
        """Cancel everything that is still in flight."""
        for cancel in list(self._cancels.values()):
            cancel()


def scope_of(config: RunnableConfig | None) -> RunScope:
    """Return the scope of the run that a node's configuration belongs to.

    Args:
        config: Configuration of a node; None outside of a graph, which gives a new scope.
    """
    found = configurable_of(config).get(SCOPE_KEY)
    return found if isinstance(found, RunScope) else RunScope()


def with_scope(config: RunnableConfig | None, scope: RunScope) -> RunnableConfig:
    """Return the configuration with the scope in it; LangGraph merges it over the one it is called in.

    Args:
        config: Configuration of the caller; None for an empty one.
        scope: Scope of the run that starts.
    """
    # A graph inside of a candidate would inherit the request of the chat model around it.
    return {**(config or {}), "configurable": {REQUEST_KEY: None, **configurable_of(config), SCOPE_KEY: scope}}


def configurable_of(config: RunnableConfig | None) -> Mapping[str, Any]:
    """Return the `configurable` part of a configuration; empty if there is none.

    Args:
        config: Configuration of a runnable; None for an empty one.
    """
    return (config or {}).get("configurable") or {}

"""Calls inside of one node that are kept one by one: after a crash only those are paid again that had not returned."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.func import task

_CHECKPOINTER = "__pregel_checkpointer"
"""Where LangGraph tells a node of its checkpointer; the public `Runtime` does not."""

_keeping: ContextVar[bool] = ContextVar("keeping", default=False)


@contextmanager
def keeping_in(config: RunnableConfig | None) -> Iterator[None]:
    """Let the work of an asynchronous node be kept part by part, where there is a checkpointer to keep it."""
    token = _keeping.set(((config or {}).get("configurable") or {}).get(_CHECKPOINTER) is not None)
    try:
        yield
    finally:
        _keeping.reset(token)


async def checkpointed_call(name: str, asked: str, work: Callable[[], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
    """Do a part of a node's work; in a node that runs again after a crash, return what it brought the first time.

    Without a checkpointer, and in a synchronous graph (where LangGraph runs no async task), it is simply done.

    Args:
        name: How the part is called in traces and in the stream of updates.
        asked: What tells the part from others of that name. LangGraph counts the parts in the order in which they
            begin, which may be another after a crash where several work side by side: what belongs to another is done.
        work: What to do; what it returns is written into the checkpoint.
    """
    if not _keeping.get():
        return await work()

    async def part() -> dict[str, Any]:
        return {"asked": asked, "brought": await work()}

    written_down: Any = cast("Any", task)(part, name=name)
    found: dict[str, Any] = await written_down()
    return cast("dict[str, Any]", found["brought"]) if found["asked"] == asked else await work()

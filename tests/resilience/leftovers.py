"""What a run may leave behind when it is ended from outside: nothing."""

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from lightrouter_graph.testing import RecordedModelServer

_POLL_S = 0.001
_GONE_S = 1.5


def in_flight(server: RecordedModelServer) -> int:
    """Count the calls a server is working on."""
    return len(server.requests) - server.total().calls


async def until(condition: Callable[[], Any], within_s: float = 5.0) -> None:
    """Wait for what happens in another thread.

    Raises:
        TimeoutError: If it takes far too long.
    """
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - nobody there could set an event of ours
            await asyncio.sleep(_POLL_S)


async def until_idle(server: RecordedModelServer) -> None:
    """Wait for the end of all calls, which is to be soon.

    Raises:
        TimeoutError: If one goes on.
    """
    await until(lambda: not in_flight(server), _GONE_S)


@asynccontextmanager
async def nothing_left(caplog: Any) -> AsyncIterator[None]:
    """See that the block leaves no task, no unheard exception and no complaint of the event loop behind."""
    loop, before, complaints = asyncio.get_running_loop(), asyncio.all_tasks(), []
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    with caplog.at_level(logging.WARNING):
        yield
        await until(lambda: not _left(before), _GONE_S)
        gc.collect()  # tasks and futures complain when they are thrown away
        await asyncio.sleep(0)
    assert not complaints
    assert not [record.getMessage() for record in caplog.records]


def _left(before: set["asyncio.Task[Any]"]) -> set["asyncio.Task[Any]"]:
    return {task for task in asyncio.all_tasks() - before if not task.done()}

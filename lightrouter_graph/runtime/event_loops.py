"""Async work under any event loop: steps for a synchronous graph, and HTTP clients that belong to one loop.

Two facts make this room necessary. LangGraph runs a synchronous graph in threads without an event loop. And every
`ChatOpenAI` of a process shares one cached HTTP client whose open connections belong to the loop that made them, so
that a second `asyncio.run` fails with "Event loop is closed".
"""

import asyncio
import atexit
import functools
import importlib
import os
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from concurrent.futures import Future
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

from langchain_core.language_models import BaseChatModel

if TYPE_CHECKING:
    from anyio.from_thread import BlockingPortal

T = TypeVar("T")

_IDLE_S = 3.0
"""Seconds an idle connection is kept. Servers built on uvicorn, such as vLLM's, hang up after 5: with the same number
here, now and then a call is sent just as they do."""

_running: "set[asyncio.Future[Any]]" = set()
_epochs: WeakKeyDictionary[asyncio.AbstractEventLoop, float] = WeakKeyDictionary()
_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, "_LoopClients"] = WeakKeyDictionary()


def now() -> float:
    """Return the seconds since the epoch, by the clock of the running event loop.

    So that what is written into a checkpoint and what a timer waits for agree, also where that clock is a virtual one,
    and where the system's is set anew in the middle of a run.
    """
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return time.time()
    if loop not in _epochs:
        _epochs[loop] = time.time() - loop.time()
    return _epochs[loop] + loop.time()


def run_sync(step: Callable[..., Awaitable[T]], *args: Any) -> T:
    """Run an async function from a thread that has no event loop, in a background loop shared by the process.

    The caller's context variables go along, so that callbacks, tracing and streaming reach the calls made inside.
    """
    return wait_for(start_soon(step, *args))


def wait_for(future: Future[T]) -> T:
    """Wait for what was started in the background loop, and stop it there when the waiting is interrupted."""
    try:
        return future.result()
    except BaseException:
        future.cancel()  # Ctrl-C reaches this thread, not the loop: what runs there would go on and be paid for
        raise


def start_soon(step: Callable[..., Awaitable[T]], *args: Any) -> Future[T]:
    """Start an async function in the background loop; cancelling the future cancels it there."""
    return _portal().start_task_soon(_cancelled_once, step, *args)


async def _cancelled_once(step: Callable[..., Awaitable[T]], *args: Any) -> T:
    """Run a step as a task of its own, which is cancelled once and may then tidy up.

    anyio cancels what is in its scope again and again: a LangGraph run would be torn out of its own ending, and leave
    the calls of its nodes behind.
    """
    task = asyncio.ensure_future(step(*args))
    _running.add(task)
    task.add_done_callback(_running.discard)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.cancel()
        raise


@functools.cache
def _portal() -> "BlockingPortal":
    """Start the background loop at the first use. anyio's portal thread is a daemon, made to outlive any one call."""
    from anyio.from_thread import start_blocking_portal  # noqa: PLC0415 - only a synchronous graph needs it

    background = ExitStack()
    portal = background.enter_context(start_blocking_portal("asyncio", name="lightrouter"))

    def stop() -> None:
        # At the end of the process, while its threads still run: later, nobody is left to answer the portal.
        portal.call(portal.stop, True)
        background.close()

    atexit.register(stop)
    return portal


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_portal.cache_clear)  # the thread stays with the parent


def bound_to_loop(model: BaseChatModel) -> BaseChatModel:
    """Return the model with an HTTP client of the running event loop, which tries nothing again by itself.

    Only models that hold an OpenAI async client need it. One that was given its client or a proxy by the user keeps
    those. Further attempts are ours to make: each client on its own would know nothing of the others' (`completion`).
    """
    root = getattr(model, "root_async_client", None)
    if root is None:
        return model
    own = getattr(model, "http_async_client", None) or getattr(model, "openai_proxy", None)
    client = _clients_of_running_loop().of(root, own_http=bool(own))
    return model.model_copy(update={"root_async_client": client, "async_client": client.chat.completions})


def _clients_of_running_loop() -> "_LoopClients":
    loop = asyncio.get_running_loop()
    if loop not in _clients:
        _clients[loop] = _LoopClients()
    return _clients[loop]


class _LoopClients:
    """One HTTP client for everything that is called in one event loop, closed when the loop shuts down."""

    def __init__(self) -> None:
        openai = importlib.import_module("openai")
        usual = openai.DEFAULT_CONNECTION_LIMITS
        limits = type(usual)(
            max_connections=usual.max_connections,
            max_keepalive_connections=usual.max_keepalive_connections,
            keepalive_expiry=_IDLE_S,
        )
        self._http = openai.DefaultAsyncHttpxClient(limits=limits)
        self._bound: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()
        self._closing = self._close_with_loop()
        self._task = asyncio.ensure_future(anext(self._closing))

    def of(self, root: Any, *, own_http: bool) -> Any:
        """Return `root` without retries and, unless it keeps its own, with our HTTP client; for as long as it lives."""
        if root not in self._bound:
            http = {} if own_http else {"http_client": self._http}
            self._bound[root] = root.with_options(max_retries=0, **http)
        return self._bound[root]

    async def _close_with_loop(self) -> AsyncGenerator[None]:
        # A loop closes its unfinished async generators when it shuts down: the one hook there is.
        try:
            yield
        finally:
            _clients.pop(asyncio.get_running_loop(), None)  # else its entry would keep the loop, and the loop its entry
            await self._http.aclose()

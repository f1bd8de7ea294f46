"""Runs async work from synchronous graphs, and gives each event loop an HTTP client of its own.

LangGraph runs a synchronous graph in threads without an event loop. All `ChatOpenAI` instances of a process share one
cached HTTP client. Its open connections belong to the loop that created them, so a second `asyncio.run` fails with
"Event loop is closed".
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
from copy import copy
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

from langchain_core.language_models import BaseChatModel

from lightrouter_graph.runtime.reply_limits import ACCEPTED, limit_response

if TYPE_CHECKING:
    from anyio.from_thread import BlockingPortal

T = TypeVar("T")

_IDLE_S = 3.0
"""Seconds that an idle connection is kept. Servers on uvicorn, such as vLLM's, close it after 5 s: with the same number
here, a request is sometimes sent while the server closes the connection."""

_running: "set[asyncio.Future[Any]]" = set()
_epochs: WeakKeyDictionary[asyncio.AbstractEventLoop, float] = WeakKeyDictionary()
_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, "_LoopClients"] = WeakKeyDictionary()


def now() -> float:
    """Return the seconds since the epoch, by the clock of the running event loop.

    Times in checkpoints and timers then agree, with a virtual clock and with an adjusted system clock, too.
    """
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return time.time()
    if loop not in _epochs:
        _epochs[loop] = time.time() - loop.time()
    return _epochs[loop] + loop.time()


def run_sync(step: Callable[..., Awaitable[T]], *args: Any) -> T:
    """Run an async function in a background loop shared by the process, from a thread that has no event loop.

    The caller's context variables are copied, so that callbacks, tracing and streaming reach the calls inside.

    Args:
        step: Async function.
        *args: Its arguments.
    """
    return wait_for(start_soon(step, *args))


def wait_for(future: Future[T]) -> T:
    """Wait for work in the background loop; cancel it if the wait is interrupted.

    Args:
        future: Return value of `start_soon`.
    """
    try:
        return future.result()
    except BaseException:
        future.cancel()  # Ctrl-C reaches this thread, not the loop: calls there would continue and be billed
        raise


def start_soon(step: Callable[..., Awaitable[T]], *args: Any) -> Future[T]:
    """Start an async function in the background loop; cancelling the future cancels it.

    Args:
        step: The async function.
        *args: Its positional arguments.
    """
    return _portal().start_task_soon(_cancelled_once, step, *args)


async def _cancelled_once(step: Callable[..., Awaitable[T]], *args: Any) -> T:
    """Run a step as a separate task that is cancelled only once and can then clean up.

    anyio cancels everything in its scope repeatedly: a LangGraph run would be interrupted while it cancels its nodes.
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
    """Start the background loop at its first use. The thread of anyio's portal is a daemon."""
    from anyio.from_thread import start_blocking_portal  # noqa: PLC0415 - only a synchronous graph needs it

    background = ExitStack()
    portal = background.enter_context(start_blocking_portal("asyncio", name="lightrouter"))

    def stop() -> None:
        # At exit, while the threads still run: the portal cannot answer later.
        portal.call(portal.stop, True)
        background.close()

    atexit.register(stop)
    return portal


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_portal.cache_clear)  # the thread stays with the parent


def bound_to_loop(model: BaseChatModel) -> BaseChatModel:
    """Return the model with an HTTP client of the running event loop, without retries of its own; it is copied.

    Only models with an OpenAI async client need it. Its responses are limited (`reply_limits`) and redirects are not
    followed. A client or a proxy that the user configured is kept as it is. Retries belong to `llm.attempts`, which
    shares their budget between all clients.

    Args:
        model: A chat model of any provider.
    """
    root = getattr(model, "root_async_client", None)
    if root is None:
        return model
    own = getattr(model, "http_async_client", None) or getattr(model, "openai_proxy", None)
    loop = asyncio.get_running_loop()
    if loop not in _clients:
        _clients[loop] = _LoopClients()
    client = _clients[loop].of(root, own_http=bool(own))
    return model.model_copy(update={"root_async_client": client, "async_client": client.chat.completions})


class _LoopClients:
    """One HTTP client for all models of one event loop; closed when the loop shuts down."""

    def __init__(self) -> None:
        openai = importlib.import_module("openai")
        limits = copy(openai.DEFAULT_CONNECTION_LIMITS)
        limits.keepalive_expiry = _IDLE_S
        self._http = openai.DefaultAsyncHttpxClient(
            limits=limits,
            follow_redirects=False,  # another host would get the conversation, and keys in custom headers
            headers={"accept-encoding": ACCEPTED},
            event_hooks={"response": [limit_response]},
        )
        self._bound: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()
        self._closing = self._close_with_loop()
        self._task = asyncio.ensure_future(anext(self._closing))

    def of(self, root: Any, *, own_http: bool) -> Any:
        """Return `root` without retries and with the HTTP client of the loop, unless it has its own."""
        if root not in self._bound:
            http = {} if own_http else {"http_client": self._http}
            self._bound[root] = root.with_options(max_retries=0, **http)
        return self._bound[root]

    async def _close_with_loop(self) -> AsyncGenerator[None]:
        # A loop closes unfinished async generators when it shuts down: there is no other hook.
        try:
            yield
        finally:
            _clients.pop(asyncio.get_running_loop(), None)  # a reference cycle would keep the loop alive
            await self._http.aclose()

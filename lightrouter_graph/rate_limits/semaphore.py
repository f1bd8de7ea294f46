"""A semaphore with a variable number of permits, shared by all event loops and threads of the process."""

import asyncio
import math
import threading


class ResizableSemaphore:
    """A fair semaphore; the number of permits, at least 1, can change while some are in use.

    Built on aiologic. `anyio.CapacityLimiter` and `asyncio.Semaphore` belong to one event loop, but a graph called both
    sync and async runs in two (`event_loops`), so a limit of 1 would admit two requests. aiologic's semaphore serves
    all loops and threads in FIFO order, and passes a permit on if the waiting task is cancelled. A permit of a task in
    a closed loop is released when the task is garbage-collected.
    """

    def __init__(self, limit: int) -> None:
        from aiologic import Semaphore  # noqa: PLC0415 - slow to import

        self._limit = limit
        self._semaphore = Semaphore(limit)
        self._surplus = 0  # permits to withdraw when they are released
        # Re-entrant: garbage collection of a lost task may release its permit at any line.
        self._lock = threading.RLock()

    @property
    def limit(self) -> int:
        """Number of permits."""
        return self._limit

    @property
    def taken(self) -> int:
        """Number of permits in use; temporarily above a lowered limit."""
        return self._limit + self._surplus - self._semaphore.value

    async def acquire(self, timeout_s: float = math.inf) -> bool:
        """Acquire a permit, in FIFO order. Returns False if the timeout was reached first.

        Args:
            timeout_s: The longest wait.
        """
        if await self._semaphore.async_acquire(blocking=False):
            return True
        try:
            async with asyncio.timeout(None if timeout_s == math.inf else timeout_s):
                return await self._semaphore.async_acquire()
        except TimeoutError:
            return False

    def release(self) -> None:
        """Release a permit; the longest-waiting task gets it."""
        with self._lock:
            if self._surplus:
                self._surplus -= 1
            else:
                self._semaphore.async_release()

    def resize(self, limit: int) -> None:
        """Change the number of permits, at least 1. Requests in flight continue.

        Args:
            limit: Permits in total, held ones included.
        """
        with self._lock:
            more = limit - self._limit - self._surplus
            self._limit, self._surplus = limit, max(0, -more)
            if more > 0:
                self._semaphore.async_release(more)
            while self._surplus and self._semaphore.green_acquire(blocking=False):
                self._surplus -= 1

"""How many calls of an endpoint may be under way at once, in all event loops and threads of the process together."""

import asyncio
import math
import threading


class ResizableSemaphore:
    """A number of permits that can be changed while some are taken; first come, first served.

    The semaphore is aiologic's. `anyio.CapacityLimiter` and `asyncio.Semaphore` belong to one event loop, and a graph
    that is called both ways runs in two (`event_loops`): a limit of one would let two calls through. aiologic's is
    shared by all loops and threads, hands a freed permit straight to whoever waited longest, and passes it on when that
    one is cancelled in the same instant. A permit handed to a task whose loop was closed under it comes back when the
    task is collected.

    Args:
        limit: How many there are, at least 1.
    """

    def __init__(self, limit: int) -> None:
        from aiologic import Semaphore  # noqa: PLC0415 - slow to import, and not needed before the first call

        self._limit = limit
        self._semaphore = Semaphore(limit)
        self._surplus = 0  # permits to withdraw as soon as they are given back
        self._lock = threading.RLock()  # re-entrant: collecting a lost task gives its permit back wherever we are

    @property
    def limit(self) -> int:
        """How many permits there are."""
        return self._limit

    @property
    def taken(self) -> int:
        """How many are taken now; for a while more than the limit, after it was lowered."""
        return self._limit + self._surplus - self._semaphore.value

    async def take(self, acquire_timeout_s: float = math.inf) -> bool:
        """Wait for a permit, in the order of coming, and take it; False when patience was over first."""
        if await self._semaphore.async_acquire(blocking=False):
            return True
        try:
            async with asyncio.timeout(None if acquire_timeout_s == math.inf else acquire_timeout_s):
                return await self._semaphore.async_acquire()
        except TimeoutError:
            return False

    def give_back(self) -> None:
        """Hand a permit on to whoever waits first."""
        with self._lock:
            if self._surplus:
                self._surplus -= 1
            else:
                self._semaphore.async_release()

    def resize(self, limit: int) -> None:
        """Change the number of permits; calls under way go on."""
        with self._lock:
            more = limit - self._limit - self._surplus
            self._limit, self._surplus = limit, max(0, -more)
            if more > 0:
                self._semaphore.async_release(more)
            while self._surplus and self._semaphore.green_acquire(blocking=False):
                self._surplus -= 1

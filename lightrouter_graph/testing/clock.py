"""Clocks for scripted delays: real time, and virtual time that never waits."""

import asyncio
import heapq
import itertools
import math
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, cast, runtime_checkable

_POLL_S = 0.0005
_VIEW = "_lightrouter_loop_view"


@runtime_checkable
class Clock(Protocol):
    """Protocol of clocks that scripted delays wait on. Seconds may be `math.inf`: until cancelled."""

    async def sleep(self, seconds: float) -> None:
        """Wait.

        Args:
            seconds: Duration, >= 0.
        """

    def sleep_sync(self, seconds: float) -> None:
        """Wait in synchronous code; as `sleep`.

        Args:
            seconds: Duration, >= 0.
        """


class RealClock:
    """Clock of real time.

    Example:
        >>> import asyncio
        >>> asyncio.run(RealClock().sleep(0.001))
    """

    async def sleep(self, seconds: float) -> None:
        """Wait without blocking the event loop.

        Args:
            seconds: Duration in real time, >= 0.
        """
        await asyncio.sleep(seconds)

    def sleep_sync(self, seconds: float) -> None:
        """Block the calling thread for a finite time.

        Args:
            seconds: Duration in real time, >= 0.
        """
        _refuse_infinite(seconds)
        time.sleep(seconds)


class _Sleeper(NamedTuple):
    when: float
    order: int
    woken: "asyncio.Future[None]"


class VirtualClock:
    """Virtual time: delays take no real time; sleepers wake one by one, in order of virtual time.

    Time stands still while the event loop has work, and jumps when the loop is idle. The loop is idle if, for two
    turns in a row, no callback was ready, no socket had data and no call of `loop.run_in_executor` (sync nodes,
    `asyncio.to_thread`) was running. The clock then wakes whichever is due first, one of its sleepers or a timer of
    the event loop, and sets `now` to its time. So `asyncio.timeout(30)` around a reply of `delay_s=60` expires at once,
    at `now == 30` or slightly less, and replies that hang can time out. Sleepers due at the same time wake in the order
    in which they started.

    Limits: the clock does not see, and does not wait for, responses of real sockets, threads not started through
    `run_in_executor` (those of a SQLite checkpointer or of anyio) or started before the first use of the clock, and
    other processes. Time may jump ahead of them, so that their timeouts expire too early. `settle_s` gives them real
    time before every jump; `timers=False` excludes the timers of the event loop. Timers also include the real time
    that passes, so the order of a sleeper and a timer due at the same time is undefined. Idleness is read from the
    private `_ready` and `_scheduled` of CPython's event loops; `time` and `run_in_executor` of the loop are replaced
    permanently, which uvloop does not allow. `time.sleep` and `time.monotonic` stay real. All models of a run must
    share one clock, and a clock serves one event loop at a time.

    Args:
        settle_s: Real seconds to wait before each jump; 0 for none.
        timers: Whether timers of the event loop (`asyncio.timeout`, `asyncio.sleep`) use the virtual time.
        still: Whether the time of the event loop stands still between jumps while a sleeper waits, so that equal
            programs read exactly equal times on any machine. Threads and sockets are then polled every 0.5 ms.

    Example:
        >>> import asyncio
        >>> clock = VirtualClock()
        >>> async def nap(seconds: float) -> float:
        ...     await clock.sleep(seconds)
        ...     return clock.now
        >>> async def both() -> list[float]:
        ...     return await asyncio.gather(nap(3600.0), nap(60.0))
        >>> asyncio.run(both())
        [3600.0, 60.0]
    """

    def __init__(self, *, settle_s: float = 0.0, timers: bool = True, still: bool = False) -> None:
        self.now = 0.0
        """Virtual seconds since the clock was created."""
        self._settle_s = settle_s
        self._timers = timers
        self._still = still
        self._order = itertools.count()
        self._sleepers: list[_Sleeper] = []
        self._view: _LoopView | None = None
        self._next_watch: asyncio.Handle | None = None
        self._quiet_turns = 0
        self._lock = threading.Lock()

    async def sleep(self, seconds: float) -> None:
        """Wait in virtual time, which takes no real time.

        Args:
            seconds: Virtual duration, >= 0.
        """
        loop = asyncio.get_running_loop()
        self._attach(_LoopView.of(loop))
        woken: asyncio.Future[None] = loop.create_future()
        heapq.heappush(self._sleepers, _Sleeper(self.now + seconds, next(self._order), woken))
        await woken

    def sleep_sync(self, seconds: float) -> None:
        """Advance `now` and return. Sleeps of parallel threads add up, they do not overlap.

        Args:
            seconds: Virtual duration, finite.

        Raises:
            RuntimeError: If `seconds` is infinite.
        """
        _refuse_infinite(seconds)
        with self._lock:
            self.now += seconds

    def restart(self) -> None:
        """Set the time to 0, between two independent runs.

        No sleeper may be left except infinite ones, and no timer of the event loop.
        """
        self.now = 0.0
        if self._view is not None:
            self._view.restart()

    def leave(self) -> None:
        """Detach from the event loop.

        Raises:
            RuntimeError: If a sleeper is left in a loop that is still open.
        """
        if self._view is None:
            return
        if self._drop_cancelled() and not self._view.loop.is_closed():
            raise RuntimeError("an event loop can use one VirtualClock at a time: pass the same clock to all models")
        self._sleepers.clear()
        self._view.watcher = None
        self._view.release()
        self._view = None
        if self._next_watch is not None:
            self._next_watch.cancel()

    def _attach(self, view: "_LoopView") -> None:
        if self._view is view:
            return
        self.leave()
        if view.watcher is not None:
            view.watcher.leave()
        view.watcher = self
        self._view, self._quiet_turns = view, 0
        if self._still:
            view.hold()
        self._watch_again(view, 0.0)

    def _watch(self, view: "_LoopView") -> None:
        """Run once per turn of the event loop while a sleeper waits; jump when the loop is idle."""
        if not self._drop_cancelled():
            self.leave()
        elif not view.idle():
            self._quiet_turns = 0
            self._watch_again(view, _POLL_S if view.in_threads else 0.0)
        elif self._quiet_turns == 0:
            self._quiet_turns = 1
            self._watch_again(view, self._settle_s)
        else:
            self._quiet_turns = 0
            self._watch_again(view, 0.0 if self._jump(view) else _POLL_S)

    def _watch_again(self, view: "_LoopView", after_s: float) -> None:
        if after_s and self._still:
            time.sleep(after_s)
            after_s = 0.0
        if after_s:
            self._next_watch = view.loop.call_later(after_s, self._watch, view)
        else:
            self._next_watch = view.loop.call_soon(self._watch, view)

    def _jump(self, view: "_LoopView") -> bool:
        """Advance to the next sleeper or timer; return False if there is none."""
        sleep_s = max(0.0, self._sleepers[0].when - self.now)
        timer_s = view.next_timer_s() if self._timers else math.inf
        step_s = min(sleep_s, timer_s)
        if step_s == math.inf:
            return False
        if self._timers:
            view.advance(step_s)
        with self._lock:
            self.now = max(self.now, self._sleepers[0].when) if sleep_s <= timer_s else self.now + timer_s
        if sleep_s <= timer_s:
            heapq.heappop(self._sleepers).woken.set_result(None)
        return True

    def _drop_cancelled(self) -> bool:
        while self._sleepers and self._sleepers[0].woken.done():
            heapq.heappop(self._sleepers)
        return bool(self._sleepers)


class _LoopView:
    """Access of a clock to the state and the time of an event loop; stored on the loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.in_threads = 0
        self.watcher: VirtualClock | None = None
        self._ahead_s = 0.0
        self._held = False
        self._real_time = loop.time
        self._submit = cast("Callable[..., asyncio.Future[Any]]", loop.run_in_executor)
        loop.time = self._time  # type: ignore[method-assign]
        loop.run_in_executor = self._run_in_executor  # type: ignore[assignment]

    @classmethod
    def of(cls, loop: asyncio.AbstractEventLoop) -> "_LoopView":
        view: _LoopView | None = getattr(loop, _VIEW, None)
        if view is None:
            view = cls(loop)
            setattr(loop, _VIEW, view)
        return view

    def idle(self) -> bool:
        return not self.in_threads and not getattr(self.loop, "_ready", ())

    def next_timer_s(self) -> float:
        timers: list[asyncio.TimerHandle] = getattr(self.loop, "_scheduled", [])
        due = min((timer.when() for timer in timers if not timer.cancelled()), default=math.inf)
        return max(0.0, due - self._time())

    def advance(self, seconds: float) -> None:
        self._ahead_s += seconds

    def hold(self) -> None:
        """Set the loop's time to 0 and advance it by jumps only."""
        self._held = True
        self.restart()

    def release(self) -> None:
        self._held = False

    def restart(self) -> None:
        if self._held:
            self._ahead_s = 0.0

    def _time(self) -> float:
        return self._ahead_s if self._held else self._real_time() + self._ahead_s

    def _run_in_executor(self, *args: Any) -> "asyncio.Future[Any]":
        future = self._submit(*args)
        self.in_threads += 1
        future.add_done_callback(self._left_thread)
        return future

    def _left_thread(self, _: "asyncio.Future[Any]") -> None:
        self.in_threads -= 1


def _refuse_infinite(seconds: float) -> None:
    if seconds == math.inf:
        raise RuntimeError(
            "an infinite synchronous wait cannot be cancelled: call the model with `ainvoke` or `astream`"
        )

"""Stops calling a model that keeps failing, and finds out with one call at a time when it is back.

Why not a library. Half-open, every one of `purgatory` 3.0.1, `aiobreaker` 1.2.0 (of 2021), `hyx` 0.0.2 and
`circuitbreaker` 2.1.3 lets all waiting calls through: of 20 at once, 20 reached the provider (tried with the first two,
read in the others), which is the storm a breaker is there to prevent. `purgatory` counts a cancelled call as a failure,
and we cancel all the time. `pybreaker` 1.4.1 is async for Tornado alone, takes a coroutine function that fails for a
success, and holds its lock for as long as the call lasts. None takes a clock, or waits longer after each failed probe.
"""

import threading
from collections.abc import Callable

from lightrouter_graph.rate_limits.retry import doubled_s

FAILURES_IN_A_ROW = 5
"""So many open a breaker: where a tenth of the calls fails by chance, one in 100,000 is the fifth in a row."""

FIRST_REST_S, LONGEST_REST_S = 30.0, 300.0
"""How long an open breaker rests before its first probe; twice as long after each that failed, up to the longest."""


class CircuitBreaker:
    """Closed, open, or open with one probe under way.

    Every opening and every probe begins a generation. A call tells its outcome with the generation it was admitted in,
    and is heard only while that lasts: calls from before the opening neither close the breaker nor open it once more,
    and in a probe's generation there is nobody but the probe.

    Args:
        now: The time in seconds, never going back.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._lock = threading.RLock()  # re-entrant: collecting a lost task ends its probe wherever we are
        self._generation = 0
        self._failures = 0
        self._openings = 0  # in a row; 0 while closed
        self._next_try = 0.0
        self._probing = False

    @property
    def refuses(self) -> bool:
        """Whether a call would be refused now."""
        return self._openings > 0 and (self._probing or self._now() < self._next_try)

    @property
    def reason(self) -> str:
        """Why calls are refused, to be read after the model's name."""
        wait_s = max(0.0, self._next_try - self._now())
        then = "it is being tried again now" if self._probing else f"next try in {wait_s:.0f} s"
        return f"failed {self._failures} times in a row; {then}"

    def admit(self) -> int | None:
        """Let a call through and return its generation, or None to refuse it; the first after a rest is the probe."""
        if not self._openings:
            return self._generation
        with self._lock:
            if self.refuses:
                return None
            if self._openings:
                self._begin_generation(probing=True)
            return self._generation

    def succeed(self, generation: int) -> None:
        """Close: the provider answered."""
        if not self._failures:
            return
        with self._lock:
            if generation == self._generation:
                self._failures, self._openings, self._probing = 0, 0, False

    def fail(self, generation: int) -> None:
        """Count a failure: one too many opens, and so does a probe's."""
        with self._lock:
            if generation != self._generation:
                return
            self._failures += 1
            if self._probing or self._failures >= FAILURES_IN_A_ROW:
                self._openings += 1
                self._next_try = self._now() + doubled_s(self._openings, FIRST_REST_S, LONGEST_REST_S)
                self._begin_generation(probing=False)

    def abandon(self, generation: int) -> None:
        """Hear that a call ended without telling anything: after a probe, the next call is the probe."""
        if not self._probing:
            return
        with self._lock:
            if self._probing and generation == self._generation:
                self._begin_generation(probing=False)

    def _begin_generation(self, *, probing: bool) -> None:
        self._generation += 1
        self._probing = probing

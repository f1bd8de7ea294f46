"""Circuit breaker of one model: rejects requests after repeated failures, and probes with one request at a time.

Why no library: half-open, `purgatory` 3.0.1, `aiobreaker` 1.2.0, `hyx` 0.0.2 and `circuitbreaker` 2.1.3 let all waiting
requests through; `purgatory` counts a cancelled request as a failure, and early stopping cancels often. `pybreaker`
1.4.1 supports async for Tornado only. No library takes a clock or waits longer after each failed probe.
"""

import math
import threading
from collections.abc import Callable

from lightrouter_graph.rate_limits.retry import exponential_s

FAILURES_IN_A_ROW = 5
"""Opens the breaker. If 10 % of the requests fail independently, 1 in 100,000 is the fifth failure in a row."""

FIRST_OPEN_S, MAX_OPEN_S = 30.0, 300.0
"""Seconds until the first probe; doubled after each failed probe, up to the maximum."""


class CircuitBreaker:
    """A breaker is closed, open, or open with one probe in flight. Thread-safe; `now` is a monotonic clock in seconds.

    Each opening and each probe starts a new generation. The outcome of a request counts only in the generation in which
    it was admitted: requests from before the opening neither close the breaker nor extend the open time.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        # Re-entrant: garbage collection of a lost task may abandon its probe at any line.
        self._lock = threading.RLock()
        self._generation = self._failures = 0
        self._openings = 0  # consecutive; 0 while closed
        self._next_try = 0.0
        self._probing = False

    def refuses(self, *, probe: bool = False) -> bool:
        """Return True if a request would be rejected now.

        Args:
            probe: True for a request that may be the probe before the open time has passed.
        """
        return self._openings > 0 and (self._probing or (not probe and self.next_try_s > 0))

    @property
    def next_try_s(self) -> float:
        """Seconds until the next probe, >= 0; 0 while it is in flight."""
        return max(0.0, self._next_try - self._now())

    @property
    def reason(self) -> str:
        """Why requests are rejected; an error message puts the model name in front."""
        then = "a probe is in flight" if self._probing else f"next try in {math.ceil(self.next_try_s)} s"
        return f"failed {self._failures} times in a row; {then}"

    def admit(self, *, probe: bool = False) -> int | None:
        """Return the generation of an admitted request, or None. The first request after the open time is the probe.

        Args:
            probe: True to admit the request as the probe before the open time has passed.
        """
        if not self._openings:
            return self._generation
        with self._lock:
            if self.refuses(probe=probe):
                return None
            if self._openings:
                self._begin_generation(probing=True)
            return self._generation

    def succeed(self, generation: int) -> None:
        """Record a success, which closes the breaker.

        Args:
            generation: Return value of `admit`; that of an earlier state has no effect.
        """
        with self._lock:
            if generation == self._generation:
                self._failures, self._openings, self._probing = 0, 0, False

    def fail(self, generation: int) -> None:
        """Record a failure. The fifth in a row and that of a probe open the breaker.

        Args:
            generation: Return value of `admit`; that of an earlier state has no effect.
        """
        with self._lock:
            if generation != self._generation:
                return
            self._failures += 1
            if self._probing or self._failures >= FAILURES_IN_A_ROW:
                self._openings += 1
                self._next_try = self._now() + exponential_s(self._openings, FIRST_OPEN_S, MAX_OPEN_S)
                self._begin_generation(probing=False)

    def abandon(self, generation: int) -> None:
        """Record a request that ended without an outcome. If it was the probe, the next request is.

        Args:
            generation: Return value of `admit`; that of an earlier state has no effect.
        """
        with self._lock:
            if self._probing and generation == self._generation:
                self._begin_generation(probing=False)

    def _begin_generation(self, *, probing: bool) -> None:
        self._generation, self._probing = self._generation + 1, probing

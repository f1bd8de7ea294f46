"""`Permit`: one request's wait for the cooldown, the circuit breaker and the concurrency limit of its endpoint."""

import math
from collections.abc import Callable
from types import TracebackType
from typing import Any, Literal

from lightrouter_graph.errors import LightRouterError
from lightrouter_graph.rate_limits.circuit_breaker import CircuitBreaker
from lightrouter_graph.rate_limits.cooldown import Cooldown
from lightrouter_graph.rate_limits.semaphore import ResizableSemaphore
from lightrouter_graph.records import Cause, Failure
from lightrouter_graph.redaction import redact

ENDPOINT_WIDE_S = 60.0
"""The longest cooldown that applies to the whole endpoint. Up to a minute it limits the request rate of the API key; a
longer one is the quota of a single model, such as free requests per day, and must not block the other models.
"""

_FAILURES: frozenset[Cause] = frozenset({"unavailable", "disconnected", "timeout", "auth"})
"""Causes that count as failures of the model: it is unreachable or denies access."""

_NEUTRAL: frozenset[Cause] = frozenset({"cancelled", "rate_limited"})
"""Causes that count as neither: a gateway rejects for the rate whether or not the model behind it is available."""


class EndpointClosedError(LightRouterError):
    """A request was rejected before it was sent.

    Attributes:
        cause: `unavailable` if the breaker is open, `rate_limited` without a permit or with too long a cooldown.
    """

    def __init__(self, cause: Literal["unavailable", "rate_limited"], reason: str) -> None:
        self.cause = cause
        super().__init__(reason)

    @property
    def failure(self) -> Failure:
        """The rejection as a record."""
        return {"cause": self.cause, "message": str(self)}

    def __reduce__(self) -> tuple[Any, ...]:
        """Support pickle, for exceptions raised in worker processes."""
        return type(self), (self.cause, str(self))


class Permit:
    """A permit of an endpoint for one request; entered once, with `async with`.

    A request without a recorded outcome (cancelled or not sent) has no effect on the breaker. If it was the probe, the
    next request is.
    """

    __slots__ = (
        "_acquire_timeout_s",
        "_breaker",
        "_cooldown",
        "_generation",
        "_max_cooldown_s",
        "_model_name",
        "_now",
        "_semaphore",
    )

    def __init__(
        self,
        model_name: str,
        acquire_timeout_s: float,
        max_cooldown_s: float = math.inf,
        *,
        semaphore: ResizableSemaphore,
        cooldown: Cooldown,
        breaker: CircuitBreaker,
        now: Callable[[], float],
    ) -> None:
        self._model_name = model_name
        self._acquire_timeout_s, self._max_cooldown_s = acquire_timeout_s, max_cooldown_s
        self._semaphore, self._cooldown, self._breaker = semaphore, cooldown, breaker
        self._now = now
        self._generation = -1

    async def __aenter__(self) -> "Permit":
        """Wait for the end of a cooldown and acquire a permit.

        Raises:
            EndpointClosedError: If the breaker is open, the cooldown too long, or no permit is released in time.
        """
        until = self._now() + self._acquire_timeout_s
        await self._queue(until)
        while self._cooldown.remaining_s(self._model_name):  # it started while this request waited for a permit
            self._semaphore.release()
            await self._queue(until)
        # Last, so that an admitted probe is sent at once.
        generation = self._breaker.admit()
        if generation is None:
            self._semaphore.release()
            raise self._rejection("unavailable", self._breaker.reason)
        self._generation = generation
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release the permit. Does not await: it must work in a cancelled task."""
        self._breaker.abandon(self._generation)
        self._semaphore.release()

    def record(self, cause: Cause | None, retry_after_s: float | None = None) -> None:
        """Record the outcome of the request, before the permit is released.

        Args:
            cause: The cause of the failure; None for success.
            retry_after_s: Seconds that the provider asked to wait; starts a cooldown.
        """
        if retry_after_s:
            whole_endpoint = cause == "rate_limited" and retry_after_s <= ENDPOINT_WIDE_S
            self._cooldown.start(None if whole_endpoint else self._model_name, retry_after_s)
        if cause in _FAILURES:
            self._breaker.fail(self._generation)
        elif cause not in _NEUTRAL:
            self._breaker.succeed(self._generation)

    async def _queue(self, until: float) -> None:
        if self._breaker.refuses:
            raise self._rejection("unavailable", self._breaker.reason)
        if not await self._cooldown.wait(self._model_name, min(until - self._now(), self._max_cooldown_s)):
            remaining_s = self._cooldown.remaining_s(self._model_name)
            raise self._rejection(
                "rate_limited",
                f"must not be called for {remaining_s:.0f} s (Retry-After), longer than the call may take",
            )
        if not await self._semaphore.acquire(until - self._now()):
            limit = f"max_concurrency = {self._semaphore.limit}"
            raise self._rejection("rate_limited", f"got no permit within {self._acquire_timeout_s:.3g} s ({limit})")

    def _rejection(self, cause: Literal["unavailable", "rate_limited"], why: str) -> EndpointClosedError:
        return EndpointClosedError(cause, f"{redact(self._model_name)} {why}")

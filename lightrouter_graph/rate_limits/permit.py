"""`Permit`: one request's wait for the cooldown, the circuit breaker and the concurrency limit of its endpoint."""

from collections.abc import Callable
from dataclasses import dataclass
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
        """Support pickle."""
        return type(self), (self.cause, str(self))


@dataclass(slots=True, repr=False, eq=False)
class Permit:
    """A permit of an endpoint for one request; entered once, with `async with`.

    A request without a recorded outcome (cancelled or not sent) has no effect on the breaker.
    """

    model_name: str
    acquire_timeout_s: float
    max_cooldown_s: float
    semaphore: ResizableSemaphore
    cooldown: Cooldown
    breaker: CircuitBreaker
    now: Callable[[], float]
    _generation: int = -1

    async def __aenter__(self) -> "Permit":
        """Wait for the end of a cooldown and acquire a permit.

        Raises:
            EndpointClosedError: If the breaker is open, the cooldown too long, or no permit is released in time.
        """
        until = self.now() + self.acquire_timeout_s
        await self._queue(until)
        while self.cooldown.remaining_s(self.model_name):  # it started while this request waited for a permit
            self.semaphore.release()
            await self._queue(until)
        # Last, so that an admitted probe is sent at once.
        generation = self.breaker.admit()
        if generation is None:
            self.semaphore.release()
            raise self._rejection("unavailable", self.breaker.reason)
        self._generation = generation
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release the permit. Does not await: it must work in a cancelled task."""
        self.breaker.abandon(self._generation)
        self.semaphore.release()

    def record(self, cause: Cause | None, retry_after_s: float | None = None) -> None:
        """Record the outcome of the request, before the permit is released.

        Args:
            cause: The cause of the failure; None for success.
            retry_after_s: Seconds that the provider asked to wait; starts a cooldown.
        """
        if retry_after_s:
            whole_endpoint = cause == "rate_limited" and retry_after_s <= ENDPOINT_WIDE_S
            self.cooldown.start(None if whole_endpoint else self.model_name, retry_after_s)
        if cause in _FAILURES:
            self.breaker.fail(self._generation)
        elif cause not in _NEUTRAL:
            self.breaker.succeed(self._generation)

    async def _queue(self, until: float) -> None:
        if self.breaker.refuses:
            raise self._rejection("unavailable", self.breaker.reason)
        if not await self.cooldown.wait(self.model_name, min(until - self.now(), self.max_cooldown_s)):
            remaining_s = self.cooldown.remaining_s(self.model_name)
            why = f"must not be called for {remaining_s:.0f} s (Retry-After), longer than the call may take"
            raise self._rejection("rate_limited", why)
        if not await self.semaphore.acquire(until - self.now()):
            limit = f"max_concurrency = {self.semaphore.limit}"
            raise self._rejection("rate_limited", f"got no permit within {self.acquire_timeout_s:.3g} s ({limit})")

    def _rejection(self, cause: Literal["unavailable", "rate_limited"], why: str) -> EndpointClosedError:
        return EndpointClosedError(cause, f"{redact(self.model_name)} {why}")

"""`Endpoint`: concurrency limit, cooldowns and circuit breakers of one provider URL with one API key; `Permit`."""

import math
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal

from lightrouter_graph.errors import LightRouterError
from lightrouter_graph.rate_limits.circuit_breaker import CircuitBreaker
from lightrouter_graph.rate_limits.cooldown import Cooldown
from lightrouter_graph.rate_limits.semaphore import ResizableSemaphore
from lightrouter_graph.records import Cause, Failure
from lightrouter_graph.redaction import redact

DEFAULT_LIMIT = 100
"""Default limit of concurrent requests: the default size of an httpx connection pool, so more would wait there."""

ENDPOINT_WIDE_S = 60.0
"""The longest cooldown that applies to the whole endpoint. Up to a minute it limits the request rate of the API key; a
longer one is the quota of a single model, such as free requests per day, and must not block the other models.
"""

_FAILURES: frozenset[Cause] = frozenset({"unavailable", "disconnected", "timeout", "auth"})
"""Causes that count as failures of the model: it is unreachable or denies access."""

MIN_RETRY_AFTER_S = 1.0
"""The shortest wait that a rejection names: a probe in flight needs some time."""

_NEUTRAL: frozenset[Cause] = frozenset({"cancelled", "rate_limited"})
"""Causes that count as neither: a gateway rejects for the rate whether or not the model behind it is available."""


class EndpointClosedError(LightRouterError):
    """A request was rejected before it was sent.

    Attributes:
        cause: `unavailable` if the breaker is open, `rate_limited` without a permit or with too long a cooldown.
        retry_after_s: Seconds until the next try.
    """

    def __init__(
        self,
        cause: Literal["unavailable", "rate_limited"],
        reason: str,
        retry_after_s: float = MIN_RETRY_AFTER_S,
    ) -> None:
        self.cause = cause
        self.retry_after_s = retry_after_s
        super().__init__(reason)

    @property
    def failure(self) -> Failure:
        """The rejection as a record."""
        return {"cause": self.cause, "message": str(self), "retry_after_s": self.retry_after_s}

    def __reduce__(self) -> tuple[Any, ...]:
        """Support pickle."""
        return type(self), (self.cause, str(self), self.retry_after_s)


@dataclass(slots=True, repr=False, eq=False)
class Permit:
    """A permit of an endpoint for one request; entered once, with `async with`.

    A request without a recorded outcome (cancelled or not sent) has no effect on the breaker.
    """

    endpoint: "Endpoint"
    model_name: str
    acquire_timeout_s: float
    max_cooldown_s: float
    breaker: CircuitBreaker
    probe: bool = False
    _generation: int = -1

    async def __aenter__(self) -> "Permit":
        """Wait for the end of a cooldown and acquire a permit; raises `EndpointClosedError`."""
        until = self.endpoint.now() + self.acquire_timeout_s
        await self._queue(until)
        while self.endpoint.cooldown.remaining_s(self.model_name):  # it started while this request waited for a permit
            self.endpoint.semaphore.release()
            await self._queue(until)
        # Last, so that an admitted probe is sent at once.
        generation = self.breaker.admit(probe=self.probe)
        if generation is None:
            self.endpoint.semaphore.release()
            raise self._rejection("unavailable", self.breaker.reason, self.breaker.next_try_s)
        self._generation = generation
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release the permit. Does not await: it must work in a cancelled task."""
        self.breaker.abandon(self._generation)
        self.endpoint.semaphore.release()

    def record(self, cause: Cause | None, retry_after_s: float | None = None) -> None:
        """Record the outcome of the request, before the permit is released.

        Args:
            cause: The cause of the failure; None for success.
            retry_after_s: Seconds that the provider asked to wait; starts a cooldown.
        """
        if retry_after_s:
            whole_endpoint = cause == "rate_limited" and retry_after_s <= ENDPOINT_WIDE_S
            self.endpoint.cooldown.start(None if whole_endpoint else self.model_name, retry_after_s)
        if cause in _FAILURES:
            self.breaker.fail(self._generation)
        elif cause not in _NEUTRAL:
            self.breaker.succeed(self._generation)

    async def _queue(self, until: float) -> None:
        if self.breaker.refuses(probe=self.probe):
            raise self._rejection("unavailable", self.breaker.reason, self.breaker.next_try_s)
        if not await self.endpoint.cooldown.wait(
            self.model_name, min(until - self.endpoint.now(), self.max_cooldown_s)
        ):
            remaining_s = self.endpoint.cooldown.remaining_s(self.model_name)
            why = f"must not be called for {math.ceil(remaining_s)} s (Retry-After), longer than the call may take"
            raise self._rejection("rate_limited", why, remaining_s)
        if not await self.endpoint.semaphore.acquire(until - self.endpoint.now()):
            limit = f"max_concurrency = {self.endpoint.semaphore.limit}"
            raise self._rejection("rate_limited", f"got no permit within {self.acquire_timeout_s:.3g} s ({limit})")

    def _rejection(
        self, cause: Literal["unavailable", "rate_limited"], why: str, wait_s: float = 0.0
    ) -> EndpointClosedError:
        return EndpointClosedError(cause, f"{redact(self.model_name)} {why}", max(wait_s, MIN_RETRY_AFTER_S))


class Endpoint:
    """Issues permits for the requests to one provider URL with one API key, from any event loop and thread.

    Args:
        label: Name in the repr; must not be a secret.
        now: Monotonic clock in seconds.
        sleep: Async sleep function, in seconds.
        random: Returns a number in [0, 1).
    """

    def __init__(
        self,
        label: str,
        now: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        random: Callable[[], float],
    ) -> None:
        self.label = label
        self.now = now
        self._set_limit: int | None = None
        self.semaphore = ResizableSemaphore(DEFAULT_LIMIT)
        self.cooldown = Cooldown(now, sleep, random)
        self._breakers: dict[str, CircuitBreaker] = {}
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        """Label, permits in use and limit."""
        return f"Endpoint({self.label!r}, {self.taken} of {self.limit} permits in use)"

    @property
    def limit(self) -> int:
        """Limit of concurrent requests."""
        return self.semaphore.limit

    @property
    def taken(self) -> int:
        """Number of requests in flight."""
        return self.semaphore.taken

    def limit_to(self, limit: int) -> None:
        """Set the limit of concurrent requests.

        Args:
            limit: A whole number >= 1; the smallest limit ever set applies.
        """
        with self._lock:
            if self._set_limit is None or limit < self._set_limit:
                self._set_limit = limit
                self.semaphore.resize(limit)

    def permit(
        self, model_name: str, *, acquire_timeout_s: float, max_cooldown_s: float = math.inf, probe: bool = False
    ) -> Permit:
        """Return a permit for one request; entering it raises `EndpointClosedError` if the request must not be sent.

        Args:
            model_name: Name of the model at the provider; each model has its own breaker.
            acquire_timeout_s: The longest wait for a permit and for the end of a cooldown, together.
            max_cooldown_s: The longest cooldown to wait for; a longer one rejects the request at once.
            probe: True for the last hope of a run: the request may probe an open breaker before its time, one at once.
        """
        with self._lock:
            breaker = self._breakers.setdefault(model_name, CircuitBreaker(self.now))
        return Permit(self, model_name, acquire_timeout_s, max_cooldown_s, breaker, probe)

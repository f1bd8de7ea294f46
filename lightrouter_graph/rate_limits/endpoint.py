"""`Endpoint`: concurrency limit, cooldowns and circuit breakers of one provider URL with one API key."""

import math
import threading
from collections.abc import Awaitable, Callable

from lightrouter_graph.errors import PoolError
from lightrouter_graph.rate_limits.circuit_breaker import CircuitBreaker
from lightrouter_graph.rate_limits.cooldown import Cooldown
from lightrouter_graph.rate_limits.permit import Permit
from lightrouter_graph.rate_limits.semaphore import ResizableSemaphore

DEFAULT_LIMIT = 100
"""Default limit of concurrent requests: the default size of an httpx connection pool, so more would wait there."""


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
        self._now = now
        self._set_limit: int | None = None
        self._semaphore = ResizableSemaphore(DEFAULT_LIMIT)
        self._cooldown = Cooldown(now, sleep, random)
        self._breakers: dict[str, CircuitBreaker] = {}
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        """Label, permits in use and limit."""
        return f"Endpoint({self.label!r}, {self.taken} of {self.limit} permits in use)"

    @property
    def limit(self) -> int:
        """Limit of concurrent requests."""
        return self._semaphore.limit

    @property
    def taken(self) -> int:
        """Number of requests in flight."""
        return self._semaphore.taken

    def limit_to(self, limit: int) -> None:
        """Set the limit of concurrent requests. The smallest limit ever set applies.

        Args:
            limit: A whole number >= 1.

        Raises:
            PoolError: If it is not.
        """
        if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
            msg = f"max_concurrency must be a whole number of at least 1, got {limit!r}"
            raise PoolError(msg)
        with self._lock:
            if self._set_limit is None or limit < self._set_limit:
                self._set_limit = limit
                self._semaphore.resize(limit)

    def permit(self, model_name: str, *, acquire_timeout_s: float, max_cooldown_s: float = math.inf) -> Permit:
        """Return a permit for one request; entering it raises `EndpointClosedError` if the request must not be sent.

        Args:
            model_name: Name of the model at the provider; each model has its own breaker.
            acquire_timeout_s: The longest wait for a permit and for the end of a cooldown, together.
            max_cooldown_s: The longest cooldown to wait for; a longer one rejects the request at once.
        """
        with self._lock:
            breaker = self._breakers.setdefault(model_name, CircuitBreaker(self._now))
        waits = self._semaphore, self._cooldown, breaker
        return Permit(model_name, acquire_timeout_s, max_cooldown_s, *waits, self._now)

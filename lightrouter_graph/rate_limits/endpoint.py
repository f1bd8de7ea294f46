"""An endpoint: one provider address with one key, and all that its calls must wait for."""

import math
import threading
from collections.abc import Awaitable, Callable

from lightrouter_graph.errors import PoolError
from lightrouter_graph.rate_limits.circuit_breaker import CircuitBreaker
from lightrouter_graph.rate_limits.cooldown import Cooldown
from lightrouter_graph.rate_limits.permit import Permit
from lightrouter_graph.rate_limits.semaphore import ResizableSemaphore

DEFAULT_LIMIT = 100
"""Calls under way at once with one key, when no candidate says otherwise: far more than one user's graph needs, and as
many as httpx opens connections by default, so that further ones would only wait elsewhere, unseen.
"""

_MOST_MODELS = 1000
"""Models whose breakers an endpoint remembers; who names more is inventing them, and the oldest is forgotten."""


class Endpoint:
    """The permits, cooldowns and breakers of one provider address with one key; for any event loop and thread.

    Args:
        label: How it is called in reprs; no secret.
        now: The time in seconds, never going back.
        sleep: Waits so many seconds.
        random: A number in [0, 1).
    """

    def __init__(
        self,
        label: str,
        *,
        now: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        random: Callable[[], float],
    ) -> None:
        self.label = label
        self._now = now
        self._named_limit: int | None = None
        self._semaphore = ResizableSemaphore(DEFAULT_LIMIT)
        self._cooldown = Cooldown(now, sleep, random)
        self._breakers: dict[str, CircuitBreaker] = {}
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        """Say who it leads to and how busy it is."""
        return f"Endpoint({self.label!r}, {self.taken} of {self.limit} places taken)"

    @property
    def limit(self) -> int:
        """How many calls may be under way at once."""
        return self._semaphore.limit

    @property
    def taken(self) -> int:
        """How many calls are under way."""
        return self._semaphore.taken

    def limit_to(self, limit: int) -> None:
        """Take a candidate's word for how many calls there may be at once; the smallest word named holds.

        Raises:
            PoolError: If it is no whole number of at least 1.
        """
        if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
            msg = f"the number of calls at a time must be a whole number of at least 1, got {limit!r}"
            raise PoolError(msg)
        with self._lock:
            if self._named_limit is None or limit < self._named_limit:
                self._named_limit = limit
                self._semaphore.resize(limit)

    def permit(self, model_name: str, *, acquire_timeout_s: float, longest_pause_s: float = math.inf) -> Permit:
        """Ask for a permit for one call, to be taken with `async with`.

        Args:
            model_name: As the provider names it; each has a breaker of its own.
            acquire_timeout_s: How long to wait for a permit and for the end of a cooldown, together.
            longest_pause_s: The longest cooldown that is sat out; a longer one refuses the call at once.

        Returns:
            The permit; entering it raises `EndpointClosedError` if the call must not be made.
        """
        breaker = self._breakers.get(model_name) or self._new_breaker(model_name)
        return Permit(
            model_name,
            acquire_timeout_s,
            longest_pause_s,
            semaphore=self._semaphore,
            cooldown=self._cooldown,
            breaker=breaker,
            now=self._now,
        )

    def _new_breaker(self, model_name: str) -> CircuitBreaker:
        with self._lock:
            while len(self._breakers) >= _MOST_MODELS:
                del self._breakers[next(iter(self._breakers))]
            return self._breakers.setdefault(model_name, CircuitBreaker(self._now))

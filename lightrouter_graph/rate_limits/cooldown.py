"""Cooldown of an endpoint: no request is sent until the time that the provider asked for is over."""

import threading
from collections.abc import Awaitable, Callable

_JITTER = 0.25
_MIN_JITTER_S, _MAX_JITTER_S = 0.1, 5.0


class Cooldown:
    """Cooldowns of one endpoint, for all models or for a single one. Thread-safe; all times are in seconds."""

    def __init__(
        self, now: Callable[[], float], sleep: Callable[[float], Awaitable[None]], random: Callable[[], float]
    ) -> None:
        self._now, self._sleep, self._random = now, sleep, random
        self._until: dict[str | None, float] = {}  # None: for all models
        self._lock = threading.RLock()

    def start(self, model_name: str | None, seconds: float) -> None:
        """Start a cooldown. A longer one in effect is kept.

        Args:
            model_name: The model, or None for all models of the endpoint.
            seconds: The duration, >= 0.
        """
        now = self._now()
        with self._lock:
            until = {name: end for name, end in self._until.items() if end > now}
            until[model_name] = max(until.get(model_name, 0.0), now + seconds)
            self._until = until

    def remaining_s(self, model_name: str) -> float:
        """Return the remaining seconds of a model's cooldown; 0 without one.

        Args:
            model_name: Name of the model at the endpoint.
        """
        until = self._until
        return max(0.0, max(until.get(None, 0.0), until.get(model_name, 0.0)) - self._now()) if until else 0.0

    async def wait(self, model_name: str, timeout_s: float) -> bool:
        """Wait for the end of a cooldown, plus random jitter, so that waiting requests are not sent at once.

        Args:
            model_name: The model.
            timeout_s: The longest wait; False is returned at once for a longer cooldown.
        """
        until = self._now() + timeout_s
        while remaining := self.remaining_s(model_name):
            left = until - self._now()
            if remaining > left:
                return False
            jitter = min(max(remaining * _JITTER, _MIN_JITTER_S), _MAX_JITTER_S)
            await self._sleep(min(remaining + self._random() * jitter, left))
        return True

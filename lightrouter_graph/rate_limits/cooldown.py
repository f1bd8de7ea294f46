"""How long an endpoint must be left alone, because the provider said so."""

import threading
from collections.abc import Awaitable, Callable

_SPREAD = 0.25
_SHORTEST_SPREAD_S, _LONGEST_SPREAD_S = 0.1, 5.0


class Cooldown:
    """The cooldowns of one endpoint: for all its models, or for one.

    Args:
        now: The time in seconds, never going back.
        sleep: Waits so many seconds.
        random: A number in [0, 1).
    """

    def __init__(
        self, now: Callable[[], float], sleep: Callable[[float], Awaitable[None]], random: Callable[[], float]
    ) -> None:
        self._now, self._sleep, self._random = now, sleep, random
        self._until: dict[str | None, float] = {}  # None: for all models
        self._lock = threading.RLock()

    def begin(self, model_name: str | None, seconds: float) -> None:
        """Pause one model, or all of them where it is None; a cooldown is never shortened."""
        now = self._now()
        with self._lock:
            until = {name: end for name, end in self._until.items() if end > now}
            until[model_name] = max(until.get(model_name, 0.0), now + seconds)
            self._until = until

    def left_s(self, model_name: str) -> float:
        """How long the model is still paused; 0 when it is not."""
        until = self._until
        if not until:
            return 0.0
        return max(0.0, max(until.get(None, 0.0), until.get(model_name, 0.0)) - self._now())

    async def sit_out(self, model_name: str, acquire_timeout_s: float) -> bool:
        """Wait until the model is not paused, and a little longer, at random: not all come back at the same instant.

        Returns:
            False, at once, if that is longer than patience.
        """
        until = self._now() + acquire_timeout_s
        while left := self.left_s(model_name):
            acquire_timeout_s = until - self._now()
            if left > acquire_timeout_s:
                return False
            spread = min(max(left * _SPREAD, _SHORTEST_SPREAD_S), _LONGEST_SPREAD_S)
            await self._sleep(min(left + self._random() * spread, acquire_timeout_s))
        return True

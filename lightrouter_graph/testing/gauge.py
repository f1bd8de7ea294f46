"""How many of something are open."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Gauge:
    """Counts what is open: now, at most, and when the last one closed. Safe to use from any thread.

    Example:
        >>> gauge = Gauge()
        >>> with gauge.hold(), gauge.hold():
        ...     gauge.now
        2
        >>> gauge.now, gauge.most, gauge.wait_until_none(timeout_s=0.1)
        (0, 2, True)
    """

    def __init__(self) -> None:
        self._now = self._most = 0
        self._closed_at: float | None = None
        self._changed = threading.Condition()

    def __repr__(self) -> str:
        return f"<Gauge now={self._now}, most={self._most}>"

    @property
    def now(self) -> int:
        """How many are open."""
        return self._now

    @property
    def most(self) -> int:
        """The most that were open at once."""
        return self._most

    @property
    def closed_at(self) -> float | None:
        """When the last one closed, on the clock of `time.monotonic`; None before that."""
        return self._closed_at

    def open(self) -> None:
        """Count one more."""
        with self._changed:
            self._now += 1
            self._most = max(self._most, self._now)

    def close(self) -> None:
        """Count one less."""
        with self._changed:
            self._now -= 1
            self._closed_at = time.monotonic()
            self._changed.notify_all()

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Count one as open while the block runs."""
        self.open()
        try:
            yield
        finally:
            self.close()

    def wait_until_none(self, timeout_s: float) -> bool:
        """Block until none is open; False when that takes too long."""
        with self._changed:
            return self._changed.wait_for(lambda: self._now == 0, timeout_s)

    def restart(self) -> None:
        """Forget the most and the last closing; what is open stays open."""
        with self._changed:
            self._most, self._closed_at = self._now, None

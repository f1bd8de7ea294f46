"""Concurrency gauge: how many requests or connections are open."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Gauge:
    """Concurrency gauge: the current number, the maximum, and when the last one closed. Thread-safe.

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
        """Number that is open."""
        return self._now

    @property
    def most(self) -> int:
        """Maximum number open at the same time."""
        return self._most

    @property
    def closed_at(self) -> float | None:
        """Time of the last `close`, in seconds of `time.monotonic`; None before it."""
        return self._closed_at

    def open(self) -> None:
        """Increment the gauge."""
        with self._changed:
            self._now += 1
            self._most = max(self._most, self._now)

    def close(self) -> None:
        """Decrement the gauge."""
        with self._changed:
            self._now -= 1
            self._closed_at = time.monotonic()
            self._changed.notify_all()

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Increment the gauge while the block runs."""
        self.open()
        try:
            yield
        finally:
            self.close()

    def wait_until_none(self, timeout_s: float) -> bool:
        """Block until the gauge is 0; return False on timeout.

        Args:
            timeout_s: Timeout in seconds, >= 0.
        """
        with self._changed:
            return self._changed.wait_for(lambda: self._now == 0, timeout_s)

    def restart(self) -> None:
        """Reset the maximum and the time of the last `close`; the current number is kept."""
        with self._changed:
            self._most, self._closed_at = self._now, None

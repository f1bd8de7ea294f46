"""What a recorded-model server was asked and what it produced."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["completion", "continuation"]
"""Whether a call wrote anew or went on from an assistant's prefix."""


@dataclass(frozen=True)
class Bill:
    """Calls added up. Tokens count as far as they were produced before the client went away.

    Example:
        >>> Bill(calls=1, output_tokens=5) + Bill(calls=1, output_tokens=2, cancelled=1)
        Bill(calls=2, input_tokens=0, output_tokens=7, cancelled=1)
    """

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cancelled: int = 0

    def __add__(self, other: "Bill") -> "Bill":
        return Bill(
            self.calls + other.calls,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cancelled + other.cancelled,
        )


@dataclass(frozen=True)
class RecordedRequest:
    """One request for a completion, in whatever way it ended. Of the key only its presence is kept."""

    body: Mapping[str, Any]
    has_authorization: bool


class Ledger:
    """Bills and requests of one server. Written by the server's thread, read from any."""

    def __init__(self) -> None:
        self._bills: dict[tuple[str, Kind], Bill] = {}
        self._requests: list[RecordedRequest] = []
        self._open = 0
        self._changed = threading.Condition()

    @property
    def bills(self) -> dict[tuple[str, Kind], Bill]:
        """A copy of the bills."""
        with self._changed:
            return dict(self._bills)

    @property
    def requests(self) -> list[RecordedRequest]:
        """A copy of the requests, in the order of their arrival."""
        with self._changed:
            return list(self._requests)

    def note(self, request: RecordedRequest) -> None:
        """Enter a request."""
        with self._changed:
            self._requests.append(request)

    def charge(self, model: str, kind: Kind, bill: Bill) -> None:
        """Add to the bill of a model."""
        with self._changed:
            self._bills[model, kind] = self._bills.get((model, kind), Bill()) + bill

    def clear(self) -> None:
        """Forget bills and requests; calls in flight are charged when they end."""
        with self._changed:
            self._bills.clear()
            self._requests.clear()

    @contextmanager
    def in_flight(self) -> Iterator[None]:
        """Count a request as open while the block runs."""
        with self._changed:
            self._open += 1
        try:
            yield
        finally:
            with self._changed:
                self._open -= 1
                self._changed.notify_all()

    def wait_until_idle(self, timeout_s: float) -> bool:
        """Block until no request is open; False when that takes too long."""
        with self._changed:
            return self._changed.wait_for(lambda: self._open == 0, timeout_s)

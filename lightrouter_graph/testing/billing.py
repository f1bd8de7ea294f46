"""What a recorded-model server was asked and what it produced."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
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


@dataclass
class Meter:
    """Tokens one call has produced so far, and whether they are on the bill."""

    charge: Callable[[Kind, Bill], None] = field(repr=False)
    input_tokens: int
    tokens: int = 0
    kind: Kind = "completion"
    settled: bool = False

    def settle(self, *, cancelled: bool = False) -> None:
        """Put them on the bill, once."""
        if not self.settled:
            self.settled = True
            self.charge(self.kind, Bill(1, self.input_tokens, self.tokens, int(cancelled)))


class Ledger:
    """Bills and requests of one server. Written by the server's thread, read from any."""

    def __init__(self) -> None:
        self._bills: dict[tuple[str, Kind], Bill] = {}
        self._requests: list[RecordedRequest] = []
        self._lock = threading.Lock()

    @property
    def bills(self) -> dict[tuple[str, Kind], Bill]:
        """A copy of the bills."""
        with self._lock:
            return dict(self._bills)

    @property
    def requests(self) -> list[RecordedRequest]:
        """A copy of the requests, in the order of their arrival."""
        with self._lock:
            return list(self._requests)

    def note(self, request: RecordedRequest) -> None:
        """Enter a request."""
        with self._lock:
            self._requests.append(request)

    def charge(self, model: str, kind: Kind, bill: Bill) -> None:
        """Add to the bill of a model."""
        with self._lock:
            self._bills[model, kind] = self._bills.get((model, kind), Bill()) + bill

    def clear(self) -> None:
        """Forget bills and requests; calls in flight are charged when they end."""
        with self._lock:
            self._bills.clear()
            self._requests.clear()

    @contextmanager
    def metered(self, model: str, input_tokens: int) -> Iterator[Meter]:
        """Charge a call when it is cancelled; otherwise the block settles what is to be paid."""
        meter = Meter(partial(self.charge, model), input_tokens)
        try:
            yield meter
        except asyncio.CancelledError:
            meter.settle(cancelled=True)
            raise

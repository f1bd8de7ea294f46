"""Requests that a recorded-model server received, and the tokens it billed for them."""

import asyncio
import operator
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from typing import Any, Literal

from lightrouter_graph.errors import checked_choices
from lightrouter_graph.testing.server.errors import ConnectionCut

Kind = Literal["completion", "continuation"]
"""Whether a call started a new text or continued an assistant message."""


@dataclass(frozen=True)
class Bill:
    """Sum of calls. Only tokens produced before a client disconnected are counted.

    Example:
        >>> Bill(calls=1, output_tokens=5) + Bill(calls=1, output_tokens=2, cancelled=1)
        Bill(calls=2, input_tokens=0, output_tokens=7, cancelled=1)
    """

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cancelled: int = 0

    def __add__(self, other: "Bill") -> "Bill":
        return Bill(*map(operator.add, astuple(self), astuple(other)))


@dataclass(frozen=True)
class RecordedRequest:
    """One completion request, refused requests included. The API key itself is not stored."""

    body: Mapping[str, Any]
    has_authorization: bool


@checked_choices()
@dataclass
class Meter:
    """Token counter of one call."""

    log: "RequestLog"
    model: str
    input_tokens: int
    output_tokens: int = 0
    kind: Kind = "completion"
    billed: bool = False

    def bill(self, *, cancelled: bool = False) -> None:
        """Add the call to the bill; later calls of this method have no effect.

        Args:
            cancelled: Whether the call ended before the whole response was produced.
        """
        if not self.billed:
            self.billed = True
            self.log.add_bill(self.model, self.kind, Bill(1, self.input_tokens, self.output_tokens, int(cancelled)))


class RequestLog:
    """Bills and requests of one server. Written by the server's thread, readable from any thread."""

    def __init__(self) -> None:
        self._bills: dict[tuple[str, Kind], Bill] = {}
        self._requests: list[RecordedRequest] = []
        self._lock = threading.Lock()

    @property
    def bills(self) -> dict[tuple[str, Kind], Bill]:
        """Copy of the bills."""
        with self._lock:
            return dict(self._bills)

    @property
    def requests(self) -> list[RecordedRequest]:
        """Copy of the requests, in order of arrival."""
        with self._lock:
            return list(self._requests)

    def add_request(self, request: RecordedRequest) -> None:
        """Append a request.

        Args:
            request: The request as the server received it.
        """
        with self._lock:
            self._requests.append(request)

    @checked_choices()
    def add_bill(self, model: str, kind: Kind, bill: Bill) -> None:
        """Add to the bill of a model and kind of call.

        Args:
            model: Name of the candidate.
            kind: Whether the call started a text or continued one.
            bill: Tokens of the call; they are added to the earlier ones.
        """
        with self._lock:
            self._bills[model, kind] = self._bills.get((model, kind), Bill()) + bill

    def clear(self) -> None:
        """Delete bills and requests; calls in flight are still billed when they end."""
        with self._lock:
            self._bills.clear()
            self._requests.clear()

    @contextmanager
    def metered(self, model: str, input_tokens: int) -> Iterator[Meter]:
        """Meter one call; bill it if it is cancelled or its connection is cut.

        Args:
            model: Name of the model.
            input_tokens: Tokens of the prompt.

        Yields:
            The meter. The block bills a completed call itself; an error response is not billed.
        """
        meter = Meter(self, model, input_tokens)
        try:
            yield meter
        except asyncio.CancelledError:
            meter.bill(cancelled=True)
            raise
        except ConnectionCut:
            meter.bill()
            raise

"""The script a model plays from and the log it writes to, shared by all copies of the model."""

import asyncio
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Generic, Literal, TypeVar

from langchain_core.messages import BaseMessage

WhenSpent = Literal["raise", "cycle", "repeat_last"]
"""What follows the last entry of a script."""

T = TypeVar("T")


class ScriptExhaustedError(AssertionError):
    """A scripted model was called more often than its script has entries."""


@dataclass(frozen=True)
class Call:
    """One call of a scripted model, as far as it has come.

    Attributes:
        messages: What was sent.
        max_tokens: The limit that held, from the call or from the model; None for no limit.
        streamed: Whether tokens were asked for one by one.
        kwargs: All further arguments of the call (`tools`, `stop`, `temperature`, limits...), read-only.
        input_tokens: Tokens of the messages.
        output_tokens: Tokens produced, up to the cancellation if there was one.
        cancelled: Whether the caller went away before the end: its task was cancelled or its stream closed.

    Example:
        >>> Call(messages=(), max_tokens=5, streamed=False).cancelled
        False
    """

    messages: tuple[BaseMessage, ...]
    max_tokens: int | None
    streamed: bool
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    input_tokens: int = 0
    output_tokens: int = 0
    cancelled: bool = False


@dataclass
class Progress:
    """What a call in flight has produced."""

    output_tokens: int = 0
    cancelled: bool = False


class CallLog:
    """Calls in the order in which they began. Safe to use from any thread."""

    def __init__(self) -> None:
        self.tools: list[dict[str, Any]] = []
        self._calls: list[Call] = []
        self._lock = threading.Lock()

    @property
    def calls(self) -> list[Call]:
        """A copy of the log."""
        with self._lock:
            return list(self._calls)

    @contextmanager
    def record(self, call: Call) -> Iterator[Progress]:
        """Enter a call now, and what became of it when the block is left."""
        progress = Progress()
        call = replace(call, kwargs=MappingProxyType(dict(call.kwargs)))
        with self._lock:
            index = len(self._calls)
            self._calls.append(call)
        try:
            yield progress
        except (asyncio.CancelledError, GeneratorExit):
            progress.cancelled = True
            raise
        finally:
            done = replace(call, output_tokens=progress.output_tokens, cancelled=progress.cancelled)
            with self._lock:
                self._calls[index] = done


class Script(Generic[T]):
    """Entries handed out one per call, whichever thread asks."""

    def __init__(self, entries: Sequence[T], then: WhenSpent) -> None:
        self._entries = list(entries)
        self._then = then
        self._played = 0
        self._lock = threading.Lock()

    def next(self, model: str) -> T:
        """Hand out the next entry; `model` is named when there is none."""
        with self._lock:
            self._played += 1
            return self._entries[self._position(model)]

    def _position(self, model: str) -> int:
        last, position = len(self._entries) - 1, self._played - 1
        if position <= last:
            return position
        if self._then == "raise" or last < 0:
            script = f"its script has {last + 1} responses"
            msg = f"scripted model {model!r} was called {self._played} times, {script}"
            raise ScriptExhaustedError(msg)
        return last if self._then == "repeat_last" else position % (last + 1)

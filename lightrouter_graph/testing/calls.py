"""Log of the calls of a scripted model, shared by all copies of the model."""

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from langchain_core.messages import BaseMessage


@dataclass(frozen=True)
class Call:
    """One call of a scripted model; token counts of a call in flight are 0.

    Attributes:
        messages: The prompt.
        max_tokens: Token limit of the call, or else of the model; None for no limit.
        streamed: Whether the call was a stream.
        kwargs: All other arguments of the call (`tools`, `stop`, `temperature`, limits, ...); read-only.
        input_tokens: Tokens of the messages.
        output_tokens: Tokens produced before the end of the call or its cancellation.
        cancelled: Whether the caller cancelled its task or closed the stream before the end.

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
    """Tokens that a call in flight has produced."""

    output_tokens: int = 0
    cancelled: bool = False


class CallLog:
    """Calls in the order in which they started. Thread-safe."""

    def __init__(self) -> None:
        self.tools: list[dict[str, Any]] = []
        self._calls: list[Call] = []
        self._lock = threading.Lock()

    @property
    def calls(self) -> list[Call]:
        """Copy of the log."""
        with self._lock:
            return list(self._calls)

    @contextmanager
    def record(self, call: Call) -> Iterator[Progress]:
        """Append a call when the block starts; update its token count when the block ends.

        Args:
            call: The call.

        Yields:
            The token counter that the block updates.
        """
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

"""Script of a chat model: entries that its calls consume one by one."""

import threading
from collections.abc import Sequence
from typing import Generic, Literal, TypeVar

from lightrouter_graph.errors import checked_choices

WhenSpent = Literal["raise", "cycle", "repeat_last"]
"""What a call gets after the last entry: an error, the first entry again, or the last entry again."""

T = TypeVar("T")


class ScriptExhaustedError(AssertionError):
    """A scripted model was called more often than its script has entries."""


@checked_choices()
class Script(Generic[T]):
    """Sequence of entries, one per call. Thread-safe.

    Args:
        entries: The entries.
        then: What a call gets after the last entry.
    """

    def __init__(self, entries: Sequence[T], then: WhenSpent) -> None:
        self._entries = list(entries)
        self._then = then
        self._calls = 0
        self._lock = threading.Lock()

    def next(self, model: str) -> T:
        """Return the next entry.

        Args:
            model: Name of the model, for the error message.

        Raises:
            ScriptExhaustedError: If no entry is left and `then` is "raise".
        """
        with self._lock:
            self._calls += 1
            return self._entries[self._index(model)]

    def _index(self, model: str) -> int:
        last, index = len(self._entries) - 1, self._calls - 1
        if index <= last:
            return index
        if self._then == "raise" or last < 0:
            script = f"its script has {last + 1} responses"
            msg = f"scripted model {model!r} was called {self._calls} times, {script}"
            raise ScriptExhaustedError(msg)
        return last if self._then == "repeat_last" else index % (last + 1)

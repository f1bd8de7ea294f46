"""Progress of an evaluation on stderr: a progress bar in a terminal, otherwise one line per tenth."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from lightrouter_graph.cli.formatting import one_line

_TENTHS = 10
_INTERVAL_S = 2.0
"""Minimum seconds between two lines; the last line is always printed."""


class Bar:
    """Progress bar in a terminal; otherwise at most ten lines.

    Args:
        console: Rich console; None = stderr.
        clock: Returns monotonic time in seconds.
    """

    def __init__(self, console: Console | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._console = console or Console(stderr=True, highlight=False)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
            transient=True,
        )
        self._task: TaskID | None = None
        self._what, self._total, self._done, self._tenth = "", 0, 0, 0
        self._printed_at: float | None = None

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, at: TracebackType | None) -> None:
        self._progress.stop()

    def say(self, line: str) -> None:
        """Print one line.

        Args:
            line: A message; line breaks in it are escaped.
        """
        self._console.print(one_line(line), style="dim", markup=False)

    def begin(self, what: str, total: int) -> None:
        """Replace the bar with a new one.

        Args:
            what: Label of the bar, a string.
            total: Number of steps; no bar is shown if it is 0.
        """
        if self._task is not None:
            self._progress.remove_task(self._task)
        what = one_line(what)
        self._what, self._total, self._done, self._tenth, self._printed_at = what, total, 0, 0, None
        self._task = self._progress.add_task(what, total=total) if total else None

    def advance(self, steps: int) -> None:
        """Advance the bar; without a terminal print each tenth, at most every two seconds.

        Args:
            steps: Number of completed steps, >= 0.
        """
        self._done += steps
        if self._task is None:
            return
        self._progress.advance(self._task, steps)
        tenth = _TENTHS * self._done // self._total
        if not self._console.is_terminal and tenth > self._tenth and (self._done >= self._total or self._is_time()):
            self._tenth, self._printed_at = tenth, self._clock()
            self.say(f"{self._what}: {self._done:,} of {self._total:,}")

    def _is_time(self) -> bool:
        return self._printed_at is None or self._clock() - self._printed_at >= _INTERVAL_S


class NoBar(Bar):
    """Prints nothing."""

    def say(self, line: str) -> None:
        """Ignore the line."""

    def begin(self, what: str, total: int) -> None:
        """Ignore the start."""

    def advance(self, steps: int) -> None:
        """Ignore the step."""

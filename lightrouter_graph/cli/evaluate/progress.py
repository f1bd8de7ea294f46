"""How far an evaluation is: a bar in a terminal, a line now and then elsewhere; all of it on stderr."""

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
_APART_S = 2.0
"""Lines elsewhere than in a terminal are at least so far apart; the last comes in any case."""


class Bar:
    """Tells of a run in a terminal, and in few words elsewhere.

    Args:
        console: Where to; None for stderr.
        clock: Tells seconds.
    """

    def __init__(self, console: Console | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._console = console or Console(stderr=True, highlight=False)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
            transient=True,
        )
        self._task: TaskID | None = None
        self._what, self._total, self._done, self._told = "", 0, 0, 0
        self._told_at: float | None = None

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, at: TracebackType | None) -> None:
        self._progress.stop()

    def say(self, line: str) -> None:
        """Write a line."""
        self._console.print(one_line(line), style="dim", markup=False)

    def begin(self, what: str, total: int) -> None:
        """Start a bar of so many steps in the place of the last; none for work that is done already."""
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._what, self._total, self._done, self._told, self._told_at = what, total, 0, 0, None
        self._task = self._progress.add_task(what, total=total) if total else None

    def advance(self, steps: int) -> None:
        """Move it on; elsewhere than in a terminal a tenth is a line, where they are not too close."""
        self._done += steps
        if self._task is None:
            return
        self._progress.advance(self._task, steps)
        tenth = _TENTHS * self._done // self._total
        if not self._console.is_terminal and tenth > self._told and (self._done >= self._total or self._is_time()):
            self._told, self._told_at = tenth, self._clock()
            self.say(f"{self._what}: {self._done:,} of {self._total:,}")

    def _is_time(self) -> bool:
        return self._told_at is None or self._clock() - self._told_at >= _APART_S


class NoBar(Bar):
    """Tells nothing."""

    def say(self, line: str) -> None:
        """Say nothing."""

    def begin(self, what: str, total: int) -> None:
        """Say nothing."""

    def advance(self, steps: int) -> None:
        """Say nothing."""

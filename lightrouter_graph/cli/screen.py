"""A run on a terminal: the race live, then the answer as it is written, then the bill."""

from __future__ import annotations

import io
import time
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from lightrouter_graph.cli.bill_view import bill_table, caveats
from lightrouter_graph.cli.formatting import clipped, one_line, safe, seconds
from lightrouter_graph.cli.live_view import Board, Ending
from lightrouter_graph.cli.plain_view import event_line
from lightrouter_graph.cli.race import Race
from lightrouter_graph.errors import LightRouterError

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from lightrouter_graph.nodes.decision_record import Decision
    from lightrouter_graph.telemetry.events import Event


class Screen:
    """Draws the board many times a second until the answer begins; what is above stays as it is."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        self._board = Board()
        self._ending: Ending = ""
        self._live = Live(console=self._console, get_renderable=self._draw, refresh_per_second=10)
        self._heard: dict[str | None, str] = {}
        self._line_open = False

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, at: TracebackType | None) -> None:
        self._freeze("stopped")
        self._end_line()

    def say(self, line: str) -> None:
        """Print a line above the race."""
        if line:
            self._console.print(Text(one_line(line), style="dim"))

    def see(self, event: Event) -> None:
        """Move the race on. Once the answer is being written, only what goes wrong with it is worth a line."""
        if self._ending:
            self._see_late(event)
            return
        if event["event"] == "drafted":
            self._keep_layer(event)
        self._board = self._board.after(event, time.monotonic())

    def hear(self, message_id: str | None, token: str) -> None:
        """Print a piece of the answer."""
        if not token:
            return
        if not self._heard:
            self._begin_answer()
        elif message_id not in self._heard:
            self._end_line()
            self._console.print("\n[dim]that broke off; again:[/dim]\n")
        self._heard[message_id] = self._heard.get(message_id, "") + token
        self._write(token)

    def take(self, message: AIMessage) -> None:
        """Print what of the answer has not been printed, the bill, and what is not as it was asked for."""
        text = str(message.text)
        if text not in self._heard.values():
            self.hear(f"whole:{message.id}", text)
        self._end_line()
        decision: Decision = message.response_metadata["lightrouter"]
        self._console.print()
        self._console.print(bill_table(decision["bill"]))
        self._console.print(Text(_how(decision), style="dim"))
        for caveat in caveats(decision):
            self._console.print(Text(one_line(caveat), style="yellow"))

    def _write(self, token: str) -> None:
        """Write one piece of the answer unwrapped: the terminal wraps it, and what is copied holds no added breaks."""
        text = safe(token)
        self._console.out(text, end="", highlight=False)
        self._console.file.flush()
        self._line_open = not text.endswith("\n") if text else self._line_open

    def _end_line(self) -> None:
        if self._line_open:
            self._write("\n")

    def _draw(self) -> Race:
        return Race(self._board, time.monotonic(), self._ending)

    def _freeze(self, ending: Ending) -> None:
        if not self._ending:
            self._ending = ending
            self._live.stop()

    def _begin_answer(self) -> None:
        self._freeze("streams below")
        self._console.print()

    def _see_late(self, event: Event) -> None:
        if event["event"] == "answer" and event["failure"] is not None:
            self._end_line()
            self.say(event_line(event))

    def _keep_layer(self, event: Event) -> None:
        """Leave a finished layer standing above the next."""
        self._console.print(Race(self._board, time.monotonic(), "stopped"))
        self.say(event_line(event))
        self._console.print()


class Picture(Screen):
    """Draws the finished screen of a run to an SVG file, without a terminal.

    Args:
        file: The SVG file; replaced if it exists.
        title: Title of the drawn window.
        width: Columns of the drawn terminal.
    """

    def __init__(self, file: Path, title: str, width: int = 100) -> None:
        self._picture = Console(file=io.StringIO(), record=True, width=width, highlight=False)
        super().__init__(self._picture)
        self._path, self._title = file, clipped(title, width - 16)

    def hear(self, message_id: str | None, token: str) -> None:
        """Ignore tokens: `take` draws the answer as a whole, wrapped."""

    def take(self, message: AIMessage) -> None:
        """Draw the answer and the bill, then write the file.

        Raises:
            LightRouterError: If the file cannot be written.
        """
        self._begin_answer()
        self._heard["drawn"] = str(message.text)
        self._picture.print(Text(f"\n{safe(str(message.text))}"))
        super().take(message)
        try:
            self._picture.save_svg(str(self._path), title=self._title)
        except OSError as exc:
            msg = f"--svg {self._path}: cannot be written ({exc.strerror or exc})"
            raise LightRouterError(msg) from exc


_HOW = {
    "pass-through": "the answer of {}",
    "agreement": "the answer of {}, with which all others agree",
    "best": "the answer of {}, the best ranked",
    "vote": "the answer of {}, chosen by vote",
    "synthesis": "written by {} out of all answers",
}


def _how(decision: Decision) -> str:
    """Say whose text it is and how it was chosen."""
    how = _HOW.get(decision["merged"], f"{decision['merged']}, {{}}").format(decision["merged_by"])
    notes = "; ".join(note for name, note in decision["merge_notes"].items() if name != "budget")  # told below
    took = seconds(decision["bill"]["seconds"])
    return one_line(f"{how} · {took}" + (f" · {notes}" if notes else ""))

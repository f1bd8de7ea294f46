"""Terminal view of a graph run: live tables of boots, ranking and answers, then the answer stream and the bill."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from lightrouter_graph.cli.bill_view import budget_notes, print_bill
from lightrouter_graph.cli.formatting import clipped, failure_text, middle_clipped, one_line, safe, seconds, usd
from lightrouter_graph.cli.plain_view import event_line, tally_line

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from lightrouter_graph.telemetry.events import AnswerDone, BootDone, Event, Ranked, Tallied

_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_BAR, _FAILURE_WIDTH = 10, 140
_VIA = {"boot": "", "continuation": "boot continued", "regeneration": "regenerated", "direct": ""}


class Lane(NamedTuple):
    """One model call: running while `done` is None. `started_at` is monotonic time in seconds."""

    candidate: str
    started_at: float
    done: BootDone | AnswerDone | None = None


@dataclass(frozen=True, slots=True)
class Board:
    """State of one layer of a run. Instances are immutable, because Rich draws them in another thread.

    Attributes:
        order: All models of the pool, in prior order.
        first_wave: Candidates that boot first; the others are in reserve.
        layer: Number of this layer, 1-based, of `layers`.
        answers: Calls for full answers, in the order in which they were sent.
        notes: Reductions made to stay within the budget.
    """

    order: tuple[str, ...] = ()
    first_wave: tuple[str, ...] = ()
    layer: int = 1
    layers: int = 1
    boots: tuple[Lane, ...] = ()
    ranked: Ranked | None = None
    answers: tuple[Lane, ...] = ()
    tallied: Tallied | None = None
    notes: tuple[str, ...] = ()

    @property
    def activity(self) -> str:
        """The current step if no model call is running, else an empty string."""
        if not self.order:
            return "loading the models"
        if any(lane.done is None for lane in (*self.boots, *self.answers)):
            return ""
        if self.tallied is not None:
            return "merging the answers"
        if self.ranked is None:
            return "ranking the boots"
        return "merging the boots into a draft" if self.makes_draft else "comparing the answers"

    @property
    def makes_draft(self) -> bool:
        """Whether the boots of this layer are merged into a draft."""
        return self.layer < self.layers and bool(self.ranked and self.ranked["next_candidates"])

    def after(self, event: Event, now: float) -> Board:  # noqa: PLR0911 - one per event
        """Return the board after a stream event.

        Args:
            event: Event of the graph's custom stream.
            now: Monotonic time in seconds.
        """
        match event["event"]:
            case "opened":
                board = Board(tuple(event["prior_order"]), layers=event["layers"], notes=tuple(event["notes"]))
                return _started(board, event["first_wave"], now)
            case "boot":
                return replace(self, boots=_completed(self.boots, event, now))
            case "ranked":
                ranked = replace(self, ranked=event)
                return ranked if ranked.makes_draft else replace(ranked, answers=_with_next(self.answers, event, now))
            case "answer":
                return replace(self, answers=_completed(self.answers, event, now))
            case "tallied":
                return replace(self, tallied=event, answers=_with_next(self.answers, event, now))
            case "drafted":
                return _started(Board(self.order, (), self.layer + 1, self.layers), event["first_wave"], now)
        return self


def _started(board: Board, first_wave: Sequence[str], now: float) -> Board:
    """Start a layer; a single candidate answers directly, in the last layer."""
    board = replace(board, first_wave=tuple(first_wave))
    if len(first_wave) == 1:
        return replace(board, layer=board.layers, answers=(Lane(first_wave[0], now),))
    return replace(board, boots=tuple(Lane(name, now) for name in first_wave))


def _with_next(lanes: tuple[Lane, ...], event: Ranked | Tallied, now: float) -> tuple[Lane, ...]:
    return (*lanes, *(Lane(name, now) for name in event["next_candidates"]))


def _completed(lanes: tuple[Lane, ...], done: BootDone | AnswerDone, now: float) -> tuple[Lane, ...]:
    """Enter the result of a call; a call that no event announced gets a new lane."""
    name = done["candidate"]
    index = next((i for i, lane in enumerate(lanes) if lane.candidate == name and lane.done is None), len(lanes))
    started_at = lanes[index].started_at if index < len(lanes) else now
    return (*lanes[:index], Lane(name, started_at, done), *lanes[index + 1 :])


def draw_board(board: Board, now: float, width: int, ending: str = "") -> Group:
    """Draw a board as Rich renderables.

    Args:
        board: State of the current layer.
        now: Monotonic time in seconds, for the elapsed time of running calls.
        width: Columns of the terminal.
        ending: Status of calls that are running when the view ends; an empty string while it is live.
    """
    longest = max((len(one_line(name)) for name in board.order), default=0)
    names = min(max(longest, 20), max(20, width * 3 // 10))
    parts: list[RenderableType] = []
    parts += [Text(f"{one_line(line)}\n", style="yellow") for line in budget_notes(board.notes)]
    if board.boots:
        title = f"boots, layer {board.layer} of {board.layers}" if board.layers > 1 else "boots"
        parts.append(_lanes(title, board.boots, names, now, ending))
        if reserve := [middle_clipped(name, 40) for name in board.order if name not in board.first_wave]:
            parts.append(Text(f"  in reserve: {', '.join(reserve)}", style="dim"))
        parts.append(Text())
    if board.ranked is not None and board.ranked["order"]:
        parts += [*_ranking(board, board.ranked, names), Text()]
    if board.answers:
        parts.append(_lanes("full answers", board.answers, names, now, ending))
    if board.tallied is not None:
        parts.append(Text(f"  {one_line(tally_line(board.tallied))}", style="bold"))
    if board.activity and not ending:
        parts.append(_spinner(now) + Text(f" {board.activity} …", style="dim"))
    return Group(*parts)


def _lanes(title: str, lanes: Sequence[Lane], width: int, now: float, ending: str) -> Table:
    table = _grid(title, width)
    for header, least in (("tokens", 6), ("time", 6), ("cost", 9)):
        table.add_column(header, justify="right", no_wrap=True, min_width=least)
    table.add_column("", ratio=1, no_wrap=True, overflow="ellipsis")
    for lane in lanes:
        name, done = Text(middle_clipped(lane.candidate, width)), lane.done
        if done is not None:
            table.add_row(*_done_cells(done, name))
        elif ending:
            table.add_row(Text("·", style="dim"), name, "", "", "", Text(ending, style="dim"))
        else:
            elapsed = Text(seconds(now - lane.started_at), style="dim")
            table.add_row(_spinner(now), name, "", elapsed, "", Text("writing …", style="dim"))
    return table


def _spinner(now: float) -> Text:
    return Text(_FRAMES[int(now * 10) % len(_FRAMES)], style="cyan")  # Rich's own restarts at each drawing


def _done_cells(done: BootDone | AnswerDone, name: Text) -> list[RenderableType]:
    if (failure := done["failure"]) is not None:
        mark, style = ("-", "dim") if failure["cause"] == "cancelled" else ("✗", "red")
        why = Text(clipped(failure_text(failure), _FAILURE_WIDTH), style=style, no_wrap=False, overflow="fold")
        return [Text(mark, style=style), name, "", seconds(done["seconds"]), "", why]
    truncated = done["event"] == "boot" and not done["finished"]
    mark_text = Text("…", style="yellow") if truncated else Text("✓", style="green")
    via = _VIA[done["via"]] if done["event"] == "answer" else ""
    key = Text(f"{clipped(done['key'], 24)}  ", style="bold") if done["key"] else Text()
    preview = key + Text(via or one_line(done["text"]), style="dim")
    cost = "-" if done["usd"] is None else usd(done["usd"])
    return [mark_text, name, f"{done['output_tokens']:,}", seconds(done["seconds"]), cost, preview]


def _ranking(board: Board, ranked: Ranked, width: int) -> list[RenderableType]:
    table = _grid("", width, rank=len(str(len(ranked["order"]))))
    table.add_column("", no_wrap=True, min_width=_BAR + 5)
    table.add_column("", ratio=1, overflow="fold")
    for place, name in enumerate(ranked["order"], start=1):
        score = ranked["scores"][name]
        bar = Text("━" * round(score * _BAR), style="cyan") + Text("─" * (_BAR - round(score * _BAR)), style="dim")
        row = str(place), Text(middle_clipped(name, width)), bar + f" {score:.2f}"
        table.add_row(*row, _outcome(board, ranked, name))
    for name in (name for name in ranked["dropped"] if name not in ranked["order"]):
        table.add_row("-", Text(middle_clipped(name, width)), "", _outcome(board, ranked, name))
    title = f"ranked by {one_line(ranked['selector'])}" if ranked["selector"] else "not ranked"
    return [Text(f"  {title}", style="dim"), table]


def _outcome(board: Board, ranked: Ranked, name: str) -> Text:
    done = next((lane.done for lane in board.boots if lane.candidate == name), None)
    reason = one_line(ranked["reasons"].get(name, ""))
    why = Text(f" · {reason}", style="dim") if reason else Text()
    if name in ranked["dropped"]:
        cause = "failed" if done is not None and done["failure"] is not None else clipped(ranked["dropped"][name], 60)
        return Text(f"dropped: {cause}", style="red") + why
    if name in ranked["next_candidates"]:
        return Text("selected for the draft" if board.makes_draft else "selected") + why
    finished = done is not None and done["event"] == "boot" and done["finished"]
    return Text("boot is complete" if finished else "in reserve") + why


def _grid(title: str, width: int, rank: int = 1) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, expand=True, header_style="dim")
    table.show_header = bool(title)
    table.add_column("", width=rank)
    table.add_column(Text(middle_clipped(title, width)), width=width, no_wrap=True)
    return table


class LiveView:
    """Redraws the board on `console` (None = stdout) until the answer streams, then prints the answer below it."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        self._board = Board()
        self._ending = ""
        self._texts: dict[str | None, str] = {}
        self._line_open = False
        self._live = Live(console=self._console, get_renderable=self._draw, refresh_per_second=10)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, at: TracebackType | None) -> None:
        self._freeze("stopped")
        self._end_line()

    def on_line(self, line: str) -> None:
        """Print a status message above the board."""
        if line:
            self._console.print(Text(one_line(line), style="dim"))

    def on_event(self, event: Event) -> None:
        """Update the board. Once the answer streams, print failed calls only."""
        if self._ending:
            if event["event"] == "answer" and event["failure"] is not None:
                self._end_line()
                self.on_line(event_line(event))
            return
        if event["event"] == "drafted":  # the finished layer stays above the next one
            self._console.print(draw_board(self._board, time.monotonic(), self._console.width, "stopped"))
            self.on_line(event_line(event))
            self._console.print()
        self._board = self._board.after(event, time.monotonic())

    def on_token(self, message_id: str | None, token: str) -> None:
        """Print one token of the answer stream; a new message id starts a replacement answer."""
        if not token:
            return
        if not self._texts:
            self._freeze("streams below")
            self._console.print()
        elif message_id not in self._texts:
            self._end_line()
            self._console.print("\n[dim]the stream failed; replacement answer:[/dim]\n")
        self._texts[message_id] = self._texts.get(message_id, "") + token
        self._write(token)

    def on_answer(self, message: AIMessage) -> None:
        """Print the answer if it was not streamed, then the bill and the caveats."""
        text = str(message.text)
        if text not in self._texts.values():
            self.on_token(f"whole:{message.id}", text)
        self._end_line()
        self._console.print()
        print_bill(self._console, message.response_metadata["lightrouter"])

    def _write(self, token: str) -> None:
        """Write without wrapping: the terminal wraps, so that copied text has no added line breaks."""
        text = safe(token)
        self._console.out(text, end="", highlight=False)
        self._console.file.flush()
        self._line_open = not text.endswith("\n") if text else self._line_open

    def _end_line(self) -> None:
        if self._line_open:
            self._write("\n")

    def _draw(self) -> Group:
        return draw_board(self._board, time.monotonic(), self._console.width, self._ending)

    def _freeze(self, ending: str) -> None:
        if not self._ending:
            self._ending = ending
            self._live.stop()

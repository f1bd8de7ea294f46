"""A board, drawn: the race of the boots, the ranking, the answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from lightrouter_graph.cli.bill_view import in_one
from lightrouter_graph.cli.formatting import (
    agreement_in_words,
    clipped,
    one_line,
    seconds,
    tally_in_words,
    usd,
    why_failed,
)
from lightrouter_graph.cli.live_view import Board, Ending, Lane

if TYPE_CHECKING:
    from lightrouter_graph.cli.live_view import Done
    from lightrouter_graph.telemetry.events import Ranked, Tallied

_BAR = 10
_FRAMES, _FRAMES_PER_S = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", 10
_LONGEST_WHY = 140
_VIA = {"boot": "", "continuation": "boot continued", "regeneration": "written anew", "direct": ""}


class Race:
    """A board as rich draws it, at the width there is.

    Args:
        board: What is known.
        now: The watcher's clock, for those still writing.
        ending: Empty while the race runs; else what is said of those who never came in.
    """

    def __init__(self, board: Board, now: float, ending: Ending = "") -> None:
        self._board, self._now, self._ending = board, now, ending

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the sections that have something to show."""
        board, width = self._board, _name_width(self._board, options.max_width)
        for line in in_one(board.notes):
            yield Group(Text(one_line(line), style="yellow"), Text())
        if board.boots:
            title = f"boots, layer {board.layer} of {board.layers}" if board.layers > 1 else "boots"
            yield Group(self._lanes(title, board.boots, width), *_reserve(board), Text())
        if board.ranked is not None and board.ranked["order"]:
            yield Group(_ranking_title(board.ranked), _ranking(board, board.ranked, width), Text())
        if board.answers:
            yield self._lanes("answers in full", board.answers, width)
        if board.tallied is not None:
            yield _tally(board.tallied)
        if board.doing and not self._ending:
            yield self._spinner() + Text(f" {board.doing} …", style="dim")

    def _lanes(self, title: str, lanes: Sequence[Lane], width: int) -> Table:
        table = _grid(title, width)
        for header, least in (("tokens", 6), ("time", 6), ("cost", 9)):
            table.add_column(header, justify="right", no_wrap=True, min_width=least)
        table.add_column("", ratio=1, no_wrap=True, overflow="ellipsis")
        for lane in lanes:
            name = Text(fit(lane.name, width))
            table.add_row(*(self._running(lane, name) if lane.done is None else _ended(lane.done, name)))
        return table

    def _running(self, lane: Lane, name: Text) -> list[RenderableType]:
        if self._ending:
            return [Text("·", style="dim"), name, "", "", "", Text(self._ending, style="dim")]
        gone = Text(seconds(self._now - lane.began), style="dim")
        return [self._spinner(), name, "", gone, "", Text("writing …", style="dim")]

    def _spinner(self) -> Text:
        # Rich's own begins anew with every drawing.
        return Text(_FRAMES[int(self._now * _FRAMES_PER_S) % len(_FRAMES)], style="cyan")


def fit(name: str, width: int) -> str:
    """Shorten a name in its middle: its beginning is the provider, its end the model."""
    name = one_line(name)
    if len(name) <= width:
        return name
    tail = (width - 1) * 3 // 5
    return f"{name[: width - 1 - tail]}…{name[-tail:]}"


def _ended(done: Done, name: Text) -> list[RenderableType]:
    failure = done["failure"]
    if failure is not None:
        calm = failure["cause"] == "cancelled"
        mark, style = ("-", "dim") if calm else ("✗", "red")
        why = Text(clipped(why_failed(failure), _LONGEST_WHY), style=style, no_wrap=False, overflow="fold")
        return [Text(mark, style=style), name, "", seconds(done["seconds"]), "", why]
    cost = "-" if done["usd"] is None else usd(done["usd"])
    return [_mark(done), name, f"{done['output_tokens']:,}", seconds(done["seconds"]), cost, _preview(done)]


def _mark(done: Done) -> Text:
    """A tick for a whole answer, dots for a boot that was cut at its limit."""
    cut = done["event"] == "boot" and not done["finished"]
    return Text("…", style="yellow") if cut else Text("✓", style="green")


def _preview(done: Done) -> Text:
    found = Text(f"{clipped(done['answer'], 24)}  ", style="bold") if done["answer"] else Text()
    how = _VIA[done["via"]] if done["event"] == "answer" else ""
    return found + Text(how or one_line(done["text"]), style="dim")


def _reserve(board: Board) -> list[Text]:
    """Name those that have not been asked."""
    rest = [fit(name, 40) for name in board.order if name not in board.booting]
    return [Text(f"  in reserve: {', '.join(rest)}", style="dim")] if rest else []


def _ranking_title(ranked: Ranked) -> Text:
    by = f"ranked by {one_line(ranked['selector'])}" if len(ranked["order"]) > 1 else "nothing to rank"
    return Text(f"  {by}", style="dim")


def _ranking(board: Board, ranked: Ranked, width: int) -> Table:
    table = _grid("", width, header=False, rank=len(str(len(ranked["order"]))))
    table.add_column("", no_wrap=True, min_width=_BAR + 5)
    table.add_column("", ratio=1, overflow="fold")
    for place, name in enumerate(ranked["order"], start=1):
        score = ranked["scores"][name]
        bar = Text("━" * round(score * _BAR), style="cyan") + Text("─" * (_BAR - round(score * _BAR)), style="dim")
        table.add_row(str(place), Text(fit(name, width)), bar + Text(f" {score:.2f}"), _fate(board, ranked, name))
    for name in (name for name in ranked["dropped"] if name not in ranked["order"]):
        table.add_row("-", Text(fit(name, width)), "", _fate(board, ranked, name))
    return table


def _fate(board: Board, ranked: Ranked, name: str) -> Text:
    fate = Text(_verdict(board, ranked, name), style="red" if name in ranked["dropped"] else "")
    reason = one_line(ranked["reasons"].get(name, ""))
    return fate + Text(f" · {reason}", style="dim") if reason else fate


def _verdict(board: Board, ranked: Ranked, name: str) -> str:
    done = next((lane.done for lane in board.boots if lane.name == name), None)
    if name in ranked["dropped"]:
        lost = done is not None and done["failure"] is not None
        return "dropped: failed, see above" if lost else f"dropped: {clipped(ranked['dropped'][name], 60)}"
    if name in ranked["going_on"]:
        return "goes into the draft" if board.is_inner else "goes on"
    return "has answered" if done is not None and done["event"] == "boot" and done["finished"] else "in reserve"


def _tally(tallied: Tallied) -> Text:
    then = one_line(tally_in_words(tallied))
    return Text(f"  {agreement_in_words(tallied['agreement'])}", style="bold") + Text(f" · {then}", style="dim")


def _grid(title: str, width: int, *, header: bool = True, rank: int = 1) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, expand=True, show_header=header, header_style="dim")
    table.add_column("", width=rank)
    table.add_column(Text(fit(title, width)), width=width, no_wrap=True)
    return table


def _name_width(board: Board, total: int) -> int:
    longest = max((len(one_line(name)) for name in board.order), default=0)
    return min(max(longest, 20), max(20, total * 3 // 10))

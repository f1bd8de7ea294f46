"""What the screen knows of a run: a value that each event turns into the next one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from lightrouter_graph.telemetry.events import AnswerDone, BootDone, Event, Opened, Ranked, Tallied

    Done: TypeAlias = BootDone | AnswerDone

Ending = Literal["", "streams below", "stopped"]


@dataclass(frozen=True, slots=True)
class Lane:
    """One candidate that writes, or has written. `began` is on the watcher's clock."""

    name: str
    began: float
    done: Done | None = None


@dataclass(frozen=True, slots=True)
class Board:
    """One layer of a run as far as it has come.

    It is never changed, so that the thread that draws it can never meet it half changed.

    Attributes:
        order: Every candidate, in prior order.
        booting: Those of the first wave.
        layer: 1-based.
        layers: How many there are.
        boots: Who boots, in prior order.
        ranked: The selector's verdict.
        answers: Who answers in full, in the order in which they were asked.
        tallied: How far the answers agree.
        notes: What is done otherwise than asked for, to stay within the budget.
    """

    order: tuple[str, ...] = ()
    booting: tuple[str, ...] = ()
    layer: int = 1
    layers: int = 1
    boots: tuple[Lane, ...] = ()
    ranked: Ranked | None = None
    answers: tuple[Lane, ...] = ()
    tallied: Tallied | None = None
    notes: tuple[str, ...] = ()

    @property
    def doing(self) -> str:
        """What is going on while nobody's lane moves; empty when that need not be said."""
        if not self.order:
            return "getting the models ready"
        if any(lane.done is None for lane in (*self.boots, *self.answers)):
            return ""
        if self.tallied is not None:
            return "making one answer"
        if self.ranked is None:
            return "ranking the boots"
        return "merging the boots into a draft" if self.is_inner else "counting the answers"

    @property
    def is_inner(self) -> bool:
        """Whether this layer's boots are merged into a draft."""
        return self.layer < self.layers and bool(self.ranked and self.ranked["going_on"])

    def after(self, event: Event, now: float) -> Board:  # noqa: PLR0911 - one per event
        """Return the board once the event has happened."""
        match event["event"]:
            case "opened":
                return _opened(event, now)
            case "boot":
                return replace(self, boots=_with_done(self.boots, event, now))
            case "ranked":
                ranked = replace(self, ranked=event)
                return ranked if ranked.is_inner else ranked.joined_by(event["going_on"], now)
            case "answer":
                return replace(self, answers=_with_done(self.answers, event, now))
            case "tallied":
                return replace(self, tallied=event).joined_by(event["next_up"], now)
            case "drafted":
                return _next_layer(self, event["booting"], now)
        return self

    def joined_by(self, names: Iterable[str], now: float) -> Board:
        """Return the board with more candidates answering in full."""
        return replace(self, answers=(*self.answers, *(Lane(name, now) for name in names)))


def _opened(event: Opened, now: float) -> Board:
    notes = tuple(event["notes"])
    board = Board(tuple(event["order"]), tuple(event["booting"]), layers=event["layers"], notes=notes)
    if len(board.booting) == 1:  # nothing to compare: the only candidate answers at once, in the last layer
        return replace(board, layer=board.layers).joined_by(board.booting, now)
    return replace(board, boots=tuple(Lane(name, now) for name in board.booting))


def _next_layer(board: Board, booting: Sequence[str], now: float) -> Board:
    """Begin the next layer; one candidate alone answers at once."""
    after = Board(board.order, tuple(booting), board.layer + 1, board.layers)
    if len(booting) == 1:
        return after.joined_by(booting, now)
    return replace(after, boots=tuple(Lane(name, now) for name in booting))


def _with_done(lanes: tuple[Lane, ...], done: Done, now: float) -> tuple[Lane, ...]:
    """Enter what a candidate wrote; one that nobody had announced gets a lane of its own."""
    name = done["candidate"]
    if not any(lane.name == name and lane.done is None for lane in lanes):
        return (*lanes, Lane(name, now, done))
    return tuple(replace(lane, done=done) if lane.name == name and lane.done is None else lane for lane in lanes)

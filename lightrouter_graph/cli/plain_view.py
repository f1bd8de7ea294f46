"""A run as short lines on stderr, one per event; or as nothing at all."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from lightrouter_graph.cli.bill_view import bill_line, caveats, in_one
from lightrouter_graph.cli.formatting import (
    agreement_in_words,
    clipped,
    count,
    one_line,
    seconds,
    tally_in_words,
    usd,
    why_failed,
)

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from lightrouter_graph.telemetry.events import AnswerDone, BootDone, Event, Ranked, Tallied

_PREVIEW = 60


class Silence:
    """Watches and shows nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, at: TracebackType | None) -> None:
        pass

    def say(self, line: str) -> None:
        """Say nothing."""

    def see(self, event: Event) -> None:
        """Show nothing."""

    def hear(self, message_id: str | None, token: str) -> None:
        """Wait for the whole answer: what was begun may be given up."""

    def take(self, message: AIMessage) -> None:
        """Leave the answer to the caller."""


class Lines(Silence):
    """Tells each event in one line, and in further ones what is done otherwise than asked for."""

    def __init__(self) -> None:
        self._told: list[str] = []

    def say(self, line: str) -> None:
        """Print a line on stderr."""
        if line:
            print(one_line(line), file=sys.stderr, flush=True)

    def see(self, event: Event) -> None:
        """Print what happened."""
        self.say(event_line(event))
        if event["event"] == "opened":
            self._tell(in_one(event["notes"]))

    def take(self, message: AIMessage) -> None:
        """Leave the answer to the caller, and say what is not as it was asked for."""
        self._tell(caveats(message.response_metadata["lightrouter"]))

    def _tell(self, lines: Iterable[str]) -> None:
        """Say what has not been said."""
        for line in [line for line in lines if line not in self._told]:
            self._told.append(line)
            self.say(line)


def event_line(event: Event) -> str:  # noqa: PLR0911 - one per event
    """Tell an event in one line."""
    match event["event"]:
        case "opened":
            layers = f", {event['layers']} layers" if event["layers"] > 1 else ""
            return f"asking {', '.join(event['booting'])} (of {len(event['order'])}{layers})"
        case "boot" | "answer":
            return _call_line(event)
        case "ranked":
            return _ranking_line(event)
        case "tallied":
            return _tally_line(event)
        case "drafted":
            return f"layer {event['layer']}: draft merged from {', '.join(event['candidates'])}"
        case "billed":
            return bill_line(event["bill"])
        case "token":
            return ""  # the answer itself, which is printed


def _call_line(event: BootDone | AnswerDone) -> str:
    who = f"{event['event']} of {event['candidate']}"
    if event["failure"] is not None:
        return f"{who}: {why_failed(event['failure'])}"
    cost = f"{count(event['output_tokens'], 'token')}, {seconds(event['seconds'])}, {usd(event['usd'])}"
    found = f"{event['answer']}: " if event["answer"] else ""
    return f"{who}: {cost} | {clipped(found + event['text'], _PREVIEW)}"


def _ranking_line(event: Ranked) -> str:
    order = ", ".join(f"{name} {event['scores'][name]:.2f}" for name in event["order"])
    out = "; ".join(f"{name} ({clipped(why, _PREVIEW)})" for name, why in event["dropped"].items())
    return f"ranked by {event['selector']}: {order or 'nobody is left'}" + (f" | dropped: {out}" if out else "")


def _tally_line(event: Tallied) -> str:
    return f"{agreement_in_words(event['agreement'])} | {tally_in_words(event)}"

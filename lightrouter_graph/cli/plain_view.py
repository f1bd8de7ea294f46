"""Views of a run without a terminal: one line per stream event on stderr, or nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from lightrouter_graph.cli.bill_view import bill_line, budget_notes, caveats
from lightrouter_graph.cli.formatting import clipped, count, failure_text, one_line, seconds, usd

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from lightrouter_graph.records import Agreement
    from lightrouter_graph.telemetry.events import AnswerDone, BootDone, Event, Ranked, Tallied

_PREVIEW = 60


class QuietView:
    """Shows nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, at: TracebackType | None) -> None:
        pass

    def on_line(self, line: str) -> None:
        """Ignore the status message."""

    def on_event(self, event: Event) -> None:
        """Ignore the stream event."""

    def on_token(self, message_id: str | None, token: str) -> None:
        """Ignore the token: the caller prints the whole answer."""

    def on_answer(self, message: AIMessage) -> None:
        """Ignore the message: the caller prints it."""


class PlainView(QuietView):
    """Prints one line per stream event to stderr; each budget note and caveat once."""

    def __init__(self) -> None:
        self._notes: set[str] = set()

    def on_line(self, line: str) -> None:
        """Print a status message to stderr, unless it is empty.

        Args:
            line: A message; line breaks in it are escaped.
        """
        if line:
            print(one_line(line), file=sys.stderr, flush=True)

    def on_event(self, event: Event) -> None:
        """Print one stream event.

        Args:
            event: An event of the custom stream of the graph.
        """
        self.on_line(event_line(event))
        if event["event"] == "opened":
            self._print_new(budget_notes(event["notes"]))

    def on_answer(self, message: AIMessage) -> None:
        """Print the caveats; the caller prints the answer.

        Args:
            message: The answer with its decision record.
        """
        self._print_new(caveats(message.response_metadata["lightrouter"]))

    def _print_new(self, notes: Iterable[str]) -> None:
        for note in [note for note in notes if note not in self._notes]:
            self._notes.add(note)
            self.on_line(note)


def event_line(event: Event) -> str:  # noqa: PLR0911 - one per event
    """Format one stream event as one line; an empty string for tokens.

    Args:
        event: Event of the graph's custom stream.
    """
    match event["event"]:
        case "opened":
            layers = f", {event['layers']} layers" if event["layers"] > 1 else ""
            return f"querying {', '.join(event['first_wave'])} (of {len(event['prior_order'])}{layers})"
        case "boot" | "answer":
            return _call_line(event)
        case "ranked":
            return _ranking_line(event)
        case "tallied":
            return tally_line(event)
        case "drafted":
            return f"layer {event['layer']}: draft merged from {', '.join(event['candidates'])}"
        case "billed":
            return bill_line(event["bill"])
        case "token":
            return ""


def tally_line(tallied: Tallied) -> str:
    """Format the agreement of the answers and the next step: `2 of 2 answers agree on 12 · stopped: ...`.

    Args:
        tallied: The event of node `tally`.
    """
    following = ", ".join(tallied["next_candidates"])
    return f"{_agreement(tallied['agreement'])} · " + (
        f"next: {following}" if following else f"stopped: {tallied['reason']}"
    )


def _agreement(agreement: Agreement) -> str:
    leader, agreed = agreement["leader"], agreement["agreed"]
    answered = count(agreement["answered"], "answer")
    if agreement["answered"] == 0:
        return "no answer"
    if leader is None:
        return f"{answered} without a short final answer to compare"
    if agreement["answered"] == 1:
        return f"1 answer: {clipped(leader, 40)}"
    return f"{agreed} of {answered} agree on {clipped(leader, 40)}" if agreed > 1 else f"{answered}, no two agree"


def _call_line(event: BootDone | AnswerDone) -> str:
    call = f"{event['event']} of {event['candidate']}"
    if event["failure"] is not None:
        return f"{call}: {failure_text(event['failure'])}"
    cost = f"{count(event['output_tokens'], 'token')}, {seconds(event['seconds'])}, {usd(event['usd'])}"
    key = f"{event['key']}: " if event["key"] else ""
    return f"{call}: {cost} | {clipped(key + event['text'], _PREVIEW)}"


def _ranking_line(event: Ranked) -> str:
    order = ", ".join(f"{name} {event['scores'][name]:.2f}" for name in event["order"])
    dropped = "; ".join(f"{name} ({clipped(why, _PREVIEW)})" for name, why in event["dropped"].items())
    ranked = f"ranked by {event['selector']}" if event["selector"] else "not ranked"
    return f"{ranked}: {order or 'no boot left'}" + (f" | dropped: {dropped}" if dropped else "")

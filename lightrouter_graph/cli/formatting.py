"""How the command line writes numbers, failures and other people's text."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lightrouter_graph.records import Agreement, Failure
    from lightrouter_graph.telemetry.events import Tallied

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""What can move the cursor, change colours or turn the direction of a terminal; newline and tab stay."""


def safe(text: str) -> str:
    """Return a text that a terminal shows and does not obey."""
    return _CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def one_line(text: str) -> str:
    """Return a text on one line, safe for a terminal."""
    return safe(" ".join(text.split()))


def clipped(text: str, width: int) -> str:
    """Return a text on one line of at most `width` characters."""
    line = one_line(text)
    return line if len(line) <= width else line[: width - 1].rstrip() + "…"


def seconds(value: float) -> str:
    """Write a duration: `0.4 s`, `75 s`."""
    return f"{value:.1f} s" if value < 60 else f"{value:.0f} s"


def usd(value: float | None) -> str:
    """Write an amount with two significant digits, cents at least, or `price unknown`."""
    if value is None:
        return "price unknown"
    if value <= 0:
        return "$0"
    digits = max(2, 1 - math.floor(math.log10(value)))
    return f"${value:.{digits}f}"


def compared(ratio: float, *, less: str = "less", more: str = "more") -> str:
    """Write a ratio as people say it: `52 % less`, `26 % more`, `3.1x as much`."""
    percent = round(abs(1 - ratio) * 100)
    if percent == 0:
        return "the same"
    if ratio < 1:
        return f"{percent} % {less}"
    times = "as much" if more == "more" else f"as many {more.removeprefix('more ')}"
    return f"{percent} % {more}" if ratio < 2 else f"{ratio:,.{int(ratio < 10)}f}x {times}"


def count(number: int, noun: str) -> str:
    """Write a number of things: `1 call`, `2,048 tokens`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def why_failed(failure: Failure) -> str:
    """Say what went wrong: the cause, and what the provider said. A cancelled call is no failure, only not needed."""
    cause = "not needed" if failure["cause"] == "cancelled" else failure["cause"].replace("_", " ")
    return one_line(f"{cause}: {failure['message']}")


def agreement_in_words(agreement: Agreement) -> str:
    """Say how far the answers agree: `2 of 3 answers say 42`."""
    leader, agreed = agreement["leader"], agreement["agreed"]
    answered = count(agreement["answered"], "answer")
    if agreement["answered"] == 0:
        return "no answer"
    if leader is None:
        return f"{answered}, none that can be compared"
    if agreed < 2 <= agreement["answered"]:
        return f"{answered}, none agree"
    return f"{agreed} of {answered} say{'s' if agreed == 1 else ''} {clipped(leader, 40)}"


def tally_in_words(tallied: Tallied) -> str:
    """Say what follows from the count: who is next, or why nobody is."""
    return f"next: {', '.join(tallied['next_up'])}" if tallied["next_up"] else f"stopped because {tallied['why']}"

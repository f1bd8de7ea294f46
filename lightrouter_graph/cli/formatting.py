"""Formats numbers, failures and untrusted strings for the terminal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from lightrouter_graph.redaction.printable import CONTROLS, escape

if TYPE_CHECKING:
    from lightrouter_graph.records import Failure


def safe(text: str) -> str:
    """Remove control characters, so that a string cannot control the terminal.

    Args:
        text: String from a model, a provider's response or a file.
    """
    return CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def escaped(document: str) -> str:
    """Replace the control characters of a JSON document by escape sequences; its parsed value is the same.

    Args:
        document: JSON string; its strings may contain control characters.
    """
    return CONTROLS.sub(lambda found: escape(found[0]), document)


def one_line(text: str) -> str:
    """Join the lines of a string into one, without control characters.

    Args:
        text: String from a model, a provider's response or a file.
    """
    return safe(" ".join(text.split()))


def safe_values(value: Any) -> Any:
    """Remove the control characters of all strings in a JSON value, dict keys included.

    Args:
        value: JSON value from a file, such as the summary of a run.
    """
    if isinstance(value, dict):
        return {safe_values(key): safe_values(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [safe_values(item) for item in value]
    return safe(value) if isinstance(value, str) else value


def clipped(text: str, width: int) -> str:
    """Shorten a string to one line.

    Args:
        text: String of any length.
        width: Maximum length of the result, >= 2; a shortened string ends with an ellipsis.
    """
    line = one_line(text)
    return line if len(line) <= width else line[: width - 1].rstrip() + "…"


def middle_clipped(name: str, width: int) -> str:
    """Shorten a model name in the middle: its provider prefix and its last part stay readable.

    Args:
        name: Name of a model in the pool.
        width: Maximum length of the result, >= 4.
    """
    name = one_line(name)
    if len(name) <= width:
        return name
    tail = (width - 1) * 3 // 5
    return f"{name[: width - 1 - tail]}…{name[-tail:]}"


def seconds(value: float) -> str:
    """Format a duration: `0.4 s`, `75 s`.

    Args:
        value: Seconds, >= 0.
    """
    return f"{value:.1f} s" if value < 60 else f"{value:.0f} s"


def usd(value: float | None) -> str:
    """Format a cost with two significant digits and at least cents.

    Args:
        value: US dollars; None = `price unknown`.
    """
    if value is None:
        return "price unknown"
    if value <= 0:
        return "$0"
    digits = max(2, 1 - math.floor(math.log10(value)))
    return f"${value:.{digits}f}"


def ratio(value: float, less: str, more: str, unit: str) -> str:
    """Format a ratio: `52 % cheaper`, `26 % more expensive`, `3.1x the cost`.

    Args:
        value: The ratio, >= 0.
        less: Text after the percentage if value < 1.
        more: Text after the percentage if 1 <= value < 2.
        unit: Text after the factor if value >= 2.
    """
    percent = round(abs(1 - value) * 100)
    if percent == 0:
        return "the same"
    if value < 1:
        return f"{percent} % {less}"
    return f"{percent} % {more}" if value < 2 else f"{value:,.{int(value < 10)}f}x {unit}"


def count(number: int, noun: str) -> str:
    """Format a number with its noun: `1 call`, `2,048 tokens`.

    Args:
        number: Number of things, >= 0.
        noun: Singular; "s" is appended unless number is 1.
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def failure_text(failure: Failure) -> str:
    """Format the failure of a model call as `cause: message`.

    Args:
        failure: Failure of a call; the cause of a cancelled request is formatted as `not needed`.
    """
    cause = "not needed" if failure["cause"] == "cancelled" else failure["cause"].replace("_", " ")
    return one_line(f"{cause}: {failure['message']}")

"""What sort of method a line of the table is, read from its name."""

from collections.abc import Sequence
from typing import Literal

from lightrouter_graph.evaluation.records import Interval, MethodFigures, Summary

Kind = Literal["lightrouter", "rival", "single", "bound"]
"""LightRouter in one of its settings; another way to use several models; one candidate alone; an upper bound, which
looks at the scores and could not be run."""

BEST_SINGLE = "best-single"
"""The name of the method that picks one candidate on other data: what every other is compared to first."""


def kind_of(name: str, candidates: Sequence[str] = ()) -> Kind:
    """Say of what sort the method of that name is.

    A candidate's own name, a name that begins with "single", "best-single" and "first" are of one candidate; any other
    with the word "oracle" in it is an upper bound, whatever else it says; the rest is LightRouter's if it begins with
    "lightrouter".

    Args:
        name: As in `Result.method`.
        candidates: The names of the candidates.
    """
    plain = plain_name(name)
    if name in candidates or plain.startswith("single") or plain in {BEST_SINGLE, "first"}:
        return "single"
    if "oracle" in plain.split("-"):
        return "bound"
    return "lightrouter" if plain.startswith("lightrouter") else "rival"


def plain_name(name: str) -> str:
    """Return a name with every separator as a hyphen and in small letters, for comparing."""
    return name.lower().replace("_", "-").replace(" ", "-")


def kinds(summary: Summary) -> dict[str, Kind]:
    """Say it for every method of a summary, by name."""
    return {row["method"]: kind_of(row["method"], summary["facts"]["candidates"]) for row in summary["methods"]}


def is_best_single(name: str) -> bool:
    """Whether a method is the best single candidate, chosen on other data."""
    return plain_name(name) == BEST_SINGLE


def against_best_single(row: MethodFigures) -> Interval | None:
    """Return the paired difference of quality to the best single candidate; None where it was not computed."""
    return next((interval for other, interval in row["against"].items() if is_best_single(other)), None)


def of_kind(summary: Summary, *wanted: Kind) -> list[MethodFigures]:
    """Return the lines of the table of some kinds, in its order."""
    by_name = kinds(summary)
    return [row for row in summary["methods"] if by_name[row["method"]] in wanted]


def main_method(summary: Summary) -> str | None:
    """Return the first LightRouter method of the table, the one shown unless another is asked for; None for none."""
    return next((row["method"] for row in of_kind(summary, "lightrouter")), None)

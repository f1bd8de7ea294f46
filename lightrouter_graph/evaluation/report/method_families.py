"""Families of methods, recognised by name: LightRouter, other multi-model methods, single candidates, upper bounds."""

from collections.abc import Sequence
from typing import Literal

from lightrouter_graph.errors import EvaluationError, checked_choices
from lightrouter_graph.evaluation.records import Interval, MethodStats, Summary

Kind = Literal["lightrouter", "rival", "single", "bound"]
"""LightRouter; another method with several models; a single candidate; an upper bound, which reads the scores."""

BEST_SINGLE = "best-single"
"""Name of the method that every other method is compared with first."""


def kind_of(name: str, candidates: Sequence[str] = ()) -> Kind:
    """Return the family of a method by its name; `candidates` are single with any name."""
    plain = plain_name(name)
    if name in candidates or plain.startswith("single") or plain in {BEST_SINGLE, "first"}:
        return "single"
    if "oracle" in plain.split("-"):
        return "bound"
    return "lightrouter" if plain.startswith("lightrouter") else "rival"


def plain_name(name: str) -> str:
    """Return a name in lower case with hyphens as separators."""
    return name.lower().replace("_", "-").replace(" ", "-")


def kinds(summary: Summary) -> dict[str, Kind]:
    """Return the family of every method of a summary, by name."""
    return {row["method"]: kind_of(row["method"], summary["facts"]["candidates"]) for row in summary["methods"]}


def is_best_single(name: str) -> bool:
    """Return True for the best single candidate, chosen on other data."""
    return plain_name(name) == BEST_SINGLE


def against_best_single(row: MethodStats) -> Interval | None:
    """Return the paired difference in quality to the best single candidate; None if it was not computed."""
    return next((interval for other, interval in row["against"].items() if is_best_single(other)), None)


@checked_choices(EvaluationError)
def of_kind(summary: Summary, *wanted: Kind) -> list[MethodStats]:
    """Return the methods of some families, in the order of the table."""
    by_name = kinds(summary)
    return [row for row in summary["methods"] if by_name[row["method"]] in wanted]

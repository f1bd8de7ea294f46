"""Where LightRouter loses: methods that beat or tie with it at no higher cost, found by a fixed rule."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from lightrouter_graph.errors import EvaluationError, checked_choices
from lightrouter_graph.evaluation.records import Interval, MethodStats, Summary
from lightrouter_graph.evaluation.report.formatting import label, percent, points, short
from lightrouter_graph.evaluation.report.method_families import against_best_single, is_best_single, of_kind

Outcome = Literal["beats", "ties"]
Unit = Literal["usd", "output_tokens"]

RULE = (
    "In brackets: the lead of a winner in points with its interval, and USD per 1,000 questions. A method beats "
    "another if the 95 % interval of their paired difference in quality is above zero, and ties with it if the "
    "interval contains zero; without a paired difference (unpaired), the ends of their two intervals decide. Its cost "
    "is no higher if its mean USD on the same questions is at most equal (output tokens if a price is unknown). Upper "
    "bounds are left out. With many pairs, about one interval in forty shows a win of a method that is only equal."
)
"""The rule, for the report."""


@checked_choices(EvaluationError)
@dataclass(frozen=True, slots=True)
class Loss:
    """A method that beats or ties with a LightRouter method at no higher cost.

    `lead` is the paired difference in quality, other minus ours; None if it was not computed.
    """

    ours: MethodStats
    other: MethodStats
    outcome: Outcome
    lead: Interval | None
    unit: Unit


def losses(summary: Summary) -> list[Loss]:
    """Return every loss, in the order of the table."""
    others = of_kind(summary, "rival", "single")
    pairs = [_loss(ours, other) for ours in of_kind(summary, "lightrouter") for other in others]
    return [loss for loss in pairs if loss is not None]


def where_it_loses(summary: Summary, escape: Callable[[str], str] = str) -> list[str]:
    """Return one sentence per LightRouter method; `escape` escapes a label for the format of the report."""
    found, rows = losses(summary), of_kind(summary, "lightrouter")
    return [_sentence(ours, [loss for loss in found if loss.ours is ours], escape) for ours in rows]


def lead_of(other: MethodStats, ours: MethodStats) -> Interval | None:
    """Return the paired difference in quality, other minus ours; None if it was not computed."""
    if ours["method"] in other["against"]:
        return other["against"][ours["method"]]
    back = ours["against"].get(other["method"])
    return back and {"value": -back["value"], "low": -back["high"], "high": -back["low"]}


def _loss(ours: MethodStats, other: MethodStats) -> Loss | None:
    unit: Unit = "usd" if ours["usd"] is not None and other["usd"] is not None else "output_tokens"
    lead = lead_of(other, ours)
    bounds = lead or _unpaired(other["quality"], ours["quality"])
    if bounds is None or bounds["high"] < 0 or _cost(other, unit) > _cost(ours, unit):
        return None
    return Loss(ours, other, "beats" if bounds["low"] > 0 else "ties", lead, unit)


def _unpaired(quality: Interval | None, ours: Interval | None) -> Interval | None:
    """Return bounds of a difference from the ends of two intervals; wider than a paired interval."""
    if quality is None or ours is None:
        return None
    low, high = quality["low"] - ours["high"], quality["high"] - ours["low"]
    return {"value": quality["value"] - ours["value"], "low": low, "high": high}


def _cost(row: MethodStats, unit: Unit) -> float:
    interval = row[unit]
    return float("inf") if interval is None else interval["value"]


def _sentence(ours: MethodStats, found: Sequence[Loss], escape: Callable[[str], str]) -> str:
    clauses = []
    for outcome, verb in (("beats", "beaten"), ("ties", "tied")):
        named = "; ".join(f"{escape(label(x.other))} ({_detail(x)})" for x in found if x.outcome == outcome)
        clauses += [f"is {verb} at no more cost by {named}"] if named else []
    text = ", and ".join(clauses) or "is neither beaten nor tied by any other method at no more cost"
    head = f"{escape(label(ours))} ({percent(ours['quality'])} %, {_cost_text(ours)})"
    return f"{head} {text}.{_versus_best_single(ours, found)}"


def _detail(loss: Loss) -> str:
    if loss.lead is None:
        return f"{_cost_text(loss.other)}, unpaired"
    return f"{points(loss.lead)}, {_cost_text(loss.other)}" if loss.outcome == "beats" else _cost_text(loss.other)


def _cost_text(row: MethodStats) -> str:
    tokens = f"{short(row['output_tokens']['value'])} tokens"
    return tokens if row["usd"] is None else f"{short(row['usd']['value'])} USD"


def _versus_best_single(ours: MethodStats, found: Sequence[Loss]) -> str:
    """Return a sentence if there is no gain over the best single candidate, which may cost more."""
    difference = against_best_single(ours)
    if difference is None or difference["low"] > 0 or any(is_best_single(x.other["method"]) for x in found):
        return ""
    verdict = "is below" if difference["high"] < 0 else "is not shown to be above"
    return f" It {verdict} the best single candidate ({points(difference)} points)."

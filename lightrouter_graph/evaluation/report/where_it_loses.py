"""Where LightRouter loses: the methods of the table that beat or tie it at no more cost, found and said by rule."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from lightrouter_graph.evaluation.records import Interval, MethodFigures, Summary
from lightrouter_graph.evaluation.report.formatting import label, percent, points, short
from lightrouter_graph.evaluation.report.method_families import is_best_single, of_kind

Outcome = Literal["beats", "ties"]
Unit = Literal["usd", "output_tokens"]

RULE = (
    "In brackets: a winner's lead in points with its interval, and USD per 1,000 questions. A method beats another if "
    "the 95 % interval of their paired difference in quality lies wholly above zero, and ties with it if the interval "
    "contains zero; where no such difference was computed (unpaired), the ends of their two intervals decide. It costs "
    "no more if it takes at most as many USD on average on the same questions (output tokens where a price is not "
    "known). Upper bounds are left out: nobody can run them. Many pairs are compared, so about one interval in forty "
    "says that a method wins where it is only as good."
)
"""How it is decided; a report says it beside the findings."""


@dataclass(frozen=True, slots=True)
class Loss:
    """A method that is as good as or better than one of LightRouter's and costs no more.

    Attributes:
        ours: LightRouter's.
        other: The other.
        outcome: What the other does.
        lead: Quality of the other minus ours, paired; None where no paired difference is at hand.
        unit: In what their costs were compared.
    """

    ours: MethodFigures
    other: MethodFigures
    outcome: Outcome
    lead: Interval | None
    unit: Unit


def losses(summary: Summary) -> list[Loss]:
    """Find every such pair, in the order of the table."""
    others = of_kind(summary, "rival", "single")
    pairs = [_loss(ours, other) for ours in of_kind(summary, "lightrouter") for other in others]
    return [loss for loss in pairs if loss is not None]


def where_it_loses(summary: Summary, escape: Callable[[str], str] = str) -> list[str]:
    """Say it in plain sentences, one per LightRouter method.

    Args:
        summary: The figures.
        escape: What makes a label safe in the text the sentences go into.
    """
    found = losses(summary)
    return [
        _sentence(ours, [loss for loss in found if loss.ours is ours], escape)
        for ours in of_kind(summary, "lightrouter")
    ]


def lead_of(other: MethodFigures, ours: MethodFigures) -> Interval | None:
    """Return the paired difference in quality, other minus ours; None where neither holds it."""
    if ours["method"] in other["against"]:
        return other["against"][ours["method"]]
    back = ours["against"].get(other["method"])
    return back and {"value": -back["value"], "low": -back["high"], "high": -back["low"]}


def _loss(ours: MethodFigures, other: MethodFigures) -> Loss | None:
    unit: Unit = "usd" if ours["usd"] is not None and other["usd"] is not None else "output_tokens"
    outcome = _outcome(other, ours)
    if outcome is None or _cost(other, unit) > _cost(ours, unit):
        return None
    return Loss(ours, other, outcome, lead_of(other, ours), unit)


def _outcome(other: MethodFigures, ours: MethodFigures) -> Outcome | None:
    lead = lead_of(other, ours) or _unpaired(other["quality"], ours["quality"])
    if lead is None or lead["high"] < 0:
        return None
    return "beats" if lead["low"] > 0 else "ties"


def _unpaired(quality: Interval | None, ours: Interval | None) -> Interval | None:
    """Bound a difference by the ends of two intervals: wider than a paired one, so it decides less."""
    if quality is None or ours is None:
        return None
    return {
        "value": quality["value"] - ours["value"],
        "low": quality["low"] - ours["high"],
        "high": quality["high"] - ours["low"],
    }


def _cost(row: MethodFigures, unit: Unit) -> float:
    interval = row[unit]
    return float("inf") if interval is None else interval["value"]


def _sentence(ours: MethodFigures, found: Sequence[Loss], escape: Callable[[str], str]) -> str:
    outcomes: tuple[Outcome, ...] = ("beats", "ties")
    clauses = [_clause(outcome, [x for x in found if x.outcome == outcome], escape) for outcome in outcomes]
    said = ", and ".join(clause for clause in clauses if clause)
    name = escape(label(ours))
    if not said:
        said = "is neither beaten nor tied by any other method at no more cost"
    return f"{name} ({percent(ours['quality'])} %, {_costs(ours)}) {said}.{_beside_the_best(ours, found)}"


def _clause(outcome: Outcome, found: Sequence[Loss], escape: Callable[[str], str]) -> str:
    if not found:
        return ""
    named = "; ".join(f"{escape(label(loss.other))} ({_detail(loss)})" for loss in found)
    return f"is {'beaten' if outcome == 'beats' else 'tied'} at no more cost by {named}"


def _detail(loss: Loss) -> str:
    if loss.lead is None:
        return f"{_costs(loss.other)}, unpaired"
    return f"{points(loss.lead)}, {_costs(loss.other)}" if loss.outcome == "beats" else _costs(loss.other)


def _costs(row: MethodFigures) -> str:
    return (
        f"{short(row['output_tokens']['value'])} tokens" if row["usd"] is None else f"{short(row['usd']['value'])} USD"
    )


def _beside_the_best(ours: MethodFigures, found: Sequence[Loss]) -> str:
    """Add what the comparison at no more cost hides: no gain over the best single, whatever that one costs."""
    difference = next((x for name, x in ours["against"].items() if is_best_single(name)), None)
    if difference is None or difference["low"] > 0 or any(is_best_single(x.other["method"]) for x in found):
        return ""
    verdict = "is below" if difference["high"] < 0 else "is not shown to be above"
    return f" It {verdict} the best single candidate ({points(difference)} points)."

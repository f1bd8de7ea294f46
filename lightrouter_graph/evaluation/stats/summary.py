"""The figures of a run: one record per method, ready for `summary.json`."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.questions import Question
from lightrouter_graph.evaluation.records import Interval, MethodFigures, Result, RunFacts, Summary
from lightrouter_graph.evaluation.stats.bootstrap import (
    DIFFERENCES,
    SCORES,
    UNBOUNDED,
    Array,
    Phantoms,
    intervals,
    percentile_interval,
)
from lightrouter_graph.evaluation.stats.calibration import calibrate
from lightrouter_graph.evaluation.stats.selection import measure_selection
from lightrouter_graph.evaluation.stats.table import COSTS, LATENCIES, PERCENTILES, Table, tabulate

K = TypeVar("K")


def summarise(
    results: Sequence[Result],
    questions: Sequence[Question],
    facts: RunFacts,
    labels: Mapping[str, str],
    against: Sequence[str] = (),
) -> Summary:
    """Work out all figures of a run.

    A question on which a method failed counts as a score of 0, with what it cost. Answers without a score are left out
    of quality, and a note says so; a method without any score has costs only. USD is
    None for a method with any call whose price is not known.

    Args:
        results: Of all methods, in any order; at most one per question and method.
        questions: Those asked, with their recorded scores.
        facts: Of the run. Its seed is that of the draws.
        labels: What to call the methods; a method that is not there is called by its name.
        against: Methods that each is compared with, over the questions that both have a score for.

    Returns:
        The methods in order of their first result.

    Raises:
        EvaluationError: If there are no results, two for one question and method, or `against` names a method without.
    """
    table = tabulate(results)
    missing = [name for name in against if name not in table.methods]
    if missing:
        msg = f"against names {missing[0]!r}, which has no results; there are {', '.join(table.methods)}"
        raise EvaluationError(msg)
    shared = _measure_together(table, against, facts["seed"])
    figures = [
        _method_figures(name, table, questions, shared, labels=labels, pool=facts["candidates"], seed=facts["seed"])
        for name in table.methods
    ]
    return {"facts": {**facts, "notes": [*facts["notes"], *_notes(table)]}, "methods": figures}


class _Shared(NamedTuple):
    """Figures of all methods from one set of draws, by method and then by what they are."""

    quality: Mapping[str, Interval | None]
    costs: Mapping[str, Mapping[str, Interval | None]]
    against: Mapping[str, Mapping[str, Interval]]
    by_category: Mapping[str, Mapping[str, Interval]]


def _measure_together(table: Table, against: Sequence[str], seed: int) -> _Shared:
    quality = {name: table.quality(name) for name in table.methods}
    costs = {(name, cost): table.cost(name, cost) for name in table.methods for cost in COSTS}
    gaps = {
        (name, other): quality[name] - quality[other] for name in table.methods for other in against if name != other
    }
    return _Shared(
        quality=_intervals(quality, SCORES, seed),
        costs=_by_method(table, _intervals(costs, UNBOUNDED, seed)),
        against=_known(table, _intervals(gaps, DIFFERENCES, seed)),
        by_category=_known(table, _category_intervals(table, quality, seed)),
    )


def _method_figures(
    name: str,
    table: Table,
    questions: Sequence[Question],
    shared: _Shared,
    *,
    labels: Mapping[str, str],
    pool: Sequence[str],
    seed: int,
) -> MethodFigures:
    results, costs, latencies = table.of(name), shared.costs[name], _latencies(table, name)
    return {
        "method": name,
        "label": labels.get(name, name),
        "stand_in": "; ".join(dict.fromkeys(result["stand_in"] for result in results if result["stand_in"])),
        "count": len(results),
        "failed": sum(bool(result["error"]) for result in results),
        "quality": shared.quality[name],
        "output_tokens": _surely(costs["output_tokens"]),
        "total_tokens": _surely(costs["total_tokens"]),
        "calls": _surely(costs["calls"]),
        "usd": costs["usd"],
        "first_token_p50": latencies["first_token_p50"],
        "first_token_p95": latencies["first_token_p95"],
        "seconds_p50": latencies["seconds_p50"],
        "seconds_p95": latencies["seconds_p95"],
        "against": dict(shared.against[name]),
        "by_category": dict(shared.by_category[name]),
        "calibration": calibrate(results, seed=seed),
        "selection": measure_selection(results, questions, pool=pool, seed=seed),
    }


def _latencies(table: Table, method: str) -> dict[str, Interval | None]:
    return {
        f"{name}_{rank}": percentile_interval(table.column(method, read), q)
        for name, read in LATENCIES.items()
        for rank, q in PERCENTILES.items()
    }


def _category_intervals(
    table: Table, quality: Mapping[str, Array], seed: int
) -> dict[tuple[str, str], Interval | None]:
    """Return mean quality by method and category, over the questions of the category."""
    of = {r["question"]: r["category"] for rows in table.results.values() for r in rows.values()}
    found: dict[tuple[str, str], Interval | None] = {}
    for category in sorted({category for category in of.values() if category is not None}):
        inside = np.array([of[question] == category for question in table.questions])
        columns = {(name, category): column[inside] for name, column in quality.items()}
        found |= _intervals(columns, SCORES, seed)
    return found


def _intervals(columns: Mapping[K, Array], phantoms: Phantoms, seed: int) -> dict[K, Interval | None]:
    """Return the mean of each column with its interval, all from the same draws."""
    if not columns:
        return {}
    return dict(zip(columns, intervals(np.stack(list(columns.values()), axis=1), phantoms, seed=seed), strict=True))


def _by_method(table: Table, found: Mapping[tuple[str, str], Interval | None]) -> dict[str, dict[str, Interval | None]]:
    return {
        method: {kind: figure for (owner, kind), figure in found.items() if owner == method} for method in table.methods
    }


def _known(table: Table, found: Mapping[tuple[str, str], Interval | None]) -> dict[str, dict[str, Interval]]:
    return {
        method: {kind: figure for kind, figure in figures.items() if figure is not None}
        for method, figures in _by_method(table, found).items()
    }


def _surely(figure: Interval | None) -> Interval:
    """Every result has its tokens and calls, so these figures always are."""
    assert figure is not None
    return figure


def _notes(table: Table) -> list[str]:
    """Say which methods' quality leaves answers out, or is not over all questions."""
    notes = []
    for name in table.methods:
        answered, unscored = len(table.of(name)), table.unscored(name)
        if unscored > 0 and not np.isnan(table.quality(name)).all():
            notes.append(
                f"{name}: {unscored} of {answered} answers could not be scored and are left out of its quality"
            )
        if answered < len(table.questions):
            notes.append(f"{name}: has results for {answered} of {len(table.questions)} questions")
    return notes

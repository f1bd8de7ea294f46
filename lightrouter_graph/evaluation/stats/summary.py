"""Statistics of a run: one record per method, for `summary.json`."""

from collections.abc import Mapping, Sequence

import numpy as np

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.questions import Question
from lightrouter_graph.evaluation.records import Interval, MethodStats, Result, RunFacts, Summary
from lightrouter_graph.evaluation.stats import bootstrap
from lightrouter_graph.evaluation.stats.bootstrap import Array, PseudoObservations
from lightrouter_graph.evaluation.stats.calibration import calibrate
from lightrouter_graph.evaluation.stats.selection import measure_selection
from lightrouter_graph.evaluation.stats.table import COSTS, LATENCIES, PERCENTILES, Table, tabulate


def summarise(
    results: Sequence[Result],
    questions: Sequence[Question],
    facts: RunFacts,
    labels: Mapping[str, str],
    against: Sequence[str] = (),
) -> Summary:
    """Compute all statistics of a run.

    A failure counts as a score of 0, with its cost. Answers without a score are left out of the quality, with a note; a
    method without any score has costs only. The USD of a method is None if the price of any of its calls is unknown.

    Args:
        results: Results of all methods, in any order; at most one per question and method.
        questions: The questions with their recorded scores.
        facts: Facts of the run; its seed is the seed of the draws.
        labels: Labels of the methods by name; default is the name.
        against: Methods that each method is compared with, over the questions scored for both.

    Raises:
        EvaluationError: If there are no results, two for one question and method, or a name in `against` has none.
    """
    table = tabulate(results)
    for name in against:
        if name not in table.methods:
            msg = f"against={name!r} has no results; known methods: {', '.join(table.methods)}"
            raise EvaluationError(msg)
    methods = [_method_stats(name, table, questions, facts, labels=labels, against=against) for name in table.methods]
    return {"facts": {**facts, "notes": [*facts["notes"], *_notes(table)]}, "methods": methods}


def _method_stats(
    name: str,
    table: Table,
    questions: Sequence[Question],
    facts: RunFacts,
    *,
    labels: Mapping[str, str],
    against: Sequence[str],
) -> MethodStats:
    """Return the statistics of one method. Equal seeds give equal draws, so differences between methods are paired."""
    results, quality, seed = table.of(name), table.quality(name), facts["seed"]
    costs = _intervals({cost: table.cost(name, cost) for cost in COSTS}, bootstrap.UNBOUNDED, seed)
    gaps = {other: quality - table.quality(other) for other in against if other != name}
    return {
        "method": name,
        "label": labels.get(name, name),
        "stand_in": "; ".join(dict.fromkeys(result["stand_in"] for result in results if result["stand_in"])),
        "count": len(results),
        "failed": sum(bool(result["error"]) for result in results),
        "quality": _intervals({"quality": quality}, bootstrap.SCORES, seed).get("quality"),
        "output_tokens": costs["output_tokens"],
        "total_tokens": costs["total_tokens"],
        "calls": costs["calls"],
        "usd": costs.get("usd"),
        **_latencies(table, name),  # type: ignore[typeddict-item]
        "against": _intervals(gaps, bootstrap.DIFFERENCES, seed),
        "by_category": _by_category(table, quality, seed),
        "calibration": calibrate(results, seed=seed),
        "selection": measure_selection(results, questions, pool=facts["candidates"], seed=seed),
    }


def _latencies(table: Table, method: str) -> dict[str, Interval | None]:
    return {
        f"{name}_{rank}": bootstrap.percentile_interval(table.column(method, read), q)
        for name, read in LATENCIES.items()
        for rank, q in PERCENTILES.items()
    }


def _by_category(table: Table, quality: Array, seed: int) -> dict[str, Interval]:
    of = {r["question"]: r["category"] for rows in table.results.values() for r in rows.values()}
    found: dict[str, Interval] = {}
    for category in sorted({category for category in of.values() if category is not None}):
        inside = np.array([of[question] == category for question in table.questions])
        found |= _intervals({category: quality[inside]}, bootstrap.SCORES, seed)
    return found


def _intervals(columns: Mapping[str, Array], pseudo: PseudoObservations, seed: int) -> dict[str, Interval]:
    """Return the mean of each column with its interval; columns without any value are left out."""
    if not columns:
        return {}
    found = bootstrap.intervals(np.stack(list(columns.values()), axis=1), pseudo, seed=seed)
    return {name: one for name, one in zip(columns, found, strict=True) if one is not None}


def _notes(table: Table) -> list[str]:
    notes = []
    for name in table.methods:
        answered, unscored = len(table.of(name)), table.unscored(name)
        if unscored > 0 and not np.isnan(table.quality(name)).all():
            notes.append(f"{name}: {unscored} of {answered} answers have no score and are left out of its quality")
        if answered < len(table.questions):
            notes.append(f"{name}: has results for {answered} of {len(table.questions)} questions")
    return notes

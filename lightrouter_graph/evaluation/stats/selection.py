"""Quality lost by the selection of a method: right candidates that were dropped, and agreement on wrong answers."""

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np

from lightrouter_graph.evaluation.questions import RIGHT, Question
from lightrouter_graph.evaluation.records import Result, Selection
from lightrouter_graph.evaluation.stats.bootstrap import SCORES, intervals
from lightrouter_graph.evaluation.stats.table import as_column, score_of

AGREEMENT = 2
"""Number of equal answers that is an agreement."""


def measure_selection(
    results: Sequence[Result], questions: Sequence[Question], *, pool: Sequence[str] | None = None, seed: int = 0
) -> Selection | None:
    """Return the selection statistics of one method; None if no result has a route.

    A question counts for `wrong_drop` and `regret` if every candidate with a boot has a recorded score, for the
    statistics of the pool if every candidate has one, for those of the agreement if the returned answer has one. The
    best score of an empty selection is 0.

    Args:
        results: Results of the method.
        questions: The questions with the recorded scores of the candidates.
        pool: Names of all candidates; None for all recorded ones.
        seed: Seed of the draws.
    """
    if all(result["route"] is None for result in results):
        return None
    recorded = {question.id: recorded_scores(question) for question in questions}
    ordered = sorted(results, key=lambda result: result["question"])
    rows = [_row(result, recorded.get(result["question"], {}), pool) for result in ordered]
    columns = np.stack([as_column(column) for column in zip(*rows, strict=True)], axis=1)
    values = zip(Selection.__annotations__, intervals(columns, SCORES, seed=seed), strict=True)
    return cast("Selection", dict(values))


def recorded_scores(question: Question) -> dict[str, float]:
    """Return the recorded score of each model that has one, by name."""
    return {name: output.score for name, output in question.outputs.items() if output.score is not None}


def _row(result: Result, recorded: Mapping[str, float], pool: Sequence[str] | None) -> tuple[float | None, ...]:
    """Return the six statistics of one question, in the order of `Selection`."""
    route = result["route"]
    if route is None:
        return None, None, None, None, *_agreed(result)
    booted = [boot["candidate"] for boot in route["boots"]]
    kept = [boot["candidate"] for boot in route["boots"] if boot["kept"]]
    whole_pool = list(recorded) if pool is None else list(pool)
    return *_dropped(booted, kept, recorded), *_dropped(whole_pool, route["kept"], recorded), *_agreed(result)


def _dropped(
    among: Sequence[str], kept: Sequence[str], recorded: Mapping[str, float]
) -> tuple[float | None, float | None]:
    """Return 1 if every right candidate was dropped (None if none was right), and the loss of the best score."""
    if not among or any(name not in recorded for name in among):
        return None, None
    best = max(recorded[name] for name in among)
    kept_best = max((recorded[name] for name in kept if name in recorded), default=0.0)
    return (float(kept_best < RIGHT) if best >= RIGHT else None), best - kept_best


def _agreed(result: Result) -> tuple[float | None, float | None]:
    """Return 1 for a wrong answer with an agreement: over all questions, and over those with an agreement."""
    score = score_of(result)
    if score is None:
        return None, None
    agreed = result["route"] is not None and result["route"]["agreed"] >= AGREEMENT
    wrong = float(score < RIGHT)
    return (wrong, wrong) if agreed else (0.0, None)

"""Predictiveness of boots: correlation and AUC between the scores of boots and of full answers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from typing_extensions import TypedDict

from lightrouter_graph.evaluation.questions import RIGHT, Question
from lightrouter_graph.evaluation.records import Interval, Point, Result
from lightrouter_graph.evaluation.stats.bootstrap import CORRELATIONS, SCORES, Array, drawn_interval, interval
from lightrouter_graph.evaluation.stats.selection import recorded_scores

POOLED_DRAWS = 1_000


@dataclass(frozen=True, slots=True)
class BootScore:
    """Score of a boot by the selector, and score (0 to 1) of the full answer of the same candidate."""

    question: str
    length: int
    candidate: str
    boot_score: float
    final_score: float


class Predictiveness(TypedDict):
    """Predictiveness at one boot length; None if it cannot be measured.

    Attributes:
        length: Boot tokens.
        varied: Questions in which boot scores and final scores both vary.
        mixed: Questions with right and wrong candidates.
        pearson: Correlation within a question, mean over the varied questions.
        spearman: Rank correlation within a question, mean over the varied questions.
        auc_within: Probability that a right candidate of a question has a higher boot score than a wrong one (a tie
            counts half), mean over the mixed questions.
        auc_pooled: The same over all boots of all questions: it also measures the difference between questions.
    """

    length: int
    questions: int
    boots: int
    varied: int
    mixed: int
    pearson: Interval | None
    spearman: Interval | None
    auc_within: Interval | None
    auc_pooled: Interval | None


def read_boot_scores(results: Sequence[Result], questions: Sequence[Question], length: int) -> list[BootScore]:
    """Return the boots with a selector score and a recorded final score, from the routes of one method.

    `length` is the number of boot tokens of the run.
    """
    recorded = {question.id: recorded_scores(question) for question in questions}
    rows = [(result["question"], boot) for result in results if result["route"] for boot in result["route"]["boots"]]
    return [
        BootScore(question, length, boot["candidate"], boot["score"], recorded[question][boot["candidate"]])
        for question, boot in rows
        if boot["score"] is not None and boot["candidate"] in recorded.get(question, {})
    ]


def measure_predictiveness(rows: Sequence[BootScore], *, seed: int = 0) -> list[Predictiveness]:
    """Return the predictiveness at each boot length, shortest first."""
    lengths = sorted({row.length for row in rows})
    return [_measure([row for row in rows if row.length == length], seed) for length in lengths]


def predictiveness_curves(figures: Sequence[Predictiveness]) -> dict[str, list[Point]]:
    """Return each statistic by boot length for `Summary.curves`; lengths without a value are left out."""
    return {
        name: [
            {"x": float(at["length"]), "y": y, "label": f"{at['length']} boot tokens"}
            for at in figures
            if (y := at[name]) is not None
        ]
        for name in ("pearson", "spearman", "auc_within", "auc_pooled")
    }


def _measure(rows: Sequence[BootScore], seed: int) -> Predictiveness:
    boots, finals = _by_question(rows)
    pearson, spearman = pearson_within(boots, finals), pearson_within(_ranks(boots), _ranks(finals))
    within = auc_within(boots, finals)
    return {
        "length": rows[0].length,
        "questions": len(boots),
        "boots": len(rows),
        "varied": int((~np.isnan(pearson)).sum()),
        "mixed": int((~np.isnan(within)).sum()),
        "pearson": interval(pearson, CORRELATIONS, seed=seed),
        "spearman": interval(spearman, CORRELATIONS, seed=seed),
        "auc_within": interval(within, SCORES, seed=seed),
        "auc_pooled": auc_pooled(boots, finals, seed=seed),
    }


def _by_question(rows: Sequence[BootScore]) -> tuple[Array, Array]:
    """Return boot and final scores as matrices (questions, candidates), NaN for a candidate without a boot."""
    questions = {name: number for number, name in enumerate(sorted({row.question for row in rows}))}
    candidates = {name: number for number, name in enumerate(sorted({row.candidate for row in rows}))}
    boots, finals = (np.full((len(questions), len(candidates)), np.nan) for _ in range(2))
    indices = [questions[row.question] for row in rows], [candidates[row.candidate] for row in rows]
    boots[indices], finals[indices] = [row.boot_score for row in rows], [row.final_score for row in rows]
    return boots, finals


def pearson_within(a: Array, b: Array) -> Array:
    """Return Pearson's correlation of each row (questions, candidates); NaN if either side is constant.

    The same values, which are NaN, are missing in both.
    """
    varied = [np.nanmax(side, axis=1) > np.nanmin(side, axis=1) for side in (a, b)]
    one, other = (side - np.nanmean(side, axis=1, keepdims=True) for side in (a, b))
    spread = np.sqrt(np.nansum(one**2, axis=1) * np.nansum(other**2, axis=1))
    usable = varied[0] & varied[1] & (spread > 0)
    raw = np.nansum(one * other, axis=1) / np.where(usable, spread, 1.0)
    return np.where(usable, np.clip(raw, -1.0, 1.0), np.nan)


def auc_within(boots: Array, finals: Array) -> Array:
    """Return the AUC of the boot score for a right final score in each row; NaN if all are right or all wrong.

    Source: the rank-sum statistic of Mann and Whitney.
    """
    right = finals >= RIGHT
    rights, wrongs = right.sum(axis=1), (finals < RIGHT).sum(axis=1)
    rank_sum = np.where(right, _ranks(boots), 0.0).sum(axis=1)
    pairs = rights * wrongs
    return np.where(pairs > 0, (rank_sum - rights * (rights + 1) / 2) / np.maximum(pairs, 1), np.nan)


def _ranks(scores: Array) -> Array:
    ranks: Array = rankdata(scores, axis=1, nan_policy="omit")
    return ranks


def auc_pooled(boots: Array, finals: Array, *, seed: int = 0, draws: int = POOLED_DRAWS) -> Interval | None:
    """Return the AUC over all boots, with its interval over questions; None if all are right or all wrong."""
    question, candidate = np.nonzero(~np.isnan(boots))
    scores, right = boots[question, candidate], finals[question, candidate] >= RIGHT
    if right.all() or not right.any():
        return None
    order = np.argsort(scores, kind="stable")
    begins = np.flatnonzero(np.diff(scores[order], prepend=-np.inf))
    ranking = question[order], right[order], begins
    value = float(_weighted_auc(np.ones((1, len(boots))), *ranking)[0])
    draw, held = (lambda part: _weighted_auc(part, *ranking)), 4 * boots.shape[1]
    return drawn_interval(value, len(boots), draw, seed=seed, draws=draws, held=held)


def _weighted_auc(
    weights: Array, question: NDArray[np.int64], right: NDArray[np.bool_], begins: NDArray[np.int64]
) -> Array:
    """Return the AUC in each draw; boots are sorted by score, `begins` has the first index of each distinct score."""
    each = weights[:, question]
    rights = np.add.reduceat(each * right, begins, axis=1)
    wrongs = np.add.reduceat(each * ~right, begins, axis=1)
    beaten = wrongs.cumsum(axis=1) - wrongs / 2
    auc: Array = (rights * beaten).sum(axis=1) / (rights.sum(axis=1) * wrongs.sum(axis=1))
    return auc

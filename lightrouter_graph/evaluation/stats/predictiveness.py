"""Does a boot predict the full answer? Boot scores against final scores, within questions and over all of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from typing_extensions import TypedDict

from lightrouter_graph.evaluation.questions import Question
from lightrouter_graph.evaluation.records import Interval, Point, Result
from lightrouter_graph.evaluation.stats.bootstrap import CORRELATIONS, SCORES, Array, drawn_interval, interval
from lightrouter_graph.evaluation.stats.selection import recorded_scores
from lightrouter_graph.evaluation.stats.table import RIGHT

POOLED_DRAWS = 1_000


@dataclass(frozen=True, slots=True)
class BootScore:
    """What a selector thought of one boot, and what became of it.

    Attributes:
        question: Its id.
        length: Boot tokens allowed.
        candidate: Whose boot.
        boot_score: The selector's; higher is better.
        final_score: Of the candidate's full answer, 0 to 1.
    """

    question: str
    length: int
    candidate: str
    boot_score: float
    final_score: float


class Predictiveness(TypedDict):
    """How well boot scores foretell final scores at one boot length; None where nothing can be measured.

    `pearson` and `spearman` are correlations within a question, averaged over the `varied` questions in which both
    scores vary. `auc_within` is the chance that a right candidate of a question has a higher boot score than a wrong
    one (ties count half), averaged over the `mixed` questions that have both. `auc_pooled` is the same over all boots
    of all questions, so it also credits a selector for telling easy questions from hard ones.
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
    """Read the boots that a selector scored and whose candidate has a recorded score, from the routes of one method.

    Args:
        results: Of one method.
        questions: With the recorded outputs.
        length: Boot tokens allowed in that run.
    """
    recorded = {question.id: recorded_scores(question) for question in questions}
    rows = [(result["question"], boot) for result in results if result["route"] for boot in result["route"]["boots"]]
    return [
        BootScore(question, length, boot["candidate"], boot["score"], recorded[question][boot["candidate"]])
        for question, boot in rows
        if boot["score"] is not None and boot["candidate"] in recorded.get(question, {})
    ]


def measure_predictiveness(rows: Sequence[BootScore], *, seed: int = 0) -> list[Predictiveness]:
    """Measure how well boots foretell answers, at each boot length, shortest first."""
    return [
        _measure([row for row in rows if row.length == length], seed) for length in sorted({r.length for r in rows})
    ]


def predictiveness_curves(figures: Sequence[Predictiveness]) -> dict[str, list[Point]]:
    """Return each figure against the boot length, for `Summary.curves`; lengths without it are left out."""
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
    pearson, spearman = pearson_within(boots, finals), pearson_within(ranks_within(boots), ranks_within(finals))
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
    """Lay boot and final scores out as (questions, candidates), NaN where a candidate did not boot."""
    questions = {name: number for number, name in enumerate(sorted({row.question for row in rows}))}
    candidates = {name: number for number, name in enumerate(sorted({row.candidate for row in rows}))}
    boots, finals = (np.full((len(questions), len(candidates)), np.nan) for _ in range(2))
    places = [questions[row.question] for row in rows], [candidates[row.candidate] for row in rows]
    boots[places], finals[places] = [row.boot_score for row in rows], [row.final_score for row in rows]
    return boots, finals


def pearson_within(a: Array, b: Array) -> Array:
    """Return Pearson's correlation of each row, NaN where either does not vary.

    Args:
        a: Shape (questions, candidates); NaN where missing.
        b: Likewise, missing in the same places.
    """
    varied = [np.nanmax(side, axis=1) > np.nanmin(side, axis=1) for side in (a, b)]
    one, other = (side - np.nanmean(side, axis=1, keepdims=True) for side in (a, b))
    spread = np.sqrt(np.nansum(one**2, axis=1) * np.nansum(other**2, axis=1))
    usable = varied[0] & varied[1] & (spread > 0)
    raw = np.nansum(one * other, axis=1) / np.where(usable, spread, 1.0)
    return np.where(usable, np.clip(raw, -1.0, 1.0), np.nan)


def ranks_within(scores: Array) -> Array:
    """Return the rank of each score in its row from 1, ties at their mean rank, NaN where missing."""
    below = (scores[:, None, :] < scores[:, :, None]).sum(axis=2)
    equal = (scores[:, None, :] == scores[:, :, None]).sum(axis=2)
    return np.where(np.isnan(scores), np.nan, below + (equal + 1) / 2)


def auc_within(boots: Array, finals: Array) -> Array:
    """Return the AUC of boot score for "right" in each row, NaN where all are right or all wrong."""
    right = finals >= RIGHT
    wrong = finals < RIGHT
    pairs = right[:, :, None] & wrong[:, None, :]
    won = (boots[:, :, None] > boots[:, None, :]) + 0.5 * (boots[:, :, None] == boots[:, None, :])
    count = pairs.sum(axis=(1, 2))
    return np.where(count > 0, (won * pairs).sum(axis=(1, 2)) / np.maximum(count, 1), np.nan)


def auc_pooled(boots: Array, finals: Array, *, seed: int = 0, draws: int = POOLED_DRAWS) -> Interval | None:
    """Return the AUC of boot score for "right" over all boots, with its interval over questions.

    Args:
        boots: Shape (questions, candidates); NaN where missing.
        finals: Likewise.
        seed: Of the draws.
        draws: How many.

    Returns:
        None where all are right or all wrong.
    """
    question, candidate = np.nonzero(~np.isnan(boots))
    scores, right = boots[question, candidate], finals[question, candidate] >= RIGHT
    if right.all() or not right.any():
        return None
    order = np.argsort(scores, kind="stable")
    begins = np.flatnonzero(np.diff(scores[order], prepend=-np.inf))
    ranking = question[order], right[order], begins
    # A draw that gives all its weight to one side cannot happen: every weight is above 0.
    value = float(_weighted_auc(np.ones((1, len(boots))), *ranking)[0])
    held = 4 * boots.shape[1]
    return drawn_interval(
        value, len(boots), lambda part: _weighted_auc(part, *ranking), seed=seed, draws=draws, held=held
    )


def _weighted_auc(
    weights: Array, question: NDArray[np.int64], right: NDArray[np.bool_], begins: NDArray[np.int64]
) -> Array:
    """Return the AUC in each draw; boots come lowest score first, `begins` says where each distinct score begins."""
    each = weights[:, question]
    rights = np.add.reduceat(each * right, begins, axis=1)
    wrongs = np.add.reduceat(each * ~right, begins, axis=1)
    beaten = wrongs.cumsum(axis=1) - wrongs / 2
    auc: Array = (rights * beaten).sum(axis=1) / (rights.sum(axis=1) * wrongs.sum(axis=1))
    return auc

"""How likely an answer is right, judged by its looks alone: plain features of its text and a candidate's history."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from lightrouter_graph.evaluation.methods.base import Said, Setting
from lightrouter_graph.evaluation.methods.history import Past, key_of, scored_outputs
from lightrouter_graph.evaluation.methods.regression import Floats, fit_logistic, predict_unseen
from lightrouter_graph.evaluation.questions import Question, fold_of, mean_scores

_PARTS = 5
_HEDGES = re.compile(
    r"\b(?:maybe|perhaps|possibly|probably|might|seems?|likely|unsure|not sure|unclear|cannot|assum\w+|roughly)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Habits:
    """What one candidate's answers are like: its mean score in logits, and the median length in characters."""

    prior: float
    characters: float


@dataclass(frozen=True, slots=True)
class Scorer:
    """A logistic regression on the looks of an answer."""

    habits: Mapping[str, Habits]
    regression: Any

    def chance(self, said: Said, question: Question) -> float:
        """Return how likely an answer is right, 0 to 1; reads its text and the question's, nothing else."""
        habits, finished = self.habits[said.candidate.name], said.completion.finished
        looks = looks_of(said.text, question.text, habits, keyed=said.key is not None, finished=finished)
        return float(self.regression.predict_proba(np.array([looks]))[0, 1])


@dataclass(frozen=True, slots=True)
class Training:
    """A scorer and what it was trained on.

    Attributes:
        rows: The scored outputs of the history, n >= 1.
        unseen: (n,), the chance each was given by a scorer that had seen no answer to its question.
        scorer: The one trained on all rows.
    """

    rows: tuple[Past, ...]
    unseen: Floats
    scorer: Scorer


def train(setting: Setting) -> Training:
    """Fit a scorer on every scored output of the history, at least one."""
    rows, habits = tuple(scored_outputs(setting)), habits_of(setting)
    looks = np.array([_looks_of(row, habits[row.candidate]) for row in rows])
    scores = np.array([row.score for row in rows])
    parts = np.array([fold_of(row.question.id, _PARTS) for row in rows])
    return Training(rows, predict_unseen(looks, scores, parts), Scorer(habits, fit_logistic(looks, scores)))


def habits_of(setting: Setting) -> dict[str, Habits]:
    """Measure the candidates; one without outputs in the history passes for average."""
    means, lengths = mean_scores(setting.history, setting.pool.names), _lengths(setting)
    usual = median([length for row in lengths.values() for length in row] or [1])
    return {name: Habits(_logit(means[name]), float(median(lengths[name] or [usual]))) for name in means}


def looks_of(text: str, question: str, habits: Habits, *, keyed: bool, finished: bool) -> list[float]:
    """Return the features of one answer: 7 numbers.

    Args:
        text: The answer.
        question: What was asked.
        habits: Of whoever wrote it.
        keyed: Whether it holds a short answer to compare by.
        finished: Whether its writer ended by itself.
    """
    length = math.log((len(text) + 1) / (habits.characters + 1))
    hedges = math.log1p(len(_HEDGES.findall(text)))
    return [habits.prior, length, abs(length), float(finished), float(keyed), hedges, math.log1p(len(question))]


def _looks_of(past: Past, habits: Habits) -> list[float]:
    text, question = past.output.text, past.question.text
    return looks_of(text, question, habits, keyed=key_of(text, question) is not None, finished=past.output.finished)


def _lengths(setting: Setting) -> dict[str, list[int]]:
    lengths: dict[str, list[int]] = {name: [] for name in setting.pool.names}
    for past in scored_outputs(setting):
        lengths[past.candidate].append(len(past.output.text))
    return lengths


def _logit(share: float) -> float:
    p = min(max(share, 0.02), 0.98)
    return math.log(p / (1 - p))

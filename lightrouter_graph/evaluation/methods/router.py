"""A router between two candidates: the question alone decides whether the strong one is worth its price."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.methods.base import Need, Reply, Setting
from lightrouter_graph.evaluation.methods.history import mean_costs, require_history, trusted
from lightrouter_graph.evaluation.methods.regression import Floats, fit_logistic, predict_unseen
from lightrouter_graph.evaluation.methods.sampling import ask_all
from lightrouter_graph.evaluation.questions import Question, fold_of
from lightrouter_graph.pool import Candidate

_BUCKETS = 256
_GRAMS = (3, 4, 5)
_RIDGE = 30.0
"""Strong: hundreds of questions are few for hundreds of features."""

_PARTS = 5
_ROUNDING = 1 + 1e-9

_WEAK_COSTS = 1 / 3
"""The weak candidate costs at most this part of the strong one, where there is one so cheap."""


@dataclass(frozen=True, slots=True)
class Features:
    """Turns questions into numbers: hashed character n-grams, rarer ones weighing more, and the length."""

    rarity: Floats

    @classmethod
    def learnt_from(cls, questions: Sequence[Question]) -> "Features":
        """Measure in how many of the questions each n-gram occurs."""
        found = np.array([_gram_counts(question.text) > 0 for question in questions])
        return cls(np.log((1 + len(questions)) / (1 + found.sum(axis=0))) + 1)

    def of(self, questions: Sequence[Question]) -> Floats:
        """Return (n, 257) features of n questions."""
        return np.array([self._row(question.text) for question in questions])

    def _row(self, text: str) -> Floats:
        weighed = np.log1p(_gram_counts(text)) * self.rarity
        return np.append(weighed / max(float(np.linalg.norm(weighed)), 1e-9), np.log1p(len(text)))


@dataclass(frozen=True, slots=True)
class FittedRouter:
    """Asks the strong candidate where it is likely to win, else the weak one."""

    strong: Candidate
    weak: Candidate
    features: Features
    regression: Any
    threshold: float
    max_tokens: int | None

    async def answer(self, question: Question) -> Reply:
        """Ask one of the two.

        Raises:
            NoSurvivorError: If it fails.
        """
        wins = float(self.regression.predict_proba(self.features.of([question]))[0, 1])
        chosen = self.strong if wins >= self.threshold else self.weak
        (said,) = await ask_all([chosen], question, max_tokens=self.max_tokens)
        return Reply(said.text, chosen=chosen.name, streamed=True)


@dataclass(frozen=True, slots=True)
class TwoModelRouter:
    """Sends the questions on which the strong candidate is likeliest to do better to it, the others to the weak one.

    Strong is the best on the history; weak the best of those that cost at most a third of it there, else the cheapest.

    Attributes:
        percent: How many of a hundred questions go to the strong one, 0 to 100; measured on the history.

    Source: arXiv 2406.18665. Deviation: the win predictor is a logistic regression on hashed character n-grams, fitted
    on recorded scores of this task instead of on preferences from elsewhere.
    """

    percent: int = 50

    def __post_init__(self) -> None:
        if not 0 <= self.percent <= 100:
            msg = f"{self.name!r}: the share of strong calls must be 0 to 100 percent, got {self.percent}"
            raise EvaluationError(msg)

    @property
    def name(self) -> str:
        """Return "router-" and the percentage."""
        return f"router-{self.percent}"

    @property
    def label(self) -> str:
        """For tables."""
        return f"two-model router (RouteLLM-like), {self.percent} % strong"

    @property
    def needs(self) -> frozenset[Need]:
        """What the pair, the predictor and the threshold are learnt from."""
        return frozenset({"history"})

    def fit(self, setting: Setting) -> FittedRouter:
        """Choose the pair, learn when the strong one wins, and set the threshold.

        The threshold is a quantile of the chances given to questions the predictor had not seen: those it had seen
        look surer than new ones will.

        Raises:
            EvaluationError: If there is no question in the history that both have scored answers to.
        """
        require_history(setting, self.name)
        strong, weak = choose_pair(setting)
        asked, wins = _wins(setting.history, strong.name, weak.name)
        if not asked:
            msg = f"{self.name!r}: no question of the history has scored answers of {strong.name!r} and {weak.name!r}"
            raise EvaluationError(msg)
        features = Features.learnt_from(asked)
        rows, parts = features.of(asked), np.array([fold_of(question.id, _PARTS) for question in asked])
        threshold = _threshold(predict_unseen(rows, wins, parts, ridge=_RIDGE), self.percent)
        regression = fit_logistic(rows, wins, ridge=_RIDGE)
        return FittedRouter(strong, weak, features, regression, threshold, setting.max_tokens)


def choose_pair(setting: Setting) -> tuple[Candidate, Candidate]:
    """Return the strong and the weak candidate; the same twice in a pool of one."""
    strong, *others = trusted(setting)
    if not others:
        return strong, strong
    costs = mean_costs(setting)
    cheap = [other for other in others if costs[other.name] <= costs[strong.name] * _WEAK_COSTS * _ROUNDING]
    return strong, cheap[0] if cheap else min(others, key=lambda other: costs[other.name])


def _threshold(chances: Floats, percent: int) -> float:
    if percent in {0, 100}:
        return float("inf") if percent == 0 else 0.0
    return float(np.quantile(chances, 1 - percent / 100))


def _wins(history: Sequence[Question], strong: str, weak: str) -> tuple[list[Question], Floats]:
    """Return the questions both answered, and for each 1 where the strong one scored higher, else 0."""
    asked, wins = [], []
    for question in history:
        better, worse = (question.outputs[name].score if name in question.outputs else None for name in (strong, weak))
        if better is not None and worse is not None:
            asked.append(question)
            wins.append(float(better > worse))
    return asked, np.array(wins)


@lru_cache(maxsize=1 << 14)
def _gram_counts(text: str) -> Floats:
    data = text.lower().encode()
    grams = (data[start : start + size] for size in _GRAMS for start in range(len(data) - size + 1))
    places = np.fromiter((zlib.crc32(gram) % _BUCKETS for gram in grams), dtype=np.int64)
    return np.bincount(places, minlength=_BUCKETS).astype(np.float64)

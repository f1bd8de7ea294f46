"""Predicts whether an answer is right from plain features of its text and the history of its candidate."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from lightrouter_graph.evaluation.methods.base import Setting
from lightrouter_graph.evaluation.methods.history import Past, key_of, scored_outputs
from lightrouter_graph.evaluation.methods.regression import Floats, fit_logistic, predict_unseen
from lightrouter_graph.evaluation.methods.sampling import CandidateReply
from lightrouter_graph.evaluation.questions import Question, fold_of, mean_scores

_PARTS = 5
_HEDGES = re.compile(
    r"\b(?:maybe|perhaps|possibly|probably|might|seems?|likely|unsure|not sure|unclear|cannot|assum\w+|roughly)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class CandidateStats:
    """Mean score of a candidate in logits, and the median length of its answers in characters."""

    prior: float
    characters: float


@dataclass(frozen=True, slots=True)
class QualityModel:
    """Logistic regression on `answer_features`."""

    stats: Mapping[str, CandidateStats]
    regression: Any

    def probability(self, reply: CandidateReply, question: Question) -> float:
        """Return the predicted probability that a reply of a candidate in `stats` is right, 0 to 1."""
        stats, finished = self.stats[reply.candidate.name], reply.completion.finished
        row = answer_features(reply.text, question.text, stats, keyed=reply.key is not None, finished=finished)
        return float(self.regression.predict_proba(np.array([row]))[0, 1])


@dataclass(frozen=True, slots=True)
class Training:
    """A quality model, the n >= 1 scored outputs of the history, and the cross-validated probability of each, (n,)."""

    rows: tuple[Past, ...]
    unseen: Floats
    model: QualityModel


def train(setting: Setting) -> Training:
    """Fit a quality model on the scored outputs of the history, of which there is at least one."""
    rows, stats = tuple(scored_outputs(setting)), _candidate_stats(setting)
    features = np.array([_features_of(row, stats[row.candidate]) for row in rows])
    scores = np.array([row.score for row in rows])
    parts = np.array([fold_of(row.question.id, _PARTS) for row in rows])
    return Training(rows, predict_unseen(features, scores, parts), QualityModel(stats, fit_logistic(features, scores)))


def _candidate_stats(setting: Setting) -> dict[str, CandidateStats]:
    """Return the stats of each candidate; one without outputs in the history gets average values."""
    means = mean_scores(setting.history, setting.pool.names)
    lengths: dict[str, list[int]] = {name: [] for name in setting.pool.names}
    for past in scored_outputs(setting):
        lengths[past.candidate].append(len(past.output.text))
    usual = median([length for row in lengths.values() for length in row] or [1])
    return {name: CandidateStats(_logit(means[name]), float(median(lengths[name] or [usual]))) for name in means}


def answer_features(text: str, question: str, stats: CandidateStats, *, keyed: bool, finished: bool) -> list[float]:
    """Return the 7 features of an answer.

    Args:
        text: Text of the answer.
        question: Text of the question.
        stats: Stats of its candidate.
        keyed: True if the answer has an answer key.
        finished: True if the model ended the answer itself, False if it was truncated.
    """
    length = math.log((len(text) + 1) / (stats.characters + 1))
    hedges = math.log1p(len(_HEDGES.findall(text)))
    return [stats.prior, length, abs(length), float(finished), float(keyed), hedges, math.log1p(len(question))]


def _features_of(past: Past, stats: CandidateStats) -> list[float]:
    text, question = past.output.text, past.question.text
    keyed = key_of(text, question) is not None
    return answer_features(text, question, stats, keyed=keyed, finished=past.output.finished)


def _logit(share: float) -> float:
    p = min(max(share, 0.02), 0.98)
    return math.log(p / (1 - p))

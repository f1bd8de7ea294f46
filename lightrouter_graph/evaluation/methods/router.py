"""Router between two candidates: a classifier on the text of the question selects the strong or the weak model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.methods.base import HISTORY, Baseline, Reply, Setting
from lightrouter_graph.evaluation.methods.history import by_history, mean_costs, require_history
from lightrouter_graph.evaluation.methods.regression import Floats, fit_logistic, predict_unseen
from lightrouter_graph.evaluation.methods.sampling import ask_all
from lightrouter_graph.evaluation.optional_dependencies import need
from lightrouter_graph.evaluation.questions import Question, fold_of
from lightrouter_graph.pool import Candidate

_BUCKETS = 256
_RIDGE = 30.0  # strong: a history has hundreds of questions for hundreds of features
_PARTS = 5
_ROUNDING = 1 + 1e-9
_MAX_WEAK_COST = 1 / 3
"""Maximum cost of the weak candidate as a share of the cost of the strong one, if any candidate is that cheap."""


@dataclass(frozen=True, slots=True)
class _FittedRouter:
    """Calls the strong candidate if its predicted probability to do better reaches the threshold, else the weak one."""

    strong: Candidate
    weak: Candidate
    features: Any
    regression: Any
    threshold: float
    max_tokens: int | None

    async def answer(self, question: Question) -> Reply:
        """Return the answer of the selected candidate; a failed call raises `NoSurvivorError`."""
        wins = float(self.regression.predict_proba(self.features.transform([question.text]).toarray())[0, 1])
        chosen = self.strong if wins >= self.threshold else self.weak
        (reply,) = await ask_all([chosen], question, max_tokens=self.max_tokens)
        return Reply(reply.text, chosen=chosen.name, streamed=True)


def two_model_router(percent: int = 50) -> Baseline:
    """Return the method that sends the questions with the highest predicted gain to the strong candidate.

    Args:
        percent: Share of the questions for the strong candidate in percent, 0 to 100; measured on the history.

    Source: arXiv 2406.18665. Deviation: the predictor is a logistic regression on hashed character n-grams, fitted on
    recorded scores of this task instead of on preference data.
    """
    name = f"router-{percent}"
    if not 0 <= percent <= 100:
        msg = f"method {name!r}: the share of strong calls must be 0 to 100 percent, got {percent}"
        raise EvaluationError(msg)
    label = f"two-model router (RouteLLM-like), {percent} % strong"
    return Baseline(name, label, lambda setting: fit_router(setting, percent), HISTORY)


def fit_router(setting: Setting, percent: int) -> _FittedRouter:
    """Select the pair, fit the predictor and set the threshold.

    The threshold is a quantile of cross-validated probabilities: in-sample probabilities would be too extreme.
    """
    require_history(setting, f"router-{percent}")
    strong, weak = choose_pair(setting)
    questions, wins = _wins(setting.history, strong.name, weak.name)
    if not questions:
        msg = f"'router-{percent}': no question of the history has scored answers of {strong.name!r} and {weak.name!r}"
        raise EvaluationError(msg)
    features = question_features()
    rows = features.fit_transform([question.text for question in questions]).toarray()
    parts = np.array([fold_of(question.id, _PARTS) for question in questions])
    threshold = _threshold(predict_unseen(rows, wins, parts, ridge=_RIDGE), percent)
    regression = fit_logistic(rows, wins, ridge=_RIDGE)
    return _FittedRouter(strong, weak, features, regression, threshold, setting.max_tokens)


def question_features() -> Any:
    """Return the unfitted scikit-learn transformer of n texts into a sparse matrix (n, 257).

    The columns are TF-IDF weights of 3- to 5-character n-grams in 256 buckets, and the log length.
    """
    text, pipeline, preprocessing = (
        need(f"sklearn.{name}", extra="eval", what="the two-model router")
        for name in ("feature_extraction.text", "pipeline", "preprocessing")
    )
    settings = {"analyzer": "char", "ngram_range": (3, 5), "alternate_sign": False, "norm": None}
    hashed = text.HashingVectorizer(n_features=_BUCKETS, **settings)
    length = preprocessing.FunctionTransformer(_log_lengths)
    return pipeline.make_union(pipeline.make_pipeline(hashed, text.TfidfTransformer(sublinear_tf=True)), length)


def choose_pair(setting: Setting) -> tuple[Candidate, Candidate]:
    """Return the strong and the weak candidate; the same candidate twice for a pool of one.

    Strong is the candidate with the highest mean score. Weak is the best of those that cost at most a third of it,
    else the cheapest.
    """
    strong, *others = by_history(setting)
    if not others:
        return strong, strong
    costs = mean_costs(setting)
    cheap = [other for other in others if costs[other.name] <= costs[strong.name] * _MAX_WEAK_COST * _ROUNDING]
    return strong, cheap[0] if cheap else min(others, key=lambda other: costs[other.name])


def _log_lengths(texts: Sequence[str]) -> Floats:
    return np.log1p([[len(text)] for text in texts])


def _threshold(probabilities: Floats, percent: int) -> float:
    if percent in {0, 100}:
        return float("inf") if percent == 0 else 0.0
    return float(np.quantile(probabilities, 1 - percent / 100))


def _wins(history: Sequence[Question], strong: str, weak: str) -> tuple[list[Question], Floats]:
    """Return the questions that both answered, and for each 1.0 if the strong candidate scored higher, else 0.0."""
    questions, wins = [], []
    for question in history:
        better, worse = (question.outputs[name].score if name in question.outputs else None for name in (strong, weak))
        if better is not None and worse is not None:
            questions.append(question)
            wins.append(float(better > worse))
    return questions, np.array(wins)

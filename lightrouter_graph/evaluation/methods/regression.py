"""Logistic regression on scores of 0 to 1, fitted by scikit-learn (extra `eval`)."""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from lightrouter_graph.evaluation.optional_dependencies import need

Floats: TypeAlias = npt.NDArray[np.float64]


def fit_logistic(features: Floats, targets: Floats, *, ridge: float = 1.0) -> Any:
    """Fit a logistic regression on standardised features.

    Args:
        features: (n, f), n >= 1; a constant column has no effect.
        targets: (n,), each 0 to 1. A fractional target counts as that share of a right and of a wrong answer.
        ridge: L2 penalty on the weights, > 0; the intercept has none.

    Returns:
        The fitted scikit-learn pipeline: `predict_proba(features)[:, 1]` is the probability of each row, 0 to 1.
    """
    rows, labels, weights = _weighted(features, targets)
    return _pipeline(ridge).fit(rows, labels, logisticregression__sample_weight=weights)


def predict_unseen(features: Floats, targets: Floats, parts: npt.NDArray[np.int64], *, ridge: float = 1.0) -> Floats:
    """Predict every row by a regression fitted on the rows of the other parts (cross-validation).

    `parts` (n,) has the part of each row; a single part is predicted by a regression fitted on itself. The other
    arguments are those of `fit_logistic`. Returns the probability of each row, (n,), 0 to 1.
    """
    if len(np.unique(parts)) == 1:
        return np.asarray(fit_logistic(features, targets, ridge=ridge).predict_proba(features)[:, 1])
    rows, labels, weights = _weighted(features, targets)
    selection = need("sklearn.model_selection", extra="eval", what="a regression")
    probabilities = selection.cross_val_predict(
        _pipeline(ridge),
        rows,
        labels,
        cv=selection.PredefinedSplit(np.tile(parts, 2)),
        params={"logisticregression__sample_weight": weights},
        method="predict_proba",
    )
    return np.asarray(probabilities[: len(targets), 1])


def _weighted(features: Floats, targets: Floats) -> tuple[Floats, Floats, Floats]:
    """Duplicate each row: label 1 with its target as the weight, label 0 with the rest."""
    labels = np.repeat([1.0, 0.0], len(targets))
    return np.vstack([features, features]), labels, np.concatenate([targets, 1 - targets])


def _pipeline(ridge: float) -> Any:
    linear_model, pipeline, preprocessing = (
        need(f"sklearn.{name}", extra="eval", what="a regression")
        for name in ("linear_model", "pipeline", "preprocessing")
    )
    regression = linear_model.LogisticRegression(C=1 / ridge, max_iter=1000)
    return pipeline.make_pipeline(preprocessing.StandardScaler(), regression)

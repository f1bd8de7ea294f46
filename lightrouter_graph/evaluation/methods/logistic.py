"""Logistic regression in a few lines of numpy.

The regressions here have tens to hundreds of features and at most thousands of rows, which Newton's method solves in a
moment: scikit-learn would be a dependency of a hundred megabytes for this one function.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from threadpoolctl import ThreadpoolController

Floats: TypeAlias = npt.NDArray[np.float64]

_BLAS = ThreadpoolController()
"""Matrices this small are multiplied five times as fast by one thread as by two that wait for each other."""

_STEPS = 25
_LOGIT = 30.0
"""Logits beyond are as good as certain, and `exp` of them still a number."""


@dataclass(frozen=True, slots=True)
class Logistic:
    """A fitted regression.

    Attributes:
        weights: (f + 1,), of the standardised features; the last is the intercept.
        mean: (f,), what is subtracted from each feature.
        scale: (f,), what each is then divided by; infinite for one that never varied.
    """

    weights: Floats
    mean: Floats
    scale: Floats

    def predict(self, features: Floats) -> Floats:
        """Return the probability of each row, 0 to 1.

        Args:
            features: (n, f), as they were fitted.
        """
        return _sigmoid(_standard(features, self.mean, self.scale) @ self.weights)


def fit_logistic(features: Floats, targets: Floats, *, ridge: float = 1.0) -> Logistic:
    """Fit by Newton's method.

    Args:
        features: (n, f), n >= 1; a constant column has no effect.
        targets: (n,), each 0 to 1.
        ridge: Penalty on the squared weights of the standardised features, > 0. The intercept has a thousandth of it,
            so that it stays finite where all targets are equal.
    """
    mean, deviation = features.mean(axis=0), features.std(axis=0)
    scale = np.where(deviation > 1e-9, deviation, np.inf)
    rows = _standard(features, mean, scale)
    penalty = np.full(rows.shape[1], ridge)
    penalty[-1] = ridge / 1000
    with _BLAS.limit(limits=1, user_api="blas"):
        return Logistic(_newton(rows, targets, penalty), mean, scale)


def predict_unseen(features: Floats, targets: Floats, parts: npt.NDArray[np.int64], *, ridge: float = 1.0) -> Floats:
    """Predict every row by a regression fitted on the rows of other parts: what to expect of new questions.

    Args:
        features: (n, f).
        targets: (n,), each 0 to 1.
        parts: (n,), the part of each row; a single part is predicted by its own regression.
        ridge: As for `fit_logistic`.
    """
    chances = np.empty(len(targets))
    for part in np.unique(parts):
        held = parts == part
        known = held if held.all() else ~held
        chances[held] = fit_logistic(features[known], targets[known], ridge=ridge).predict(features[held])
    return chances


def _newton(rows: Floats, targets: Floats, penalty: Floats) -> Floats:
    weights = np.zeros(rows.shape[1])
    for _ in range(_STEPS):
        chance = _sigmoid(rows @ weights)
        slope = rows.T @ (chance - targets) + penalty * weights
        bend = (rows.T * (chance * (1 - chance))) @ rows + np.diag(penalty)
        step = np.linalg.solve(bend, slope)
        weights = weights - step
        if np.abs(step).max() < 1e-6:
            break
    return weights


def _standard(features: Floats, mean: Floats, scale: Floats) -> Floats:
    return np.hstack([(features - mean) / scale, np.ones((len(features), 1))])


def _sigmoid(logits: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -_LOGIT, _LOGIT))))

"""Bayesian bootstrap over questions, with the same draws for all methods, so that differences are paired.

Each draw weights the questions by independent standard exponential weights (Rubin 1981, Annals of Statistics 9:130). If
a statistic has known bounds, the weight of one question is distributed over pseudo-observations at the bounds. For
scores of 0 and 1 this gives Jeffreys' interval of a proportion (Brown, Cai, DasGupta 2001, Statistical Science 16:101).

Own code, because `scipy.stats.bootstrap` has no pseudo-observations: its intervals of near-perfect scores are too short
(50 right of 50 is no proof of 100 %). tests/evaluation/stats/test_bootstrap.py has simulated coverages of all three.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binom

from lightrouter_graph.evaluation.records import Interval

Array = NDArray[np.float64]
PseudoObservations = Sequence[tuple[float, float]]
"""Pairs (value, weight in questions)."""

SCORES: PseudoObservations = ((0.0, 0.5), (1.0, 0.5))
CORRELATIONS: PseudoObservations = ((-1.0, 0.5), (1.0, 0.5))
DIFFERENCES: PseudoObservations = ((-1.0, 0.25), (0.0, 0.5), (1.0, 0.25))
"""For differences of two scores: a quarter of a question for each pair of bounds."""
UNBOUNDED: PseudoObservations = ()

DRAWS = 2_000
TAIL = 0.025
CHUNK = 2_000_000  # numbers in memory at once


def draw_weights(count: int, *, seed: int, stream: int = 0, draws: int = DRAWS, held: int = 1) -> Iterator[Array]:
    """Draw weights of `count` questions in parts, so that memory is bounded; the parts do not change the numbers.

    Args:
        count: Number of questions.
        seed: Equal seeds give all methods the same draws.
        stream: Index of an independent stream, for independent sets of questions.
        draws: Number of draws in total.
        held: Numbers per question that the caller derives from each weight.

    Yields:
        Arrays of shape (part of draws, count) with mean 1; `draws` rows in total.
    """
    source = np.random.default_rng([stream, seed])
    rows = max(1, CHUNK // max(1, count * held))
    for begin in range(0, draws, rows):
        yield source.standard_exponential((min(rows, draws - begin), count))


def mean_draws(
    columns: Array, pseudo: PseudoObservations = UNBOUNDED, *, seed: int = 0, stream: int = 0, draws: int = DRAWS
) -> Array:
    """Return the weighted mean of each column (questions, columns) in each draw: shape (draws, columns).

    NaN marks missing values, which are left out; a column without any value has NaN. See `draw_weights`.
    """
    known = ~np.isnan(columns)
    filled, present = np.where(known, columns, 0.0), known.astype(float)
    drawn = draw_weights(len(columns), seed=seed, stream=stream, draws=draws)
    parts = [(part @ filled, part @ present) for part in drawn]
    sums, weights = (np.concatenate(side) for side in zip(*parts, strict=True))
    ghosts = np.random.default_rng([stream, seed, 1])
    for value, weight in pseudo:
        ghost = ghosts.standard_gamma(weight, draws)[:, None]
        sums, weights = sums + value * ghost, weights + ghost
    return np.where(known.any(axis=0), sums / np.where(weights > 0, weights, 1.0), np.nan)


def _column_means(columns: Array) -> Array:
    """Return the mean of the known values of each column; NaN for a column without any."""
    known = ~np.isnan(columns)
    counts = known.sum(axis=0)
    return np.where(counts > 0, np.where(known, columns, 0.0).sum(axis=0) / np.maximum(counts, 1), np.nan)


def as_interval(value: float, draws: Array) -> Interval:
    """Return the central 95 % of the draws, extended to the value if it is outside (as for 0 % or 100 % right)."""
    low, high = np.quantile(draws, [TAIL, 1 - TAIL])
    return {"value": float(value), "low": float(min(low, value)), "high": float(max(high, value))}


def intervals(
    columns: ArrayLike, pseudo: PseudoObservations = UNBOUNDED, *, seed: int = 0, draws: int = DRAWS
) -> list[Interval | None]:
    """Return the mean of each column with its interval, all from the same draws; None for a column without any value.

    Args:
        columns: Shape (questions, columns); NaN for a missing value.
        pseudo: `SCORES`, `DIFFERENCES`, `CORRELATIONS` or `UNBOUNDED`, by the type of the values.
        seed: Seed of the draws.
        draws: Number of draws.
    """
    table = np.asarray(columns, dtype=float)
    if table.size == 0:
        return [None] * table.shape[1]
    drawn = mean_draws(table, pseudo, seed=seed, draws=draws)
    values = _column_means(table)
    return [None if np.isnan(value) else as_interval(value, drawn[:, number]) for number, value in enumerate(values)]


def interval(
    values: ArrayLike, pseudo: PseudoObservations = UNBOUNDED, *, seed: int = 0, draws: int = DRAWS
) -> Interval | None:
    """Return the mean of one column with its interval; see `intervals`."""
    return intervals(np.asarray(values, dtype=float).reshape(-1, 1), pseudo, seed=seed, draws=draws)[0]


def paired(
    a: ArrayLike, b: ArrayLike, pseudo: PseudoObservations = DIFFERENCES, *, seed: int = 0, draws: int = DRAWS
) -> Interval | None:
    """Return mean(a - b) with its interval, over the same questions in the same order; see `intervals`."""
    pairs = zip(np.asarray(a, dtype=float), np.asarray(b, dtype=float), strict=True)
    return interval([one - other for one, other in pairs], pseudo, seed=seed, draws=draws)


def unpaired(
    a: ArrayLike, b: ArrayLike, pseudo: PseudoObservations = UNBOUNDED, *, seed: int = 0, draws: int = DRAWS
) -> Interval | None:
    """Return mean(a) - mean(b) with its interval, over two independent sets of questions of any length.

    The pseudo-observations are those of `a` and of `b`, not of the difference.
    """
    sides = [np.asarray(side, dtype=float).reshape(-1, 1) for side in (a, b)]
    if any(np.isnan(side).all() for side in sides):
        return None
    one, other = (mean_draws(side, pseudo, seed=seed, stream=n, draws=draws)[:, 0] for n, side in enumerate(sides))
    means = [_column_means(side)[0] for side in sides]
    return as_interval(means[0] - means[1], one - other)


def percentile_interval(values: ArrayLike, q: float) -> Interval | None:
    """Return a percentile, interpolated as by numpy, with the interval between two order statistics.

    The number of values below the true percentile is binomial, so the interval is exact without any draws (David and
    Nagaraja, Order Statistics, section 7.1) from 72 values on for q = 0.95. With fewer values it ends at the maximum
    and is too short: all of 50 values are below the true 95th percentile in 8 of 100 cases.

    Args:
        values: Values in any order; NaN is left out.
        q: Quantile, 0 < q < 1.
    """
    known = np.sort(np.asarray(values, dtype=float))
    known = known[~np.isnan(known)]
    if not known.size:
        return None
    low, high = binom.ppf(TAIL, known.size, q), binom.ppf(1 - TAIL, known.size, q) + 1
    low, high = (known[int(np.clip(rank, 1, known.size)) - 1] for rank in (low, high))
    value = float(np.quantile(known, q))
    return {"value": value, "low": float(min(low, value)), "high": float(max(high, value))}


def percentile_draws(values: Array, q: float, *, seed: int = 0, stream: int = 0, draws: int = DRAWS) -> Array:
    """Return the quantile q, 0 < q < 1, of one value per question (NaN if missing) in each draw: shape (draws,)."""
    order = np.argsort(values)[: int((~np.isnan(values)).sum())]
    parts: list[Array] = []
    for weights in draw_weights(len(values), seed=seed, stream=stream, draws=draws, held=2):
        reached = weights[:, order].cumsum(axis=1)
        ranks = (reached < q * reached[:, -1:]).sum(axis=1)
        parts.append(values[order][ranks])
    return np.concatenate(parts)


def drawn_interval(
    value: float, count: int, statistic: Callable[[Array], Array], *, seed: int = 0, draws: int = DRAWS, held: int = 1
) -> Interval:
    """Return the interval of a statistic that is not a mean.

    `statistic` is a function of weights, shape (d, count), to the statistic in each of these draws, shape (d,); `value`
    is the statistic with equal weights. See `draw_weights`.
    """
    parts = [statistic(part) for part in draw_weights(count, seed=seed, draws=draws, held=held)]
    return as_interval(value, np.concatenate(parts))

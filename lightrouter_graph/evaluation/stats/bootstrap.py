"""Intervals: the Bayesian bootstrap over questions, the same draws for all methods, so that differences are paired.

Each draw weighs the questions with independent standard exponential weights (Rubin 1981, Annals of Statistics 9:130).
Where a figure has known bounds, one question's weight is shared out over *phantom* questions at the bounds. For scores
of 0 and 1 this gives Jeffreys' interval of a proportion (Brown, Cai, DasGupta 2001, Statistical Science 16:101), and it
goes on being an interval where the plain bootstrap has none: 50 right of 50 is no proof of 100 %.

Chosen by simulation, 1,000 data sets each; share of nominal 95 % intervals that hold the truth:

| truth                                        | n   | percentile | BCa  | here |
|----------------------------------------------|-----|------------|------|------|
| share right 0.5                              | 50  | 0.95       | 0.96 | 0.94 |
| share right 0.9                              | 10  | 0.66       | 0.66 | 0.98 |
| share right 0.9                              | 50  | 0.97       | 0.98 | 0.94 |
| share right 0.99                             | 50  | 0.41       | 0.39 | 0.98 |
| share right 0.99                             | 400 | 0.92       | 0.98 | 0.96 |
| preferences, beta(0.2, 0.8)                  | 50  | 0.94       | 0.95 | 0.95 |
| paired difference, 2 % gained, 2 % lost      | 50  | 0.98       | 0.94 | 0.94 |
| paired difference, none gained, 5 % lost     | 20  | 0.68       | 0.68 | 1.00 |
| costs, log-normal with sigma 0.6             | 50  | 0.93       | 0.93 | 0.93 |
| costs, log-normal with sigma 1               | 50  | 0.90       | 0.91 | 0.90 |
| costs, log-normal with sigma 1               | 400 | 0.94       | 0.94 | 0.94 |

So intervals of heavy-tailed costs over a few dozen questions are a little short, whichever way they are made.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binom

from lightrouter_graph.evaluation.records import Interval

Array = NDArray[np.float64]
Phantoms = Sequence[tuple[float, float]]
"""Values and the weights they have, in questions."""

SCORES: Phantoms = ((0.0, 0.5), (1.0, 0.5))
CORRELATIONS: Phantoms = ((-1.0, 0.5), (1.0, 0.5))
DIFFERENCES: Phantoms = ((-1.0, 0.25), (0.0, 0.5), (1.0, 0.25))
"""Of two scores: a quarter of a question for each pair of a 0 or 1 with a 0 or 1."""
UNBOUNDED: Phantoms = ()

DRAWS = 2_000
TAIL = 0.025
CHUNK = 2_000_000  # numbers held at a time


def draw_weights(count: int, *, seed: int, stream: int = 0, draws: int = DRAWS, held: int = 1) -> Iterator[Array]:
    """Draw weights of `count` questions, in parts so that memory stays bounded; how it is cut changes no number.

    Args:
        count: How many questions.
        seed: Of the draws: the same seed gives all methods the same draws.
        stream: Another number gives independent draws, for questions that have nothing to do with each other.
        draws: How many in all.
        held: How many numbers per question the caller makes of each weight.

    Yields:
        Arrays of shape (some, count), mean weight 1; `draws` rows in all.
    """
    source = np.random.default_rng([stream, seed])
    rows = max(1, CHUNK // max(1, count * held))
    for begin in range(0, draws, rows):
        yield source.standard_exponential((min(rows, draws - begin), count))


def mean_draws(
    columns: Array, phantoms: Phantoms = UNBOUNDED, *, seed: int = 0, stream: int = 0, draws: int = DRAWS
) -> Array:
    """Return what the mean of each column is in each draw; NaN marks what is not known and is left out.

    Args:
        columns: Shape (questions, columns).
        phantoms: What is added at the bounds.
        seed: See `draw_weights`.
        stream: See `draw_weights`.
        draws: See `draw_weights`.

    Returns:
        Shape (draws, columns); NaN for a column without any value.
    """
    known = ~np.isnan(columns)
    filled, present = np.where(known, columns, 0.0), known.astype(float)
    parts = [
        (part @ filled, part @ present) for part in draw_weights(len(columns), seed=seed, stream=stream, draws=draws)
    ]
    sums, weights = (np.concatenate(side) for side in zip(*parts, strict=True))
    ghosts = np.random.default_rng([stream, seed, 1])
    for value, weight in phantoms:
        ghost = ghosts.standard_gamma(weight, draws)[:, None]
        sums, weights = sums + value * ghost, weights + ghost
    return np.where(known.any(axis=0), sums / np.where(weights > 0, weights, 1.0), np.nan)


def column_means(columns: Array) -> Array:
    """Return the mean of the known values of each column; NaN where there is none."""
    known = ~np.isnan(columns)
    counts = known.sum(axis=0)
    return np.where(counts > 0, np.where(known, columns, 0.0).sum(axis=0) / np.maximum(counts, 1), np.nan)


def as_interval(value: float, draws: Array) -> Interval:
    """Return the middle 95 % of the draws, widened where the value itself lies outside (as at 0 % or 100 % right)."""
    low, high = np.quantile(draws, [TAIL, 1 - TAIL])
    return {"value": float(value), "low": float(min(low, value)), "high": float(max(high, value))}


def intervals(
    columns: ArrayLike, phantoms: Phantoms = UNBOUNDED, *, seed: int = 0, draws: int = DRAWS
) -> list[Interval | None]:
    """Return the mean of each column with its interval, all from the same draws.

    Args:
        columns: Shape (questions, columns); NaN where a value is not known.
        phantoms: `SCORES`, `DIFFERENCES`, `CORRELATIONS` or `UNBOUNDED`, for what the columns hold.
        seed: Of the draws.
        draws: How many.

    Returns:
        One per column; None where no value is known.
    """
    table = np.asarray(columns, dtype=float)
    if table.size == 0:
        return [None] * table.shape[1]
    drawn = mean_draws(table, phantoms, seed=seed, draws=draws)
    values = column_means(table)
    return [None if np.isnan(value) else as_interval(value, drawn[:, number]) for number, value in enumerate(values)]


def interval(
    values: ArrayLike, phantoms: Phantoms = UNBOUNDED, *, seed: int = 0, draws: int = DRAWS
) -> Interval | None:
    """Return the mean of values, one per question, with its interval; NaN is left out, None where nothing is left.

    A single value without bounds is its own interval.
    """
    return intervals(np.asarray(values, dtype=float).reshape(-1, 1), phantoms, seed=seed, draws=draws)[0]


def paired(
    a: ArrayLike, b: ArrayLike, phantoms: Phantoms = DIFFERENCES, *, seed: int = 0, draws: int = DRAWS
) -> Interval | None:
    """Return mean(a - b) with its interval, over the same questions in the same order.

    Questions that either does not know (NaN) are left out.

    Raises:
        ValueError: If the lengths differ.
    """
    pairs = zip(np.asarray(a, dtype=float), np.asarray(b, dtype=float), strict=True)
    return interval([one - other for one, other in pairs], phantoms, seed=seed, draws=draws)


def unpaired(
    a: ArrayLike, b: ArrayLike, phantoms: Phantoms = UNBOUNDED, *, seed: int = 0, draws: int = DRAWS
) -> Interval | None:
    """Return mean(a) - mean(b) with its interval, over questions that have nothing to do with each other.

    Args:
        a: Values, NaN where not known.
        b: Values of others, in any number.
        phantoms: Those of `a` and of `b`, not of the difference.
        seed: Of the draws.
        draws: How many.
    """
    sides = [np.asarray(side, dtype=float).reshape(-1, 1) for side in (a, b)]
    if any(np.isnan(side).all() for side in sides):
        return None
    one, other = (mean_draws(side, phantoms, seed=seed, stream=n, draws=draws)[:, 0] for n, side in enumerate(sides))
    means = [column_means(side)[0] for side in sides]
    return as_interval(means[0] - means[1], one - other)


def percentile_interval(values: ArrayLike, q: float) -> Interval | None:
    """Return a percentile with the interval between two order statistics, in which the bootstrap's draws also end.

    The number of values below the true percentile is binomial, so nothing needs to be drawn and at least 95 % are held
    exactly (David and Nagaraja, Order Statistics, section 7.1), as long as there are enough values to have one beyond:
    72 for q = 0.95. With fewer the interval ends at the largest and is short: of 50 values all lie below the true
    95th percentile in 8 of 100 cases.

    Args:
        values: Any order; NaN is left out.
        q: 0 < q < 1.

    Returns:
        The percentile, interpolated as numpy does; None without values.
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
    """Return what a percentile is in each draw, shape (draws,); NaN marks questions without a value.

    At least one value must be known.
    """
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
    """Return a figure that is no mean with its interval.

    Args:
        value: The figure.
        count: How many questions.
        statistic: Weights of shape (some, count) -> the figure in each of these draws, shape (some,).
        seed: Of the draws.
        draws: How many.
        held: How many numbers per question `statistic` holds for each weight.
    """
    parts = [statistic(part) for part in draw_weights(count, seed=seed, draws=draws, held=held)]
    return as_interval(value, np.concatenate(parts))

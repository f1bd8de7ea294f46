"""Coverage of nominal 95 % intervals; each row was simulated with 1,000 data sets, a few are repeated here.

| truth                                        | n   | percentile | BCa  | this |
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

All intervals of heavy-tailed costs over a few dozen questions are slightly too short.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from lightrouter_graph.evaluation.stats.bootstrap import (
    CHUNK,
    CORRELATIONS,
    DIFFERENCES,
    SCORES,
    UNBOUNDED,
    draw_weights,
    interval,
    intervals,
    mean_draws,
    paired,
    percentile_draws,
    percentile_interval,
    unpaired,
)

SETS = 1_000
"""Simulated data sets: the share of intervals that hold the truth is then known to about 0.7 of a hundredth."""


def held(columns, truth, phantoms=UNBOUNDED):
    """The share of the columns with the truth inside of their interval."""
    found = intervals(columns, phantoms, draws=1_000)
    return np.mean([figure["low"] - 1e-12 <= truth <= figure["high"] + 1e-12 for figure in found])


@pytest.mark.parametrize(
    ("p", "n", "low", "high"),
    [
        (0.5, 50, 0.92, 0.97),
        (0.9, 50, 0.92, 0.98),
        (0.99, 50, 0.95, 1.0),
        (0.5, 400, 0.93, 0.97),
        (0.9, 400, 0.93, 0.97),
        (0.99, 400, 0.93, 0.985),
    ],
)
def test_intervals_of_shares_hold_the_truth(p, n, low, high):
    right = np.random.default_rng(1).random((n, SETS)) < p
    assert low <= held(right.astype(float), p, SCORES) <= high


def test_without_phantoms_near_perfect_shares_would_be_missed():
    right = np.random.default_rng(1).random((50, SETS)) < 0.99
    assert held(right.astype(float), 0.99, UNBOUNDED) < 0.5


@pytest.mark.parametrize(("gained", "lost"), [(0.1, 0.1), (0.02, 0.02), (0.3, 0.1), (0.0, 0.05)])
@pytest.mark.parametrize(("n", "low"), [(50, 0.90), (400, 0.925)])
def test_intervals_of_paired_differences_hold_the_truth(gained, lost, n, low):
    drawn = np.random.default_rng(2).random((n, SETS))
    gaps = np.where(drawn < gained, 1.0, np.where(drawn < gained + lost, -1.0, 0.0))
    assert low <= held(gaps, gained - lost, DIFFERENCES) <= 0.98


@pytest.mark.parametrize(("n", "low"), [(50, 0.90), (400, 0.92)])
def test_intervals_of_skewed_costs_nearly_hold_the_truth(n, low):
    costs = np.random.default_rng(3).lognormal(0, 0.6, (n, SETS))
    assert low <= held(costs, np.exp(0.18)) <= 0.97


def test_intervals_of_preferences_hold_the_truth():
    scores = np.random.default_rng(4).beta(0.2, 0.8, (50, SETS))
    assert 0.92 <= held(scores, 0.2, SCORES) <= 0.98


@pytest.mark.parametrize(
    ("q", "n", "low", "high"), [(0.5, 50, 0.94, 0.99), (0.5, 400, 0.94, 0.98), (0.95, 400, 0.94, 0.98)]
)
def test_intervals_of_percentiles_hold_the_truth(q, n, low, high):
    source, truth = np.random.default_rng(5), -np.log(1 - q)
    found = [percentile_interval(source.exponential(size=n), q) for _ in range(SETS)]
    assert low <= np.mean([figure["low"] <= truth <= figure["high"] for figure in found]) <= high


def test_the_95th_percentile_of_50_values_is_known_to_be_short():
    source, truth = np.random.default_rng(6), -np.log(0.05)
    found = [percentile_interval(source.exponential(size=50), 0.95) for _ in range(SETS)]
    assert 0.05 <= np.mean([figure["high"] < truth for figure in found]) <= 0.11


def test_intervals_of_two_samples_hold_the_truth():
    source = np.random.default_rng(7)
    found = [
        unpaired(source.random(60) < 0.7, source.random(150) < 0.9, SCORES, draws=400, seed=number)
        for number in range(400)
    ]
    assert 0.92 <= np.mean([figure["low"] <= -0.2 <= figure["high"] for figure in found]) <= 0.98


@pytest.mark.parametrize(("right", "n"), [(30, 50), (49, 50), (3, 10)])
def test_a_share_has_jeffreys_interval(right, n):
    found = interval([1.0] * right + [0.0] * (n - right), SCORES, draws=20_000)
    low, high = stats.beta.ppf([0.025, 0.975], right + 0.5, n - right + 0.5)
    assert found["value"] == right / n
    assert (found["low"], found["high"]) == pytest.approx((low, high), abs=0.006)


def test_all_right_is_no_proof_of_perfection():
    found = interval(np.ones(50), SCORES, draws=20_000)
    assert (found["value"], found["high"]) == (1.0, 1.0)
    assert found["low"] == pytest.approx(stats.beta.ppf(0.025, 50.5, 0.5), abs=0.004)


def test_no_difference_seen_is_no_proof_of_none():
    found = paired(np.ones(50), np.ones(50))
    assert found["value"] == 0.0
    assert -0.1 < found["low"] < 0 < found["high"] < 0.1


def test_intervals_of_costs_are_those_of_the_usual_bootstrap():
    costs = np.random.default_rng(8).gamma(2.0, 100.0, 300)
    usual = stats.bootstrap((costs,), np.mean, method="percentile", rng=np.random.default_rng(0)).confidence_interval
    found = interval(costs)
    assert (found["low"], found["high"]) == pytest.approx((usual.low, usual.high), rel=0.02)


def test_pairing_narrows_the_interval_of_methods_that_are_right_on_the_same_questions():
    source = np.random.default_rng(9)
    easy = source.random(300)
    a, b = (np.where(source.random(300) < 0.1, source.random(300) < 0.5, easy < 0.6).astype(float) for _ in range(2))
    together, apart = paired(a, b), unpaired(a, b, SCORES)
    assert together["value"] == pytest.approx(apart["value"])
    assert together["high"] - together["low"] < 0.6 * (apart["high"] - apart["low"])


def test_methods_share_their_draws_so_that_the_difference_of_draws_is_the_draw_of_the_difference():
    columns = np.random.default_rng(10).random((40, 2))
    drawn = mean_draws(columns, seed=3)
    assert drawn[:, 0] - drawn[:, 1] == pytest.approx(mean_draws(columns[:, :1] - columns[:, 1:], seed=3)[:, 0])


def test_unrelated_questions_have_independent_draws():
    columns = np.random.default_rng(10).random((40, 1))
    one, other = (mean_draws(columns, stream=stream)[:, 0] for stream in (0, 1))
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.1


def test_how_draws_are_cut_into_parts_changes_nothing():
    whole = np.concatenate(list(draw_weights(30, seed=1, draws=100)))
    parts = list(draw_weights(30, seed=1, draws=100, held=CHUNK // 300))
    assert len(parts) == 10
    assert np.array_equal(np.concatenate(parts), whole)


def test_memory_stays_bounded():
    assert max(part.size for part in draw_weights(6_000, seed=0, draws=1_000)) <= CHUNK


maybe = st.floats(-100, 100) | st.just(np.nan)


@given(st.lists(st.tuples(maybe, maybe), min_size=1, max_size=8), st.sampled_from([UNBOUNDED, CORRELATIONS]))
def test_draws_are_weighted_means_of_what_is_known(rows, phantoms):
    drawn = mean_draws(np.array(rows), phantoms, seed=5, draws=4)
    weights = np.concatenate(list(draw_weights(len(rows), seed=5, draws=4)))
    ghosts = np.random.default_rng([0, 5, 1])
    added = [(value, ghosts.standard_gamma(weight, 4)) for value, weight in phantoms]
    for number in range(2):
        known = [(row[number], weights[:, at]) for at, row in enumerate(rows) if not np.isnan(row[number])]
        pairs = [*known, *added]
        if known:
            expected = sum(value * weight for value, weight in pairs) / sum(weight for _, weight in pairs)
            assert drawn[:, number] == pytest.approx(expected, abs=1e-9)
        else:
            assert np.isnan(drawn[:, number]).all()


@given(st.lists(maybe, min_size=1, max_size=8).filter(lambda v: not np.isnan(v).all()), st.sampled_from([0.5, 0.95]))
def test_drawn_percentiles_are_those_of_the_weighted_values(values, q):
    drawn = percentile_draws(np.array(values), q, seed=5, draws=4)
    weights = np.concatenate(list(draw_weights(len(values), seed=5, draws=4)))
    for percentile, weight in zip(drawn, weights, strict=True):
        known = sorted((value, share) for value, share in zip(values, weight, strict=True) if not np.isnan(value))
        total = sum(share for _, share in known)
        reached = [value for at, (value, _) in enumerate(known) if sum(s for _, s in known[: at + 1]) >= q * total]
        assert percentile == reached[0]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_an_interval_holds_its_value_and_keeps_to_the_bounds(scores):
    found = interval(scores, SCORES, draws=50)
    assert 0 <= found["low"] <= found["value"] <= found["high"] <= 1


def test_what_is_not_known_is_left_out():
    assert interval([1.0, np.nan, 3.0])["value"] == 2.0
    assert paired([1.0, 1.0, np.nan], [0.0, np.nan, 1.0])["value"] == 1.0
    assert percentile_interval([np.nan, 2.0, np.nan], 0.95) == {"value": 2.0, "low": 2.0, "high": 2.0}


def test_nothing_known_has_no_interval():
    assert interval([]) is None
    assert interval([np.nan]) is None
    assert intervals(np.empty((0, 3))) == [None, None, None]
    assert paired([np.nan, 1.0], [1.0, np.nan]) is None
    assert unpaired([np.nan], [1.0]) is None
    assert percentile_interval([np.nan], 0.5) is None


def test_pairs_need_equal_lengths():
    with pytest.raises(ValueError, match="shorter"):
        paired([1.0, 2.0], [1.0])


def test_percentiles_between_hand_counted_ranks():
    """Of 10 values, 1 to 8 lie below the median in at least 97.5 % of the cases: binom(10, 0.5)."""
    found = percentile_interval(np.arange(10, 0, -1), 0.5)
    assert found == {"value": 5.5, "low": 2.0, "high": 9.0}

import numpy as np
import pytest
from evaluation.stats.made import made_result
from hypothesis import given
from hypothesis import strategies as st

from lightrouter_graph.evaluation.stats.calibration import (
    calibrate,
    measure_calibration,
)

LEVELS = np.array([0.3, 0.5, 0.7, 0.9, 0.97])


def simulated(n, true, seed):
    """Confidences at five levels, and answers with the share of right ones in `true` for each."""
    source = np.random.default_rng(seed)
    level = source.integers(0, len(LEVELS), n)
    return LEVELS[level], (source.random(n) < np.asarray(true)[level]).astype(float)


def test_the_error_of_a_hand_made_case():
    confidence = [0.25] * 20 + [0.75] * 20
    right = [1.0] * 8 + [0.0] * 12 + [1.0] * 13 + [0.0] * 7
    found = measure_calibration(confidence, right)
    assert found["ece"]["value"] == pytest.approx((abs(0.25 - 0.4) + abs(0.75 - 0.65)) / 2)
    assert found["bins"] == [
        {"confidence": 0.25, "right": 0.4, "count": 20},
        {"confidence": 0.75, "right": 0.65, "count": 20},
    ]
    assert found["count"] == 40


def test_bins_hold_equally_many_answers():
    confidence = np.linspace(0, 1, 400)
    found = measure_calibration(confidence, confidence > 0.5)
    assert [one["count"] for one in found["bins"]] == [40] * 10


@given(st.lists(st.tuples(st.sampled_from(LEVELS.tolist()), st.booleans()), min_size=1, max_size=120))
def test_bins_hold_all_answers_and_never_part_equal_confidences(answers):
    said, right = zip(*answers, strict=True)
    found = measure_calibration(said, right, draws=10)
    assert sum(one["count"] for one in found["bins"]) == found["count"] == len(answers)
    by_hand, left = 0.0, sorted(zip(said, right, strict=True))
    for one in found["bins"]:
        inside, left = left[: one["count"]], left[one["count"] :]
        assert not left or inside[-1][0] < left[0][0]
        by_hand += abs(sum(c - r for c, r in inside))
    assert found["ece"]["value"] == pytest.approx(by_hand / len(answers))


@pytest.mark.parametrize(("off", "n"), [(0.0, 100), (0.05, 400), (0.2, 100)])
def test_the_interval_holds_the_true_error(off, n):
    sets = [simulated(n, LEVELS - off, seed) for seed in range(400)]
    found = [measure_calibration(*one, draws=200)["ece"] for one in sets]
    assert 0.92 <= np.mean([figure["low"] - 1e-9 <= off <= figure["high"] + 1e-9 for figure in found]) <= 1.0


def test_answers_without_confidence_or_score_are_left_out():
    results = [
        made_result("q1", 1.0, confidence=0.8),
        made_result("q2", None, confidence=0.8),
        made_result("q3", 1.0),
        made_result("q4", None, confidence=0.4, error="lost"),
    ]
    found = calibrate(results)
    assert found["bins"] == [{"confidence": pytest.approx(0.6), "right": 0.5, "count": 2}]
    assert calibrate(results[1:3]) is None

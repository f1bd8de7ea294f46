import numpy as np
import pytest
from evaluation.figures.made import made_result
from hypothesis import given
from hypothesis import strategies as st

from lightrouter_graph.evaluation.figures.calibration import (
    calibrate,
    chance_error,
    measure_calibration,
    recalibrate,
    share_right,
)
from lightrouter_graph.evaluation.questions import fold_of

LEVELS = np.array([0.3, 0.5, 0.7, 0.9, 0.97])


def simulated(n, true, seed):
    """Confidences at five levels, and answers that are right as often as `true` says for each."""
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


def test_perfect_confidence_shows_the_error_expected_by_chance():
    errors = [measure_calibration(*simulated(400, LEVELS, seed), draws=1)["ece"]["value"] for seed in range(300)]
    assert chance_error(simulated(400, LEVELS, 0)[0]) == pytest.approx(np.mean(errors), rel=0.08)


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
    assert recalibrate(results[1:3]) is None


def answers(confidence, right):
    return [
        made_result(f"q{at}", hit, confidence=float(said))
        for at, (said, hit) in enumerate(zip(confidence, right, strict=True))
    ]


def test_recalibrating_takes_away_an_error_of_scale():
    results = answers(*simulated(1_000, LEVELS - 0.25, 1))
    assert calibrate(results)["ece"]["low"] > 0.2
    found = recalibrate(results)
    assert found["ece"]["value"] < 0.06
    assert found["ece"]["low"] == 0.0
    assert 400 < found["count"] < 600


def test_recalibrating_shows_how_wrong_what_was_learnt_still_is():
    held = []
    learnt = np.array([fold_of(f"q{at}", 2) == 0 for at in range(300)])
    for seed in range(120):
        confidence, right = simulated(300, LEVELS, seed)
        fitted = share_right(LEVELS, confidence[learnt], right[learnt])
        counts = np.array([(confidence[~learnt] == level).sum() for level in LEVELS])
        gaps = [abs(((fitted - LEVELS) * counts)[fitted == share].sum()) for share in np.unique(fitted)]
        figure = recalibrate(answers(confidence, right))["ece"]
        held.append(figure["low"] <= sum(gaps) / counts.sum() <= figure["high"])
    assert 0.9 <= np.mean(held) <= 1.0


def test_one_answer_cannot_be_learnt_from_and_measured():
    assert recalibrate(answers([0.5], [1.0])) is None


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=25))
def test_shares_keep_the_order_and_the_mean_of_what_they_learnt(learnt):
    said, right = zip(*learnt, strict=True)
    assert share_right(said, said, right).mean() == pytest.approx(np.mean(right), abs=1e-9)
    line = share_right(np.linspace(0, 1, 20), said, right)
    assert (np.diff(line) >= -1e-12).all()
    assert 0 <= line.min() <= line.max() <= 1


def test_shares_are_pooled_where_they_would_fall():
    said, right = [0.2, 0.2, 0.4, 0.4, 0.8], [0, 1, 0, 0, 1]
    assert share_right([0.0, 0.3, 0.4, 0.6, 1.0], said, right) == pytest.approx([0.25, 0.25, 0.25, 0.625, 1.0])

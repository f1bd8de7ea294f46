import numpy as np
import pytest

from lightrouter_graph.evaluation.methods.regression import fit_logistic, predict_unseen

RNG = np.random.default_rng(0)


def test_it_finds_the_weights_that_made_the_data() -> None:
    rows = RNG.normal(size=(4000, 3)) * [1, 10, 0.1] + [0, 5, 2]
    logits = rows @ [1.0, -0.1, 5.0] - 9.0
    chances = 1 / (1 + np.exp(-logits))
    fitted = fit_logistic(rows, (RNG.random(4000) < chances).astype(float), ridge=1e-3)
    assert np.abs(fitted.predict_proba(rows)[:, 1] - chances).mean() < 0.02


def test_at_the_optimum_predictions_add_up_to_the_targets() -> None:
    rows, targets = RNG.normal(size=(50, 4)), RNG.random(50)
    fitted = fit_logistic(rows, targets, ridge=0.01)
    assert fitted.predict_proba(rows)[:, 1].sum() == pytest.approx(targets.sum(), abs=1e-3)


@pytest.mark.parametrize("target", [0.0, 1.0])
def test_targets_that_are_all_equal_are_predicted_within_bounds(target: float) -> None:
    rows = np.column_stack([np.ones(20), RNG.normal(size=20)])
    chances = fit_logistic(rows, np.full(20, target)).predict_proba(rows)[:, 1]
    assert np.abs(chances - target).max() < 0.05
    assert ((chances > 0) & (chances < 1)).all()


def test_a_constant_feature_changes_nothing() -> None:
    rows, targets = RNG.normal(size=(30, 2)), (RNG.random(30) < 0.5).astype(float)
    widened = np.column_stack([rows, np.full(30, 7.0)])
    chances = fit_logistic(rows, targets).predict_proba(rows)
    assert fit_logistic(widened, targets).predict_proba(widened) == pytest.approx(chances)


def test_unseen_predictions_know_nothing_of_their_own_part() -> None:
    rows, targets = RNG.normal(size=(40, 3)), (RNG.random(40) < 0.5).astype(float)
    parts = np.arange(40) % 4
    flipped = np.where(parts == 2, 1 - targets, targets)
    before, after = predict_unseen(rows, targets, parts), predict_unseen(rows, flipped, parts)
    assert before[parts == 2] == pytest.approx(after[parts == 2])
    assert not np.allclose(before[parts == 1], after[parts == 1])

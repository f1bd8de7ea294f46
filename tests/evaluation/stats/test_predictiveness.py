import numpy as np
import pytest
from evaluation.stats.made import made_boot, made_question, made_result, made_route
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from lightrouter_graph.evaluation.stats.predictiveness import (
    BootScore,
    _ranks,
    auc_pooled,
    auc_within,
    measure_predictiveness,
    pearson_within,
    predictiveness_curves,
    read_boot_scores,
)

SETS = 400


def rows(question, boots, finals, length=64):
    return [
        BootScore(question, length, f"m{at}", boot, final)
        for at, (boot, final) in enumerate(zip(boots, finals, strict=True))
    ]


def test_figures_of_a_hand_made_case():
    (found,) = measure_predictiveness(
        [
            *rows("falls", [0.9, 0.5, 0.1], [0.0, 0.5, 1.0]),
            *rows("tied", [0.2, 0.2, 0.8, 0.4], [0.0, 1.0, 1.0, 0.0]),
            *rows("boots alike", [0.5, 0.5], [0.0, 1.0]),
            *rows("all right", [0.3, 0.6], [1.0, 1.0]),
        ]
    )
    assert (found["questions"], found["boots"], found["varied"], found["mixed"]) == (4, 11, 2, 3)
    # Ranks of "tied" are 1.5, 1.5, 4, 3 and 1.5, 3.5, 3.5, 1.5: covariance 1, variances 4.5 and 4.
    assert found["spearman"]["value"] == pytest.approx((-1 + 1 / np.sqrt(4.5 * 4)) / 2)
    # Boots 0.2, 0.2, 0.8, 0.4: deviations -0.2, -0.2, 0.4, 0; finals -0.5, 0.5, 0.5, -0.5.
    assert found["pearson"]["value"] == pytest.approx((-1 + 0.2 / np.sqrt(0.24 * 1)) / 2)
    # "falls": both right ones lose to the wrong one. "tied": 0.8 wins twice, 0.2 ties once and loses once.
    assert found["auc_within"]["value"] == pytest.approx((0 + (2 + 0.5) / 4 + 0.5) / 3)


def test_the_pooled_auc_compares_boots_of_all_questions():
    boots = np.array([[0.9, 0.8], [0.1, 0.8]])
    finals = np.array([[1.0, 1.0], [0.0, 0.0]])
    assert auc_pooled(boots, finals)["value"] == (1 + 1 + 1 + 0.5) / 4


def test_lengths_are_measured_apart_shortest_first():
    found = measure_predictiveness([*rows("q", [0.1, 0.9], [1.0, 0.0], 128), *rows("q", [0.1, 0.9], [0.0, 1.0], 16)])
    assert [(at["length"], at["spearman"]["value"]) for at in found] == [(16, 1.0), (128, -1.0)]
    points = predictiveness_curves(found)["spearman"]
    assert [(point["x"], point["y"]["value"], point["label"]) for point in points] == [
        (16.0, 1.0, "16 boot tokens"),
        (128.0, -1.0, "128 boot tokens"),
    ]


def test_what_cannot_be_measured_is_none_and_leaves_the_curve():
    (found,) = measure_predictiveness(rows("q", [0.5, 0.5], [1.0, 1.0]))
    assert [found[name] for name in ("pearson", "spearman", "auc_within", "auc_pooled")] == [None] * 4
    assert predictiveness_curves([found]) == {"pearson": [], "spearman": [], "auc_within": [], "auc_pooled": []}
    assert measure_predictiveness([]) == []


def test_boots_are_read_from_routes_where_both_scores_are_known():
    route = made_route([], [])
    route["boots"] = [
        made_boot("a", kept=True, score=0.7),
        made_boot("b", kept=False, score=None),
        made_boot("c", kept=False, score=0.2),
    ]
    questions = [made_question("q", a=1.0, b=0.0, c=None)]
    results = [made_result("q", 1.0, route=route), made_result("unknown", 1.0, route=route), made_result("q2", 1.0)]
    assert read_boot_scores(results, questions, 32) == [BootScore("q", 32, "a", 0.7, 1.0)]


levels = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])
table = st.integers(2, 5).flatmap(
    lambda width: st.lists(
        st.lists(st.tuples(levels, levels) | st.none(), min_size=width, max_size=width).filter(any),
        min_size=1,
        max_size=5,
    )
)


def sides(cells):
    return tuple(
        np.array([[np.nan if cell is None else cell[side] for cell in row] for row in cells]) for side in (0, 1)
    )


@given(table)
def test_correlations_match_scipy_in_each_question(cells):
    boots, finals = sides(cells)
    pearson, spearman = pearson_within(boots, finals), pearson_within(_ranks(boots), _ranks(finals))
    for row, one, other in zip(cells, pearson, spearman, strict=True):
        a, b = zip(*(cell for cell in row if cell is not None), strict=True)
        if len(set(a)) > 1 and len(set(b)) > 1:
            assert one == pytest.approx(stats.pearsonr(a, b).statistic, abs=1e-9)
            assert other == pytest.approx(stats.spearmanr(a, b).statistic, abs=1e-9)
        else:
            assert np.isnan(one)
            assert np.isnan(other)


def auc(pairs):
    """The AUC by comparing each right boot with each wrong one; None without either."""
    rights, wrongs = [b for b, f in pairs if f >= 0.5], [b for b, f in pairs if f < 0.5]
    wins = [1.0 if r > w else 0.5 if r == w else 0.0 for r in rights for w in wrongs]
    return sum(wins) / len(wins) if wins else None


@given(table)
def test_aucs_match_counted_pairs(cells):
    boots, finals = sides(cells)
    known = [[cell for cell in row if cell is not None] for row in cells]
    within = [None if np.isnan(value) else pytest.approx(value) for value in auc_within(boots, finals)]
    assert [auc(row) for row in known] == within
    pooled = auc_pooled(boots, finals, draws=20)
    assert auc([cell for row in known for cell in row]) == (None if pooled is None else pytest.approx(pooled["value"]))


def test_the_interval_of_the_pooled_auc_holds_the_truth_when_boots_of_a_question_go_together():
    source = np.random.default_rng(1)
    truth = stats.norm.cdf(0.5)  # right ones lie 1 higher, with a variance of 1 + 1 on either side
    found = []
    for number in range(SETS):
        finals = (source.random((80, 4)) < 0.5).astype(float)
        boots = finals + source.normal(size=(80, 1)) + source.normal(size=(80, 4))
        found.append(auc_pooled(boots, finals, seed=number, draws=300))
    assert 0.91 <= np.mean([figure["low"] <= truth <= figure["high"] for figure in found]) <= 0.98

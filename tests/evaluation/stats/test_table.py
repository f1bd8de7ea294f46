import numpy as np
import pytest
from evaluation.stats.made import made_result

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.stats.table import tabulate


def same(column, expected):
    return np.array_equal(column, np.array(expected, dtype=float), equal_nan=True)


def test_methods_keep_their_order_and_questions_are_sorted():
    table = tabulate([made_result("q2", 1, "b"), made_result("q1", 1, "a"), made_result("q1", 0, "b")])
    assert (table.methods, table.questions) == (("b", "a"), ("q1", "q2"))
    assert same(table.quality("b"), [0, 1])
    assert same(table.quality("a"), [1, np.nan])


def test_a_failure_counts_as_wrong_despite_its_score():
    table = tabulate([made_result("q1", None, error="all calls failed"), made_result("q2", 0.75)])
    assert same(table.quality("ours"), [0, 0.75])
    assert table.unscored("ours") == 0


def test_an_answer_without_a_score_is_not_known():
    table = tabulate([made_result("q1", None), made_result("q2", 0.75)])
    assert same(table.quality("ours"), [np.nan, 0.75])
    assert table.unscored("ours") == 1


def test_failures_alone_are_no_quality_if_no_answer_has_a_score():
    table = tabulate([made_result("q1", None, error="lost"), made_result("q2", None), made_result("q2", 1.0, "other")])
    assert np.isnan(table.quality("ours")).all()


def test_a_method_that_always_failed_has_quality_0_where_others_have_scores():
    failed = made_result("q1", None, error="lost")
    assert same(tabulate([failed, made_result("q1", 1.0, "other")]).quality("ours"), [0])
    assert same(tabulate([failed, made_result("q1", None, "other")]).quality("ours"), [np.nan])


def test_usd_is_per_thousand_questions_and_not_known_if_one_price_is_not():
    known = [made_result("q1", 1, usd=0.002), made_result("q2", 1, usd=0.004)]
    assert same(tabulate(known).cost("ours", "usd"), [2, 4])
    assert same(tabulate([*known, made_result("q3", 1, usd=None)]).cost("ours", "usd"), [np.nan] * 3)


def test_total_tokens_are_those_read_and_those_written():
    table = tabulate([made_result("q1", 1, input_tokens=30, output_tokens=12)])
    assert same(table.cost("ours", "total_tokens"), [42])
    assert same(table.cost("ours", "output_tokens"), [12])


def test_no_results_and_double_results_are_errors():
    with pytest.raises(EvaluationError, match="at least one result"):
        tabulate([])
    with pytest.raises(EvaluationError, match="'ours' has two results for question 'q1'"):
        tabulate([made_result("q1", 1), made_result("q1", 0)])

import pytest
from evaluation.toys import question, run, toy

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.methods.single import BEST_SINGLE, single


def test_the_best_is_chosen_by_the_history_alone() -> None:
    history = [question(i, {"a": (i, 0.0), "b": (i, 1.0)}) for i in (100, 101)]
    asked = [question(i, {"a": (i, 1.0), "b": (i, 0.0)}) for i in (1, 2, 3)]
    assert [one.score for one in run(BEST_SINGLE, toy(asked, history=history))] == [0.0] * 3
    assert [one.score for one in run(BEST_SINGLE, toy(asked))] == [1.0] * 3  # without history, the pool's first


def test_a_candidate_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(EvaluationError, match=r"'single:z'.*it has a, b"):
        single("z").fit(toy([question(1, {"a": (1, 1.0), "b": (1, 1.0)})]).setting)

import math

import pytest
from evaluation.toys import question, run, toy

from lightrouter_graph.errors import NoSurvivorError
from lightrouter_graph.evaluation.methods.voting import MAJORITY, WEIGHTED_VOTE, vote_weight, wrong_coincidence


def test_a_failed_candidate_does_not_vote() -> None:
    asked = [question(1, {"a": (3, 0.0), "c": (3, 0.0), "b": (2, 1.0)})]
    (one,) = run(MAJORITY, toy(asked, names=["a", "missing", "b", "c"]))
    assert one.reply is not None
    assert (one.reply.chosen, one.reply.confidence) == ("a", pytest.approx(2 / 3))
    assert sorted(one.names) == ["a", "b", "c"]


def test_if_no_candidate_answers_the_error_lists_all() -> None:
    (one,) = run(MAJORITY, toy([question(1, {"a": (2, 1.0)})], names=["x", "y"]))
    assert isinstance(one.error, NoSurvivorError)
    assert set(one.error.failures) == {"x", "y"}


def test_without_short_answers_the_first_wins_and_claims_nothing() -> None:
    asked = [question(1, {"a": (None, 0.0), "b": (None, 1.0)})]
    (one,) = run(MAJORITY, toy(asked))
    assert one.reply is not None
    assert (one.reply.chosen, one.reply.confidence) == ("a", None)


def test_one_reliable_candidate_outweighs_two_bad_ones_that_agree() -> None:
    history = [question(i, {"a": (0, 1.0), "b": (i, 0.0), "c": (i + 1, 0.0)}) for i in range(100, 140)]
    asked = [question(1, {"b": (9, 0.0), "c": (9, 0.0), "a": (2, 1.0)})]
    world = toy(asked, history=history, names=["b", "c", "a"])
    assert [one.reply.chosen for one in run(MAJORITY, world) if one.reply] == ["b"]
    (weighed,) = run(WEIGHTED_VOTE, world)
    assert weighed.reply is not None
    assert weighed.reply.chosen == "a"
    assert 0.8 < (weighed.reply.confidence or 0) <= 1


def test_wrong_answers_that_coincide_make_agreement_worth_less() -> None:
    assert vote_weight(0.6, 0.4) < vote_weight(0.6, 0.05)
    assert vote_weight(0.8, 0.25) == pytest.approx(math.log(16))
    assert vote_weight(0.0, 0.5) == 0.0
    assert math.isfinite(vote_weight(1.0, 0.01))


def test_the_coincidence_is_that_of_wrong_answers_alone() -> None:
    history = [
        question(100, {"a": (100, 1.0), "b": (100, 1.0), "c": (7, 0.0), "d": (7, 0.0)}),
        question(101, {"a": (1, 0.0), "b": (2, 0.0), "c": (3, 0.0), "d": (None, 0.0)}),
    ]
    assert wrong_coincidence(toy(history, history=history).setting) == pytest.approx(1 / 4)
    assert wrong_coincidence(toy(history).setting) == 0.2

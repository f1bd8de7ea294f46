"""Votes and agreement: equal keys are counted, answers without a key agree with no other."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lightrouter_graph import SelectionError
from lightrouter_graph.answer_keys import Equivalence, KeyEquivalence, agreement_of, count_votes, largest_group
from lightrouter_graph.answer_keys.equivalence import name_groups
from tests.builders import answer, query

KEYS = st.lists(st.none() | st.sampled_from(["4", "5", "6"]), max_size=8)
QUICK = settings(max_examples=50, deadline=None)


def answers_of(keys):
    return [answer(f"c{index}", key) for index, key in enumerate(keys)]


def test_votes_are_added_up_by_key_in_rank_order():
    answers = [answer("a", "5"), answer("b", "4"), answer("c", None), answer("d", "4")]
    assert list(count_votes(answers).items()) == [("5", 1.0), ("4", 2.0)]


def test_each_vote_has_the_weight_of_its_candidate():
    answers = [answer("a", "5"), answer("b", "4"), answer("c", "5")]
    assert count_votes(answers, {"a": 0.5, "b": 1.0, "c": 0.25}) == {"5": 0.75, "4": 1.0}


def test_a_candidate_without_a_weight_is_an_error():
    with pytest.raises(KeyError, match="b"):
        count_votes([answer("a"), answer("b")], {"a": 1.0})


def test_the_leader_is_the_largest_group_and_the_better_ranked_of_two():
    found = agreement_of([answer("a", "4"), answer("b", "5"), answer("c", "5"), answer("d", None), answer("e", "4")])
    assert found == {"agreed": 2, "answered": 5, "leader": "4", "groups": {"4": ["a", "e"], "5": ["b", "c"]}}


def test_nothing_agrees_without_keys():
    assert agreement_of([answer("a", None)]) == {"agreed": 0, "answered": 1, "leader": None, "groups": {}}
    assert largest_group([None, None]) == 0


@QUICK
@given(KEYS)
def test_all_counts_are_consistent(keys):
    answers = answers_of(keys)
    found, votes = agreement_of(answers), count_votes(answers)
    assert {key: len(names) for key, names in found["groups"].items()} == votes
    assert found["agreed"] == largest_group(keys) == max(votes.values(), default=0)
    assert found["leader"] == max(votes, key=votes.__getitem__, default=None)


@QUICK
@given(KEYS)
async def test_key_equivalence_groups_by_key(keys):
    answers = answers_of(keys)
    groups = await KeyEquivalence().group(query(), answers)
    assert [list(group) for group in groups] == list(agreement_of(answers)["groups"].values())


def test_key_equivalence_is_an_equivalence():
    assert isinstance(KeyEquivalence(), Equivalence)


def test_a_group_is_named_by_the_key_of_its_best_ranked_answer():
    answers = [answer("a", None), answer("b", "5"), answer("c", "4"), answer("d", None), answer("e", None)]
    groups = [["d"], ["c", "a"], ["e"], ["b"]]
    assert name_groups(groups, answers) == {"4": ["a", "c"], "5": ["b"]}
    assert name_groups([["e", "d"]], answers) == {"same answer as d": ["d", "e"]}


@pytest.mark.parametrize("groups", [[["a", "x"]], [["a"], ["b", "a"]]])
def test_groups_of_other_or_repeated_candidates_are_an_error(groups):
    with pytest.raises(SelectionError, match=r"at most once \(a, b\), got"):
        name_groups(groups, [answer("a"), answer("b")])

"""A weighted vote that never invents an answer."""

import pytest
from builders import answer, query
from hypothesis import given
from hypothesis import strategies as st

from lightrouter_graph import VoteAggregator
from lightrouter_graph.aggregators.vote import count_votes


async def merged(*answers, **weights):
    return await VoteAggregator().merge(query(weights={"a": 1.0, "b": 1.0, "c": 1.0, "d": 1.0, **weights}), answers)


async def test_the_best_ranked_answer_of_the_majority_wins_untouched():
    won = await merged(answer("a", "5"), answer("b", "4", text="Four!"), answer("c", "4"))
    assert (won.text, won.candidate, won.how) == ("Four!", "b", "vote")
    assert won.spendings == ()


async def test_votes_weigh_what_the_prior_says():
    won = await merged(answer("a", "5"), answer("b", "4"), answer("c", "4"), a=1.0, b=0.4, c=0.4)
    assert won.candidate == "a"


async def test_a_tie_falls_to_the_better_ranked():
    won = await merged(answer("b", "4"), answer("a", "5"))
    assert won.candidate == "b"


async def test_an_answer_that_cannot_be_compared_has_no_vote():
    won = await merged(answer("a", None), answer("b", None), answer("c", "4"))
    assert won.candidate == "c"


async def test_where_nobody_can_vote_the_best_ranked_answers():
    won = await merged(answer("b", None, text="A poem."), answer("a", None))
    assert (won.text, won.candidate, won.how) == ("A poem.", "b", "best")


async def test_candidates_nobody_believes_in_can_still_vote():
    assert (await merged(answer("a", "4"), answer("b", "5"), a=0.0, b=0.0)).candidate == "a"


async def test_the_id_under_which_the_winner_streamed_is_kept():
    assert (await merged(answer("a", "4", message_id="run-1"), answer("b", "4"))).message_id == "run-1"


def test_votes_add_up_by_answer_in_rank_order():
    answers = [answer("a", "5"), answer("b", "4"), answer("c", None), answer("d", "5")]
    votes = count_votes(answers, {"a": 1.0, "b": 0.5, "c": 1.0, "d": 0.25})
    assert list(votes.items()) == [("5", 1.25), ("4", 0.5)]


@given(st.lists(st.sampled_from(["4", "5", "6", None]), min_size=1, max_size=4))
async def test_the_winner_is_always_one_of_the_answers(keys):
    answers = [answer(name, key) for name, key in zip("abcd", keys, strict=False)]
    won = await merged(*answers)
    assert won.text in {given_answer["text"] for given_answer in answers}


@pytest.mark.parametrize("order", ["abc", "acb", "bac", "cab"])
async def test_a_clear_majority_does_not_depend_on_the_ranking(order):
    keys = {"a": "4", "b": "4", "c": "5"}
    won = await merged(*(answer(name, keys[name]) for name in order))
    assert keys[won.candidate] == "4"

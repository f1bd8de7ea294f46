"""A weighted vote that never invents an answer, and the best-ranked answer, untouched."""

import json

import pytest
from builders import answer, query
from hypothesis import given, settings
from hypothesis import strategies as st

from lightrouter_graph import TopRankedAggregator, VoteAggregator
from lightrouter_graph.aggregators.vote import _field_votes
from lightrouter_graph.answer_keys import canonical_object, canonical_tool_calls
from lightrouter_graph.answer_keys.voting import count_votes
from lightrouter_graph.llm.request import make_request


async def merged(*answers, **weights):
    return await VoteAggregator().merge(
        query(prior_scores={"a": 1.0, "b": 1.0, "c": 1.0, "d": 1.0, **weights}), answers
    )


async def test_the_first_answer_passes_through():
    won = await TopRankedAggregator().merge(query(), [answer("b", "5", message_id="run-1"), answer("a", "4")])
    assert (won.text, won.candidate, won.strategy) == ("It is 5, says b.", "b", "top_ranked")
    assert won.message_id == "run-1"


async def test_the_best_ranked_answer_of_the_majority_wins_untouched():
    won = await merged(answer("a", "5"), answer("b", "4", text="Four!"), answer("c", "4"))
    assert (won.text, won.candidate, won.strategy) == ("Four!", "b", "vote")


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
    assert (won.text, won.candidate, won.strategy) == ("A poem.", "b", "top_ranked")


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


# objects and calls -----------------------------------------------------------------------------------------

FIELDS = {name: {"type": "integer"} for name in "xyz"}
ANY_OBJECT = {"title": "Any", "type": "object", "properties": FIELDS}
OBJECTS = st.dictionaries(st.sampled_from("xyz"), st.integers(0, 2), max_size=3)
QUICK = settings(max_examples=40, deadline=None)
LEVEL = dict.fromkeys("abcdefg", 1.0)


def written(name, value):
    return answer(name, canonical_object(value), text=json.dumps(value))


def called(name, value, tool="Any"):
    """Write an object as the one call of a tool."""
    calls = [{"name": tool, "args": value, "id": f"id-{name}", "type": "tool_call"}]
    tool_call_message = {"content": "", "tool_calls": calls, "additional_kwargs": {"by": name}}
    return answer(name, canonical_tool_calls(calls), text="", tool_call_message=tool_call_message)


async def voted(answers, weights=LEVEL, *, schema=ANY_OBJECT, **asked):
    request = make_request(**(asked or {"response_format": schema}))
    return await VoteAggregator().merge(query(prior_scores=weights, request=request), answers)


def all_written(objects):
    return [written(name, value) for name, value in zip("abcdefg", objects, strict=False)]


@QUICK
@given(st.lists(OBJECTS, min_size=1, max_size=5))
async def test_the_winning_object_is_always_one_that_somebody_wrote(objects):
    won = await voted(all_written(objects))
    assert (won.candidate, won.text) in [(a["candidate"], a["text"]) for a in all_written(objects)]


@QUICK
@given(st.lists(OBJECTS, min_size=2, max_size=5), st.randoms())
async def test_without_a_tie_no_order_changes_the_winning_object(objects, random):
    answers = all_written(objects)
    votes = sorted(_field_votes(answers).values())
    won = await voted(answers)
    random.shuffle(answers)
    if votes[-1] - ([0.0, *votes])[-2] > 1e-6:
        assert json.loads((await voted(answers)).text) == json.loads(won.text)


@QUICK
@given(OBJECTS, st.lists(OBJECTS, max_size=2), st.randoms())
async def test_a_majority_that_agrees_beats_whatever_the_others_share(winner, others, random):
    """However alike the rest are: the objects that differ are too few, and sharing is symmetric."""
    cast = [winner] * 3 + others
    random.shuffle(cast)
    assert json.loads((await voted(all_written(cast))).text) == winner


async def test_where_all_objects_differ_alike_the_ranking_decides_and_not_the_prior():
    answers = all_written([{"x": 1}, {"x": 2}, {"x": 3}])
    weights = {"a": 0.1, "b": 0.5, "c": 1.0}
    assert json.loads((await voted(answers, weights)).text) == {"x": 1}


async def test_fields_in_common_make_the_winner_where_no_two_objects_are_equal():
    answers = all_written([{"x": 1, "y": 9}, {"x": 1, "y": 2}, {"x": 3, "y": 2}])
    assert json.loads((await voted(answers)).text) == {"x": 1, "y": 2}


async def test_numbers_of_one_field_are_not_compared_as_short_answers():
    """Plain answers share all or nothing: 14 and 15 are as different as 14 and 1000."""
    votes = count_votes([answer("a", "14"), answer("b", "15")], LEVEL)
    assert votes == {"14": 1.0, "15": 1.0}


async def test_a_call_wins_whole_with_what_its_provider_added():
    answers = [called("a", {"x": 1}), called("b", {"x": 2}), called("c", {"x": 2})]
    won = await voted(answers, tools=[ANY_OBJECT])
    assert won.tool_call_message == answers[1]["tool_call_message"]

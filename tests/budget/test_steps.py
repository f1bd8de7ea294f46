"""The plans made in the middle of a run."""

import pytest
from budget.planning import TALK, Caller, asking, left, planner, running
from builders import answer, boot, finished, lost, ranking, usage

from lightrouter_graph import Context
from lightrouter_graph.budget import NOTHING, UNLIMITED, most_tokens
from lightrouter_graph.prompts import with_draft, with_shared_boots

FIXED = Context(width=None, top_k=2, agree=None, max_tokens=1000, boot_tokens=200)
ADAPTIVE = Context(width=2, top_k=4, agree=2, max_tokens=1000, boot_tokens=200)
ANSWER = 1400
UNSAID = usage(300, 200, estimated=True)


def booted(settings, names="abc", **others):
    """Build a run whose boots, 1000 bytes each, are there and ranked in prior order; nobody said any length."""
    query = asking(settings, "abcdef" if settings.width else names, final=settings.layers == 1)
    booting = query.order[: settings.width]
    boots = [boot(name, "y" * 1000, usage=UNSAID) for name in booting]
    plain = {"boots": boots, "rankings": [ranking(*booting)]}
    return running(query, **{**plain, **others}), query


def merging(*texts):
    return 400 + 16 + sum(texts) + 1000


def test_without_a_budget_everybody_may_spend_anything():
    state, query = booted(FIXED)
    plans = planner(Caller(), Caller())
    assert plans.wave(state, query, left()) == {
        "up": ["a", "b"],
        "allowances": {},
        "settings": {},
        "notes": [],
        "broke": False,
        "needs": NOTHING,
    }
    for step in (plans.selection(state, query, left()), plans.merge(state, query, left(), [answer("a")])):
        assert step == {"allowance": UNLIMITED, "settings": {}, "notes": []}


def test_a_selector_may_take_what_is_not_set_aside_for_those_after_it():
    state, query = booted(FIXED)
    rest = 2 * ANSWER + merging(6000, 6000)
    judging = 400 + 16 + 3000 + 500
    plans = planner(Caller(1, 500), Caller())
    step = plans.selection(state, query, left(tokens=rest + judging))
    assert step == {"allowance": {**UNLIMITED, "tokens": judging}, "settings": {}, "notes": []}
    step = plans.selection(state, query, left(tokens=rest + judging - 1))
    assert step["settings"] == {"selector": "consistency"}
    assert step["notes"] == [
        f"budget: selector = 'consistency', since it may take {rest + judging} tokens "
        f"({rest + judging - 1} tokens left of the run's budget)"
    ]


def test_in_an_inner_layer_the_layers_to_come_are_set_aside():
    settings = FIXED.model_copy(update={"layers": 2})
    state, query = booted(settings, "ab")
    told = most_tokens(with_draft(TALK, "x" * 6000))
    last = 2 * (told + 200) + (416 + 2400 + 500) + 2 * (told + 1000) + merging(6000, 6000)
    plans = planner(Caller(1, 500), Caller())
    assert plans.selection(state, query, left(tokens=10**6))["allowance"]["tokens"] == 10**6 - last - merging(
        1000, 1000
    )
    drafted = plans.merge(state, query, left(tokens=10**6), [answer("a"), answer("b")])
    assert drafted["allowance"]["tokens"] == 10**6 - last


def test_what_the_boots_said_of_the_prompt_makes_the_rest_cheaper():
    state, query = booted(FIXED, boots=[boot(name, "y" * 1000, usage=usage(30, 200)) for name in "abc"])
    wave = planner().wave(state, query, left(tokens=2 * 1030))
    assert wave["up"] == ["a", "b"]
    assert wave["broke"] is False


def test_a_wave_shares_what_is_not_set_aside_for_merging():
    state, query = booted(FIXED)
    wave = planner(writer=Caller()).wave(state, query, left(tokens=2 * ANSWER + merging(6000, 6000) + 100))
    part = {**UNLIMITED, "tokens": ANSWER + 50}
    needs = {**NOTHING, "calls": 2, "tokens": 2 * 1400, "usd": 0.0208}
    shared = {"up": ["a", "b"], "allowances": {"a": part, "b": part}, "settings": {}, "notes": []}
    assert wave == {**shared, "broke": False, "needs": needs}


def test_the_best_ranked_answer_where_there_is_not_enough_for_all():
    state, query = booted(FIXED.model_copy(update={"top_k": 3}), rankings=[ranking("c", "a", "b")])
    wave = planner(writer=Caller()).wave(state, query, left(tokens=3 * ANSWER + merging(6000, 6000, 6000) - 1))
    assert (wave["up"], wave["broke"], wave["settings"]) == (["c", "a"], True, {})
    assert wave["notes"] == ["budget: there is not enough left to ask b"]


def test_what_boots_that_finished_say_is_merged_as_well():
    boots = [finished("a", "4", usage=UNSAID), *(boot(name, "y" * 1000, usage=UNSAID) for name in "bc")]
    state, query = booted(FIXED, boots=boots)
    plans, enough = planner(writer=Caller()), ANSWER + merging(len("It is a."), 6000)
    assert plans.wave(state, query, left(tokens=enough))["up"] == ["b"]
    wave = plans.wave(state, query, left(tokens=enough - 1))
    assert (wave["up"], wave["broke"]) == ([], True)
    assert wave["notes"] == ["budget: there is not enough left to ask b"]


def test_an_answer_that_will_not_count_is_not_merged():
    boots = [finished("a", "4", usage=UNSAID), boot("b", "y" * 1000, usage=UNSAID)]
    settings = FIXED.model_copy(update={"top_k": 1})
    state, query = booted(settings, "ab", boots=boots, rankings=[ranking("b", "a")])
    assert planner(writer=Caller()).wave(state, query, left(tokens=ANSWER))["up"] == ["b"]


def test_with_agreement_nobody_further_is_asked_at_the_cost_of_merging():
    answers = [answer("a", "4", text="y" * 500), answer("b", "5", text="y" * 500)]
    state, query = booted(ADAPTIVE, answers=answers)
    needed, plans = ANSWER + merging(500, 500, 6000), planner(writer=Caller())
    assert plans.wave(state, query, left(tokens=needed))["up"] == ["c"]
    assert plans.wave(state, query, left(tokens=needed - 1)) == {
        "up": [],
        "allowances": {},
        "settings": {},
        "broke": True,
        "needs": NOTHING,
        "notes": ["budget: there is not enough left to ask c"],
    }


def test_merging_is_given_up_where_there_would_be_no_answer():
    state, query = booted(ADAPTIVE)
    plans = planner(writer=Caller())
    assert plans.wave(state, query, left(tokens=2 * ANSWER + merging(6000, 6000)))["settings"] == {}
    wave = plans.wave(state, query, left(tokens=2 * ANSWER))
    assert (wave["up"], wave["broke"], wave["settings"]) == (["a", "b"], False, {"aggregator": "vote"})
    assert wave["notes"] == ["budget: aggregator = 'vote', since there is not enough left to merge"]
    wave = plans.wave(state, query, left(tokens=2 * ANSWER - 1))
    assert (wave["up"], wave["broke"], wave["settings"]) == (["a"], True, {})


def test_one_answer_is_shorter_where_there_is_not_even_enough_for_one():
    state, query = booted(FIXED)
    wave = planner().wave(state, query, left(tokens=ANSWER - 1))
    assert wave["allowances"] == {"a": {**UNLIMITED, "tokens": ANSWER - 1}}
    assert wave["notes"][-1] == "budget: the answer of a may be cut"
    assert wave["broke"] is True
    assert planner().wave(state, query, left(tokens=463))["up"] == []


def test_nobody_is_up_where_the_answers_suffice():
    state, query = booted(ADAPTIVE, answers=[answer("a", "4"), answer("b", "4")])
    assert planner().wave(state, query, left(tokens=0))["broke"] is False


def test_the_prompts_are_those_that_are_sent():
    settings = FIXED.model_copy(update={"conditioning": "shared"})
    state, query = booted(settings)
    told = most_tokens(with_shared_boots(TALK, ["y" * 1000] * 2))
    wave = planner().wave(state, query, left(tokens=2 * (told + 1000)))
    assert wave["allowances"]["a"]["tokens"] == told + 1000


def test_the_next_in_rank_takes_the_place_of_one_that_was_lost():
    state, query = booted(FIXED, answers=[lost("a"), answer("b", "4", text="y" * 500)])
    assert planner(writer=Caller()).wave(state, query, left(tokens=ANSWER + merging(500, 6000)))["up"] == ["c"]


@pytest.mark.parametrize(("tokens", "settings"), [(merging(900, 700), {}), (2615, {"aggregator": "vote"})])
def test_answers_are_voted_on_where_merging_is_too_dear(tokens, settings):
    state, query = booted(FIXED)
    answers = [answer("a", "4", text="y" * 900), answer("b", "5", text="y" * 700)]
    step = planner(writer=Caller()).merge(state, query, left(tokens=tokens), answers)
    assert step["settings"] == settings
    assert step["allowance"]["tokens"] == tokens


def test_the_last_layer_sets_nothing_aside():
    settings = FIXED.model_copy(update={"layers": 3})
    state, query = booted(settings)
    query = asking(settings, final=True)  # the boots settled it in the first of three layers
    step = planner(writer=Caller()).merge(state, query, left(tokens=5000), [answer("a"), answer("b")])
    assert step["allowance"]["tokens"] == 5000

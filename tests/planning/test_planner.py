"""The plans made within a layer, with some of its results."""

import pytest
from builders import answer, boot, finished, lost, ranking, usage
from planning.parts import TALK, Caller, asking, left, planner, running

from lightrouter_graph import Context
from lightrouter_graph.budget.token_bounds import max_prompt_tokens
from lightrouter_graph.planning.planner import FanOutPlan, progress_of
from lightrouter_graph.prompts import with_draft, with_shared_boots
from lightrouter_graph.records import NOTHING_SPENT, UNLIMITED
from lightrouter_graph.state_queries import LayerView
from lightrouter_graph.stopping import next_candidates, rule_for

FIXED = Context(width=None, top_k=2, agree=None, max_tokens=1000, boot_tokens=200)
ADAPTIVE = Context(width=2, top_k=4, agree=2, max_tokens=1000, boot_tokens=200)
ANSWER = 1400
ESTIMATED = usage(300, 200, estimated=True)


def booted(settings, names="abc", **others):
    """Build a query and the progress of its layer: 1000 bytes of each boot, ranked in prior order, usage estimated."""
    query = asking(settings, "abcdef" if settings.width else names, final=settings.layers == 1)
    wave = query.prior_order[: settings.width]
    plain = {"boots": [boot(name, "y" * 1000, usage=ESTIMATED) for name in wave], "rankings": [ranking(*wave)]}
    view = LayerView(running(query, **{**plain, **others}))
    up = [] if view.is_settled else next_candidates(rule_for(settings), query, view.status)
    return query, progress_of(view, query), up


def merging(*texts):
    return 400 + 16 + sum(texts) + 1000


def test_without_limits_no_call_is_limited():
    query, progress, up = booted(FIXED)
    plans = planner(Caller(), Caller())
    assert plans.plan_answers(query, left(), progress, up) == FanOutPlan(("a", "b"))
    for limited, notes in (
        plans.plan_selection(query, left(), progress),
        plans.plan_merge(query, left(), progress, [answer("a")]),
    ):
        assert (limited.allowance, limited.settings, notes) == (UNLIMITED, query.settings, ())


def test_a_selector_may_spend_what_is_not_set_aside_for_the_calls_after_it():
    query, progress, _ = booted(FIXED)
    rest = 2 * ANSWER + merging(6000, 6000)
    judging = 400 + 16 + 3000 + 500
    plans = planner(Caller(1, 500), Caller())
    limited, notes = plans.plan_selection(query, left(tokens=rest + judging), progress)
    assert (limited.allowance, notes) == ({**UNLIMITED, "tokens": judging}, ())
    assert limited.settings == query.settings
    limited, notes = plans.plan_selection(query, left(tokens=rest + judging - 1), progress)
    assert limited.settings == query.settings.model_copy(update={"selector": "consistency"})
    assert notes == (
        f"budget: consistency ranks the boots instead of the selector 'default' (needs up to {rest + judging} tokens, "
        f"{rest + judging - 1} tokens left of the run's budget)",
    )


def test_in_an_inner_layer_the_next_layers_are_set_aside():
    settings = FIXED.model_copy(update={"layers": 2})
    query, progress, _ = booted(settings, "ab")
    prompt = max_prompt_tokens(with_draft(TALK, "x" * 6000))
    last = 2 * (prompt + 200) + (416 + 2400 + 500) + 2 * (prompt + 1000) + merging(6000, 6000)
    plans, limits = planner(Caller(1, 500), Caller()), left(tokens=10**6)
    drafting = merging(1000, 1000)
    limited, _ = plans.plan_selection(query, limits, progress)
    assert limited.allowance["tokens"] == 10**6 - last - drafting
    limited, _ = plans.plan_merge(query, limits, progress, [answer("a"), answer("b")])
    assert limited.allowance["tokens"] == 10**6 - last


def test_prompt_tokens_counted_by_the_provider_replace_the_bound():
    query, progress, up = booted(FIXED, boots=[boot(name, "y" * 1000, usage=usage(30, 200)) for name in "abc"])
    plan = planner().plan_answers(query, left(tokens=2 * 1030), progress, up)
    assert (plan.candidates, plan.budget_exhausted) == (("a", "b"), False)


def test_a_fan_out_shares_what_is_not_set_aside_for_merging():
    query, progress, up = booted(FIXED)
    limits = left(tokens=2 * ANSWER + merging(6000, 6000) + 100)
    part = {**UNLIMITED, "tokens": ANSWER + 50}
    reserved = {**NOTHING_SPENT, "calls": 2, "tokens": 2 * 1400, "usd": 0.0208}
    plan = planner(writer=Caller()).plan_answers(query, limits, progress, up)
    assert plan == FanOutPlan(("a", "b"), allowances={"a": part, "b": part}, reserved=reserved)


def test_the_best_ranked_answer_if_the_budget_cannot_pay_for_all():
    query, progress, up = booted(FIXED.model_copy(update={"top_k": 3}), rankings=[ranking("c", "a", "b")])
    limits = left(tokens=3 * ANSWER + merging(6000, 6000, 6000) - 1)
    plan = planner(writer=Caller()).plan_answers(query, limits, progress, up)
    assert (plan.candidates, plan.budget_exhausted) == (("c", "a"), True)
    assert plan.notes == ("budget: not enough is left to query b",)


def test_finished_boots_are_merged_as_well():
    boots = [finished("a", "4", usage=ESTIMATED), *(boot(name, "y" * 1000, usage=ESTIMATED) for name in "bc")]
    query, progress, up = booted(FIXED, boots=boots)
    plans, enough = planner(writer=Caller()), ANSWER + merging(len("It is a."), 6000)
    assert plans.plan_answers(query, left(tokens=enough), progress, up).candidates == ("b",)
    plan = plans.plan_answers(query, left(tokens=enough - 1), progress, up)
    assert (plan.candidates, plan.budget_exhausted) == ((), True)
    assert plan.notes == ("budget: not enough is left to query b",)


def test_no_more_than_top_k_answers_are_merged():
    boots = [finished("a", "4", usage=ESTIMATED), boot("b", "y" * 1000, usage=ESTIMATED)]
    settings = FIXED.model_copy(update={"top_k": 1})
    query, progress, up = booted(settings, "ab", boots=boots, rankings=[ranking("b", "a")])
    assert planner(writer=Caller()).plan_answers(query, left(tokens=ANSWER), progress, up).candidates == ("b",)


def test_with_agree_merging_the_answers_comes_before_further_candidates():
    answers = [answer("a", "4", text="y" * 500), answer("b", "5", text="y" * 500)]
    query, progress, up = booted(ADAPTIVE, answers=answers)
    needed, plans = ANSWER + merging(500, 500, 6000), planner(writer=Caller())
    assert plans.plan_answers(query, left(tokens=needed), progress, up).candidates == ("c",)
    assert plans.plan_answers(query, left(tokens=needed - 1), progress, up) == FanOutPlan(
        (), notes=("budget: not enough is left to query c",), budget_exhausted=True
    )


def test_merging_is_given_up_before_only_one_candidate_answers():
    query, progress, up = booted(ADAPTIVE)
    plans = planner(writer=Caller())
    for tokens in (2 * ANSWER + merging(6000, 6000), 2 * ANSWER):
        plan = plans.plan_answers(query, left(tokens=tokens), progress, up)
        assert (plan.candidates, plan.budget_exhausted) == (("a", "b"), False)
        assert sum(allowance["tokens"] for allowance in plan.allowances.values()) == 2 * ANSWER
    plan = plans.plan_answers(query, left(tokens=2 * ANSWER - 1), progress, up)
    assert (plan.candidates, plan.budget_exhausted) == (("a",), True)


def test_the_last_resort_is_a_short_answer():
    query, progress, up = booted(FIXED)
    plan = planner().plan_answers(query, left(tokens=ANSWER - 1), progress, up)
    assert plan.allowances == {"a": {**UNLIMITED, "tokens": ANSWER - 1}}
    assert plan.notes[-1] == "budget: the answer of a may be truncated"
    assert plan.budget_exhausted
    assert planner().plan_answers(query, left(tokens=463), progress, up).candidates == ()


def test_no_candidate_is_queried_if_the_answers_suffice():
    query, progress, up = booted(ADAPTIVE, answers=[answer("a", "4"), answer("b", "4")])
    assert planner().plan_answers(query, left(tokens=0), progress, up) == FanOutPlan(())


def test_shared_boots_are_part_of_the_planned_prompts():
    settings = FIXED.model_copy(update={"conditioning": "shared"})
    query, progress, up = booted(settings)
    prompt = max_prompt_tokens(with_shared_boots(TALK, ["y" * 1000] * 2))
    plan = planner().plan_answers(query, left(tokens=2 * (prompt + 1000)), progress, up)
    assert plan.allowances["a"]["tokens"] == prompt + 1000


def test_the_next_in_rank_replaces_a_failed_answer():
    query, progress, up = booted(FIXED, answers=[lost("a"), answer("b", "4", text="y" * 500)])
    limits = left(tokens=ANSWER + merging(500, 6000))
    assert planner(writer=Caller()).plan_answers(query, limits, progress, up).candidates == ("c",)


@pytest.mark.parametrize(("tokens", "settings"), [(merging(900, 700), {}), (3015, {"aggregator": "vote"})])
def test_a_vote_replaces_an_aggregator_that_does_not_fit(tokens, settings):
    query, progress, _ = booted(FIXED)
    answers = [answer("a", "4", text="y" * 900), answer("b", "5", text="y" * 700)]
    limited, notes = planner(writer=Caller()).plan_merge(query, left(tokens=tokens), progress, answers)
    assert (limited.settings, limited.allowance["tokens"]) == (query.settings.model_copy(update=settings), tokens)
    note = "budget: a vote merges the answers instead of the aggregator 'default' (needs up to 3016 tokens, 3015 tokens"
    assert all(one.startswith(note) for one in notes)
    assert len(notes) == len(settings)


def test_nothing_is_set_aside_after_the_last_layer():
    settings = FIXED.model_copy(update={"layers": 3})
    _, progress, _ = booted(settings)
    query = asking(settings, final=True)  # the boots settled it in the first of three layers
    limited, _ = planner(writer=Caller()).plan_merge(query, left(tokens=5000), progress, [answer("a"), answer("b")])
    assert limited.allowance["tokens"] == 5000

import pickle
from dataclasses import replace

import pytest
from helpers import scripted
from langchain_core.messages import HumanMessage
from planning.parts import TALK, Caller, asking, begun, left, planner, worst_case

from lightrouter_graph import Candidate, Context, Pool
from lightrouter_graph.budget.token_bounds import max_prompt_tokens
from lightrouter_graph.errors import BudgetError
from lightrouter_graph.llm.request import make_request
from lightrouter_graph.planning.planner import FanOutPlan
from lightrouter_graph.prompts import with_draft, with_shared_boots
from lightrouter_graph.testing import ScriptedChatModel

FIXED = Context(width=None, top_k=3, agree=None, max_tokens=1000, boot_tokens=200)


def plan(settings, limits, names="abc", judge=None, writer=None, **others):
    query = asking(settings, names, **others)
    return planner(judge, writer).plan_layer(query, limits, begun(query))


def worst(settings, limits, names="abc", judge=None, writer=None, **others):
    """Return the worst-case cost of what is planned."""
    query, plans = asking(settings, names, **others), planner(judge, writer)
    return worst_case(plans, query, plans.plan_layer(query, limits, begun(query)))


def priced(**prices):
    return Pool([Candidate(n, ScriptedChatModel(responses="4"), price=p) for n, p in prices.items()])


def test_without_limits_the_requested_run_is_planned():
    assert plan(Context(), left()) == FanOutPlan(("a", "b", "c"), ("a", "b", "c"))


def test_the_worst_case_of_a_fixed_run():
    settings = Context(width=None, top_k=2, agree=None, max_tokens=1000, boot_tokens=200)
    asked = settings, left(tokens=100_000), "abcd", Caller(4, 500), Caller()
    boots = 4 * (400 + 200)
    judge = 4 * (400 + 16 + 4 * 1200 + 500)
    answers = 2 * (400 + 1000)
    merging = 400 + 16 + 2 * 6000 + 1000
    assert (worst(*asked).tokens, worst(*asked).calls) == (boots + judge + answers + merging, 4 + 4 + 2 + 1)
    found, over = plan(*asked), 100_000 - worst(*asked).tokens
    assert (found.step, found.notes) == (0, ())
    assert found.allowances["a"] == {"usd": None, "tokens": 600 + over // 4, "calls": None}


def test_the_worst_case_of_an_inner_layer_has_boots_a_ranking_a_draft_and_longer_prompts_after_it():
    settings = Context(width=None, top_k=2, agree=None, max_tokens=1000, boot_tokens=200, layers=2)
    ranking = 400 + 16 + 3 * 1200 + 500
    drafting = 400 + 16 + 2 * 1200 + 1000
    prompt = max_prompt_tokens(with_draft(TALK, "x" * 6000))
    last = 3 * (prompt + 200) + ranking + 2 * (prompt + 1000) + (400 + 16 + 2 * 6000 + 1000)
    found = worst(settings, left(tokens=1_000_000), "abc", Caller(1, 500), Caller())
    assert found.tokens == 3 * 600 + ranking + drafting + last


def test_shared_boots_make_the_prompts_longer():
    settings = FIXED.model_copy(update={"conditioning": "shared", "top_k": 2})
    prompt = max_prompt_tokens(with_shared_boots(TALK, ["x" * 1200] * 2))
    assert worst(settings, left(tokens=100_000)).tokens == 3 * 600 + 2 * (prompt + 1000)


def test_a_boot_that_may_be_continued_is_part_of_the_prompt():
    pool = scripted(price=(1, 1), continuation="prefill", a="4", b="4")
    found = worst(FIXED.model_copy(update={"top_k": 2}), left(tokens=100_000), "ab", pool=pool)
    assert found.tokens == 2 * 600 + 2 * (400 + 16 + 1200 + 1000)


def test_with_agree_as_many_answers_are_planned_and_every_boot_may_be_merged():
    settings = Context(width=3, top_k=5, agree=2, max_tokens=1000)
    found = worst(settings, left(tokens=100_000), "abcdef", writer=Caller())
    assert found.tokens == 3 * 600 + 2 * 1400 + (400 + 16 + 2 * 6000 + 1200 + 1000)
    assert found.calls == 6


def test_the_candidates_of_the_highest_price_are_planned_to_answer_where_the_ranking_decides():
    pool = priced(a=(1.0, 1.0), b=(2.0, 2.0), c=(9.0, 9.0))
    found = worst(FIXED.model_copy(update={"top_k": 1}), left(usd=1.0), pool=pool)
    assert found.usd == pytest.approx((600 * (1 + 2 + 9) + 1400 * 9) / 1e6)


# The requested run: in each of 3 layers 5 boots and 4 calls of a judge; 2 drafts; 3 answers and 1 merging.
PAPER = Context(width=None, top_k=3, agree=None, layers=3, max_tokens=1000)
JUDGELESS = {"layers": 1, "selector": "consistency"}
TWO = {**JUDGELESS, "width": 2, "top_k": 2}
STEPS = [
    (3 * (5 + 4) + 2 + 3 + 1, {}, "abcde"),
    (2 * (5 + 4) + 1 + 3 + 1, {"layers": 2}, "abcde"),
    (5 + 4 + 3 + 1, {"layers": 1}, "abcde"),
    (5 + 3 + 1, JUDGELESS, "abcde"),
    (4 + 3 + 1, {**JUDGELESS, "width": 4}, "abcd"),
    (3 + 3 + 1, {**JUDGELESS, "width": 3}, "abc"),
    (2 + 2 + 1, TWO, "ab"),
    (2 + 2, {**TWO, "aggregator": "vote"}, "ab"),  # a vote of more candidates makes more calls than synthesis of two
    (1, {**TWO, "aggregator": "vote", "width": 1, "top_k": 1}, "a"),
]


@pytest.mark.parametrize("number", range(len(STEPS)))
def test_each_step_is_taken_if_the_one_before_it_is_one_call_above_the_limit(number):
    needed, settings, first_wave = STEPS[number]
    most = needed if number == 0 else STEPS[number - 1][0] - 1
    for limit in {needed, most}:
        asked = PAPER, left(calls=limit), "abcde", Caller(4), Caller()
        found = plan(*asked)
        assert (found.settings, "".join(found.candidates)) == (settings, first_wave)
        assert worst(*asked).calls == needed


def test_a_vote_is_taken_with_as_many_boots_as_fit():
    asked = PAPER.model_copy(update={"layers": 1}), left(tokens=9000), "abcde"
    found = plan(*asked, writer=Caller())
    assert (found.settings, len(found.candidates)) == ({"aggregator": "vote"}, 5)
    assert worst(*asked, writer=Caller()).tokens == 5 * 600 + 3 * 1400


def test_parts_that_call_no_model_are_not_replaced():
    assert plan(PAPER, left(calls=4), "abcde").settings == {"layers": 1, "width": 2, "top_k": 2}


def test_with_agree_fewer_need_to_agree():
    settings = Context(width=5, top_k=5, agree=4, max_tokens=1000)
    assert plan(settings, left(calls=6), "abcdefg").settings == {"width": 3, "agree": 3}
    assert plan(settings, left(calls=3), "abcdefg").settings == {"width": 1, "top_k": 1, "agree": None}


def test_more_answers_than_boots_are_reduced_as_well():
    settings = Context(width=2, top_k=4, agree=None, max_tokens=1000)
    assert plan(settings, left(calls=5), "abcd").settings == {"top_k": 3}


def test_the_first_in_prior_order_remain():
    query = asking(FIXED, "abcd", prior_order=["d", "b", "a", "c"])
    assert planner().plan_layer(query, left(calls=6), begun(query)).candidates == ("d", "b", "a")


def test_the_notes_name_each_change_and_the_reason():
    assert plan(PAPER, left("thread", calls=7), "abcde", Caller(4), Caller()).notes == (
        "budget: 3 candidates boot instead of 5, without d, e",
        "budget: layers = 1 instead of 3",
        "budget: consistency ranks the boots instead of the selector 'default'",
        "budget: the requested run needs up to 33 calls, 7 calls left of the thread's budget",
    )
    assert plan(PAPER, left(calls=4), "abcde", Caller(4), Caller()).notes[2:5] == (
        "budget: top_k = 2 instead of 3",
        "budget: consistency ranks the boots instead of the selector 'default'",
        "budget: a vote merges the answers instead of the aggregator 'default'",
    )
    assert plan(PAPER, left(calls=2), "abcde", Caller(4), Caller()).notes == (
        "budget: a alone answers",
        "budget: the requested run needs up to 33 calls, 2 calls left of the run's budget",
    )


@pytest.mark.parametrize(
    ("tokens", "length"), [(3 * 600 + 3 * (400 + 4096), 4096), (3 * 600 + 3 * (400 + 4095), 2048), (6072, 1024)]
)
def test_an_answer_without_max_tokens_gets_the_highest_cap_that_fits(tokens, length):
    settings = FIXED.model_copy(update={"max_tokens": None})
    found = plan(settings, left(tokens=tokens))
    assert found.settings == {"max_tokens": length}
    assert found.step == 0
    assert found.notes == (f"budget: a full answer has at most {length} tokens",)


def test_a_limit_of_calls_sets_no_cap_on_answers():
    assert plan(FIXED.model_copy(update={"max_tokens": None}), left(calls=9)).settings == {}


def test_the_cap_on_an_answer_is_above_boot_tokens():
    settings = FIXED.model_copy(update={"max_tokens": None, "boot_tokens": 3000})
    assert plan(settings, left(tokens=10**6)).settings == {"max_tokens": 4096}
    assert plan(settings, left(tokens=4500)).candidates == ("a",)


def test_the_last_resort_is_a_short_answer_of_one_candidate():
    found = plan(FIXED, left(tokens=900))
    assert found.settings == {"width": 1, "top_k": 1, "max_tokens": 500}
    assert found.allowances == {"a": {"usd": None, "tokens": 900, "calls": None}}
    assert found.notes[:2] == ("budget: a alone answers", "budget: a full answer has at most 500 tokens")
    assert plan(FIXED, left(tokens=464)).settings["max_tokens"] == 64


def test_the_single_candidate_is_the_first_whose_answer_fits():
    pool = priced(high=(100.0, 100.0), fair=(1.0, 1.0), free=(0.0, 0.0))
    found = plan(FIXED, left(usd=0.005), pool=pool)
    assert (found.candidates, found.notes[0]) == (("fair",), "budget: fair alone answers")
    found = plan(FIXED, left(usd=0.001), pool=pool)
    assert (found.candidates, found.settings) == (("free",), {"width": 1, "top_k": 1})


def test_a_budget_too_small_for_any_answer_is_an_error_with_the_amounts():
    with pytest.raises(BudgetError) as caught:
        plan(FIXED, left("thread", tokens=463, usd=1.0))
    assert str(caught.value) == (
        "the budget is too small for any answer: 'a' alone needs up to 464 tokens, 463 tokens left of the thread's "
        "budget, for its prompt and a short answer; raise the budget, or add a candidate of a lower price"
    )
    assert (caught.value.needed, caught.value.left, caught.value.scope) == ({"tokens": 464}, {"tokens": 463}, "thread")
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.parametrize("limits", [{"calls": 0}, {"tokens": 0}, {"usd": 0.0}, {"usd": 0.0, "calls": 0}])
def test_an_exhausted_budget_is_an_error(limits):
    with pytest.raises(BudgetError) as caught:
        plan(FIXED, left(**limits))
    assert set(caught.value.left) == set(limits)


def test_a_candidate_without_a_known_price_is_left_out_under_a_limit_in_usd():
    pool = priced(a=(1, 1), b=None, c=(1, 1), d=(1, 1))
    found = plan(FIXED.model_copy(update={"width": 3}), left(usd=1.0), pool=pool)
    assert found.order == found.candidates == ("a", "c", "d")
    assert found.notes == (
        "budget: left out, as no price is known: b; give one, in USD per 1M tokens: "
        "Candidate(name, model, price=(input, output)), or in a pool file price = { input = ..., output = ... }",
    )
    assert plan(FIXED, left(tokens=10**6), pool=pool).order == ("a", "b", "c", "d")


def test_a_limit_in_usd_without_any_known_price_is_an_error():
    pool = priced(a=None, b=None)
    with pytest.raises(BudgetError, match=r"no price is known of a, b; give one, .*Candidate\(name, model, price="):
        plan(FIXED, left(usd=1.0), pool=pool)


def test_a_part_that_calls_a_model_without_a_known_price_is_replaced():
    judge = priced(judge=None)["judge"]
    found = plan(FIXED, left(usd=1.0), judge=Caller(4, 500, judge), writer=Caller(1, 500, judge))
    assert found.settings == {"selector": "consistency", "aggregator": "vote"}
    assert found.candidates == ("a", "b", "c")
    assert "no price is known: judge; give one" in found.notes[0]
    assert plan(FIXED, left(tokens=10**6), judge=Caller(4, 500, judge)).settings == {}


class FirstJudges(Caller):
    """Plans one call of the first candidate in prior order."""

    def planned(self, query, texts):
        return [replace(call, candidate=query.first) for call in super().planned(query, texts)]


def test_the_first_candidate_with_a_known_price_judges():
    pool = priced(a=None, b=(1, 1), c=(1, 1))
    found = plan(FIXED, left(usd=1.0), pool=pool, judge=FirstJudges())
    assert "selector" not in found.settings
    assert found.candidates == ("b", "c")


def test_tools_and_a_schema_are_part_of_every_prompt():
    def add(a: int, b: int) -> int:
        """Add."""
        return a + b

    plain = worst(FIXED, left(tokens=10**6)).tokens
    with_tools = worst(FIXED, left(tokens=10**6), request=make_request(tools=[add])).tokens
    formed = make_request(
        response_format={"title": "Sum", "type": "object", "properties": {"sum": {"type": "integer"}}}
    )
    assert with_tools > plain + 6 * 600
    assert worst(FIXED, left(tokens=10**6), request=formed).tokens > plain + 6 * 100


def test_one_candidate_answers_at_once_without_booting():
    assert worst(Context(width=1, top_k=1, agree=None, max_tokens=1000), left(tokens=10**6)).tokens == 1400
    asked = Context(width=1, top_k=3, agree=2, max_tokens=1000), left(tokens=10**6)
    assert worst(*asked, writer=Caller()).tokens == 2 * 1400 + (416 + 12_000 + 1000)
    assert set(plan(*asked, writer=Caller()).allowances) == {"a"}


def test_candidates_without_a_boot_are_planned_to_answer_if_too_few_boot():
    settings = Context(width=2, top_k=3, agree=None, max_tokens=1000)
    assert worst(settings, left(tokens=10**6)).tokens == 2 * 600 + 3 * 1400


def test_after_a_draft_the_next_layer_is_planned_with_the_draft_in_its_prompts():
    settings = Context(width=None, top_k=2, agree=None, layers=3, max_tokens=1000, boot_tokens=200)
    query, draft = asking(settings, layer=2), "y" * 100
    progress, prompt = begun(query, first_wave=("a", "b", "c"), draft=draft), max_prompt_tokens(with_draft(TALK, draft))
    found = planner().plan_layer(query, left(tokens=3 * (prompt + 200) + 2 * (prompt + 1000)), progress)
    assert found.settings == {"layers": 2}
    found = planner().plan_layer(query, left(tokens=prompt + 1000), progress)
    assert found.settings == {"layers": 2, "width": 1, "top_k": 1}
    with pytest.raises(BudgetError):
        planner().plan_layer(query, left(tokens=prompt), progress)


class CountedMessage(HumanMessage):
    """Counts how often its content is read."""

    def __getattribute__(self, name):
        if name == "content":
            READS.append(1)
        return super().__getattribute__(name)


READS: list[int] = []


class CountedCaller(Caller):
    """Counts how often its calls are planned."""

    def planned(self, query, texts):
        PLANNED.append((query.final, query.settings.max_tokens, tuple(texts)))
        return super().planned(query, texts)


PLANNED: list[tuple] = []


def test_a_part_plans_its_calls_once_for_all_steps_with_the_same_texts():
    settings = Context(width=None, top_k=3, agree=None, layers=8)
    PLANNED.clear()
    found = plan(settings, left(tokens=12_000), "abcdefgh", CountedCaller(4))
    assert found.settings == {"layers": 1, "selector": "consistency", "max_tokens": 1024}
    # Whether it calls models at all; an inner layer and the last, with each cap for the steps, without for the note.
    assert len(PLANNED) == len(set(PLANNED)) == 1 + 2 * (3 + 1)


def test_a_conversation_is_counted_once_for_all_steps():
    settings = Context(width=None, top_k=3, agree=None, layers=8, max_tokens=1000)
    messages = [CountedMessage("x" * 1000) for _ in range(300)]
    READS.clear()
    with pytest.raises(BudgetError):
        plan(settings, left(tokens=1000), "abcdefgh", Caller(4), Caller(), messages=messages)
    assert len(messages) <= len(READS) <= 3 * len(messages)

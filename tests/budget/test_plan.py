import pickle

import pytest
from budget.planning import TALK, Caller, asking, left, planner, running
from helpers import scripted
from langchain_core.messages import HumanMessage

from lightrouter_graph import Candidate, Context, Pool
from lightrouter_graph.budget import NOTHING, UNLIMITED, most_tokens
from lightrouter_graph.errors import BudgetError
from lightrouter_graph.llm.request import make_request
from lightrouter_graph.prompts import with_draft, with_shared_boots
from lightrouter_graph.testing import ScriptedChatModel

FIXED = Context(width=None, top_k=3, agree=None, max_tokens=1000, boot_tokens=200)


def plan(settings, limits, names="abc", judge=None, writer=None, **others):
    return planner(judge, writer).run(asking(settings, names, **others), limits)


def test_without_a_budget_nothing_is_planned():
    found = plan(Context(), left())
    assert found == {
        "settings": {},
        "order": ["a", "b", "c"],
        "booting": ["a", "b", "c"],
        "allowances": {},
        "notes": [],
        "rung": 0,
        "worst": UNLIMITED,
        "needs": NOTHING,
    }


def test_the_worst_case_of_the_paper_s_way_is_worked_out_by_hand():
    settings = Context(width=None, top_k=2, agree=None, max_tokens=1000, boot_tokens=200)
    found = plan(settings, left(tokens=100_000), "abcd", Caller(4, 500), Caller())
    boots = 4 * (400 + 200)
    judge = 4 * (400 + 16 + 4 * 1200 + 500)
    answers = 2 * (400 + 1000)
    merging = 400 + 16 + 2 * 6000 + 1000
    assert found["worst"] == {"usd": None, "tokens": boots + judge + answers + merging, "calls": 4 + 4 + 2 + 1}
    assert found["rung"] == 0
    assert found["notes"] == []
    over = 100_000 - found["worst"]["tokens"]
    assert found["allowances"]["a"] == {"usd": None, "tokens": 600 + over // 4, "calls": None}


def test_an_inner_layer_costs_its_boots_their_ranking_a_draft_and_longer_prompts():
    settings = Context(width=None, top_k=2, agree=None, max_tokens=1000, boot_tokens=200, layers=2)
    found = plan(settings, left(tokens=1_000_000), "abc", Caller(1, 500), Caller())
    ranking = 400 + 16 + 3 * 1200 + 500
    drafting = 400 + 16 + 2 * 1200 + 1000
    told = most_tokens(with_draft(TALK, "x" * 6000))
    last = 3 * (told + 200) + ranking + 2 * (told + 1000) + (400 + 16 + 2 * 6000 + 1000)
    assert found["worst"]["tokens"] == 3 * 600 + ranking + drafting + last


def test_shared_boots_make_the_prompts_longer():
    settings = FIXED.model_copy(update={"conditioning": "shared", "top_k": 2})
    told = most_tokens(with_shared_boots(TALK, ["x" * 1200] * 2))
    found = plan(settings, left(tokens=100_000))
    assert found["worst"]["tokens"] == 3 * 600 + 2 * (told + 1000)


def test_a_boot_that_may_be_continued_is_part_of_the_prompt():
    pool = scripted(price=(1, 1), continuation="prefill", a="4", b="4")
    found = plan(FIXED.model_copy(update={"top_k": 2}), left(tokens=100_000), "ab", pool=pool)
    assert found["worst"]["tokens"] == 2 * 600 + 2 * (400 + 16 + 1200 + 1000)


def test_with_agreement_the_first_wave_is_planned_and_every_boot_may_be_an_answer():
    settings = Context(width=3, top_k=5, agree=2, max_tokens=1000)
    found = plan(settings, left(tokens=100_000), "abcdef", writer=Caller())
    assert found["worst"]["tokens"] == 3 * 600 + 2 * 1400 + (400 + 16 + 2 * 6000 + 1200 + 1000)
    assert found["worst"]["calls"] == 6


def test_the_dearest_candidates_are_planned_for_where_the_ranking_decides():
    pool = Pool(
        [
            Candidate(name, ScriptedChatModel(responses="4"), price=price)
            for name, price in {"a": (1.0, 1.0), "b": (2.0, 2.0), "c": (9.0, 9.0)}.items()
        ]
    )
    found = plan(FIXED.model_copy(update={"top_k": 1}), left(usd=1.0), pool=pool)
    assert found["worst"]["usd"] == pytest.approx((600 * (1 + 2 + 9) + 1400 * 9) / 1e6)


# What is asked for: in each of 3 layers 5 boots and 4 askings of a judge; 2 drafts; 3 answers and 1 merging.
PAPER = Context(width=None, top_k=3, agree=None, layers=3, max_tokens=1000)
ONE, PLAIN = {"layers": 1}, {"layers": 1, "selector": "consistency"}
VOTED = {**PLAIN, "aggregator": "vote"}
LADDER = [
    (3 * (5 + 4) + 2 + 3 + 1, {}, "abcde"),
    (2 * (5 + 4) + 1 + 3 + 1, {"layers": 2}, "abcde"),
    (5 + 4 + 3 + 1, ONE, "abcde"),
    (4 + 4 + 3 + 1, {**ONE, "width": 4}, "abcd"),
    (5 + 3 + 1, PLAIN, "abcde"),
    (4 + 3 + 1, {**PLAIN, "width": 4}, "abcd"),
    (3 + 3 + 1, {**PLAIN, "width": 3}, "abc"),
    (3 + 2 + 1, {**PLAIN, "width": 3, "top_k": 2}, "abc"),
    (2 + 2 + 1, {**PLAIN, "width": 2, "top_k": 2}, "ab"),
    (2 + 2, {**VOTED, "width": 2, "top_k": 2}, "ab"),
    (2 + 1, {**VOTED, "width": 2, "top_k": 1}, "ab"),
    (1, {**VOTED, "width": 1, "top_k": 1}, "a"),
]


@pytest.mark.parametrize("place", range(len(LADDER)))
def test_each_way_is_taken_when_the_one_before_it_is_one_call_too_dear(place):
    calls, settings, booting = LADDER[place]
    most = calls if place == 0 else LADDER[place - 1][0] - 1
    for number in {calls, most}:
        found = plan(PAPER, left(calls=number), "abcde", Caller(4), Caller())
        assert (found["settings"], "".join(found["booting"])) == (settings, booting)
        assert found["worst"]["calls"] == calls


def test_what_a_synthesis_would_have_taken_brings_back_those_left_out_for_it():
    found = plan(PAPER.model_copy(update={"layers": 1}), left(tokens=9000), "abcde", writer=Caller())
    assert found["worst"]["tokens"] == 5 * 600 + 3 * 1400
    assert (found["settings"], len(found["booting"])) == ({"aggregator": "vote"}, 5)


def test_a_judge_is_given_up_before_there_is_nobody_to_drop():
    two = Context(width=None, top_k=2, agree=None, max_tokens=1000)
    assert plan(two, left(calls=8), "ab", Caller(4))["settings"] == {}
    assert plan(two, left(calls=7), "abc", Caller(4))["settings"] == {"selector": "consistency"}


def test_with_agreement_fewer_need_to_agree():
    settings = Context(width=5, top_k=5, agree=4, max_tokens=1000)
    found = plan(settings, left(calls=6), "abcdefg")
    assert found["settings"] == {"width": 3, "agree": 3}
    found = plan(settings, left(calls=3), "abcdefg")
    assert found["settings"] == {"width": 2, "top_k": 1, "agree": None}


def test_who_boots_is_who_comes_first_in_prior_order():
    found = planner().run(asking(FIXED, "abcd", order=["d", "b", "a", "c"]), left(calls=6))
    assert found["booting"] == ["d", "b", "a"]


def test_the_notes_say_what_is_done_instead_and_why():
    found = plan(PAPER, left("thread", calls=6), "abcde", Caller(4), Caller())
    assert found["notes"] == [
        "budget: layers = 1 instead of 3",
        "budget: 3 candidates boot instead of 5, without d, e",
        "budget: top_k = 2 instead of 3",
        "budget: selector = 'consistency' instead of 'default'",
        "budget: as asked for, the run may take 33 calls (6 calls left of the thread's budget)",
    ]
    found = plan(PAPER, left(calls=2), "abcde", Caller(4), Caller())
    assert found["notes"][0] == "budget: a alone answers"
    found = plan(PAPER, left(calls=4), "abcde", Caller(4), Caller())
    assert "budget: aggregator = 'vote' instead of 'default'" in found["notes"]


@pytest.mark.parametrize(
    ("tokens", "length"), [(3 * 600 + 3 * (400 + 4096), 4096), (3 * 600 + 3 * (400 + 4095), 2048), (6072, 1024)]
)
def test_an_answer_nothing_else_limits_gets_as_long_as_there_is_enough_left(tokens, length):
    settings = FIXED.model_copy(update={"max_tokens": None})
    found = plan(settings, left(tokens=tokens))
    assert found["settings"] == {"max_tokens": length}
    assert found["rung"] == 0
    assert found["notes"] == [f"budget: a full answer has at most {length} tokens"]


def test_a_budget_of_calls_alone_limits_no_answer():
    assert plan(FIXED.model_copy(update={"max_tokens": None}), left(calls=9))["settings"] == {}


def test_an_answer_is_longer_than_the_boot_before_it():
    settings = FIXED.model_copy(update={"max_tokens": None, "boot_tokens": 3000})
    assert plan(settings, left(tokens=10**6))["settings"] == {"max_tokens": 4096}
    assert plan(settings, left(tokens=4500))["booting"] == ["a"]


def test_at_last_one_candidate_gives_a_shorter_answer():
    found = plan(FIXED, left(tokens=900))
    assert found["settings"] == {"width": 1, "top_k": 1, "max_tokens": 500}
    assert found["allowances"] == {"a": {"usd": None, "tokens": 900, "calls": None}}
    assert found["notes"][:2] == ["budget: a alone answers", "budget: a full answer has at most 500 tokens"]
    assert plan(FIXED, left(tokens=464))["settings"]["max_tokens"] == 64


def test_the_one_that_is_left_is_the_first_that_can_be_paid_for():
    pool = Pool(
        [
            Candidate("dear", ScriptedChatModel(responses="4"), price=(100.0, 100.0)),
            Candidate("fair", ScriptedChatModel(responses="4"), price=(1.0, 1.0)),
            Candidate("free", ScriptedChatModel(responses="4"), price=(0.0, 0.0)),
        ]
    )
    assert plan(FIXED, left(usd=0.005), pool=pool)["booting"] == ["fair"]
    assert plan(FIXED, left(usd=0.001), pool=pool)["booting"] == ["free"]
    assert plan(FIXED, left(usd=0.001), pool=pool)["settings"] == {"width": 1, "top_k": 1}


def test_nothing_fits_before_a_token_is_spent():
    with pytest.raises(BudgetError) as caught:
        plan(FIXED, left("thread", tokens=463, usd=1.0))
    assert str(caught.value) == (
        "the budget is too small for any answer: 'a' alone may take 464 tokens (463 tokens left of the thread's "
        "budget) for a prompt of at most 400 tokens and an answer of 64"
    )
    assert (caught.value.needed, caught.value.left, caught.value.scope) == ({"tokens": 464}, {"tokens": 463}, "thread")
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.parametrize("limits", [{"calls": 0}, {"tokens": 0}, {"usd": 0.0}, {"usd": 0.0, "calls": 0}])
def test_nothing_is_left(limits):
    with pytest.raises(BudgetError) as caught:
        plan(FIXED, left(**limits))
    assert set(caught.value.left) == set(limits)


def some_unpriced(**prices):
    return Pool([Candidate(n, ScriptedChatModel(responses="4"), price=p) for n, p in prices.items()])


def test_who_has_no_known_price_is_left_out_of_a_budget_in_usd():
    pool = some_unpriced(a=(1, 1), b=None, c=(1, 1), d=(1, 1))
    found = plan(FIXED.model_copy(update={"width": 3}), left(usd=1.0), pool=pool)
    assert found["order"] == found["booting"] == ["a", "c", "d"]
    assert found["notes"] == [
        "budget: left out, as no price is known: b; give one, in USD per 1M tokens: "
        "Candidate(name, model, price=(input, output)), or in a pool file price = { input = ..., output = ... }"
    ]
    assert plan(FIXED, left(tokens=10**6), pool=pool)["order"] == ["a", "b", "c", "d"]


def test_without_any_known_price_there_is_no_budget_in_usd():
    pool = some_unpriced(a=None, b=None)
    with pytest.raises(BudgetError, match=r"no price is known of a, b; give one, .*Candidate\(name, model, price="):
        plan(FIXED, left(usd=1.0), pool=pool)


def test_a_judge_or_writer_without_a_price_is_not_asked_either():
    judge = some_unpriced(judge=None)["judge"]
    found = plan(FIXED, left(usd=1.0), judge=Caller(4, 500, judge), writer=Caller(1, 500, judge))
    assert found["settings"] == {"selector": "consistency", "aggregator": "vote"}
    assert found["booting"] == ["a", "b", "c"]
    assert plan(FIXED, left(tokens=10**6), judge=Caller(4, 500, judge))["settings"] == {}


def test_tools_and_a_schema_are_part_of_every_prompt():
    def add(a: int, b: int) -> int:
        """Add."""
        return a + b

    plain = plan(FIXED, left(tokens=10**6))["worst"]["tokens"]
    with_tools = plan(FIXED, left(tokens=10**6), request=make_request(tools=[add]))["worst"]["tokens"]
    formed = make_request(
        response_format={"title": "Sum", "type": "object", "properties": {"sum": {"type": "integer"}}}
    )
    assert with_tools > plain + 6 * 600
    assert plan(FIXED, left(tokens=10**6), request=formed)["worst"]["tokens"] > plain + 6 * 100


def test_one_candidate_answers_at_once_without_booting():
    found = plan(Context(width=1, top_k=1, agree=None, max_tokens=1000), left(tokens=10**6))
    assert found["worst"]["tokens"] == 1400
    found = plan(Context(width=1, top_k=3, agree=2, max_tokens=1000), left(tokens=10**6), writer=Caller())
    assert found["worst"]["tokens"] == 2 * 1400 + (416 + 12_000 + 1000)
    assert set(found["allowances"]) == {"a"}


def test_who_did_not_boot_is_planned_to_answer_where_too_few_did():
    found = plan(Context(width=2, top_k=3, agree=None, max_tokens=1000), left(tokens=10**6))
    assert found["worst"]["tokens"] == 2 * 600 + 3 * 1400


def test_after_a_draft_the_rest_is_planned_anew():
    settings = Context(width=None, top_k=2, agree=None, layers=3, max_tokens=1000, boot_tokens=200)
    query = asking(settings, layer=2)
    state = running(query, drafts=[{"layer": 1, "text": "y" * 100, "candidates": ["a"]}], layer=2)
    told = most_tokens(with_draft(TALK, "y" * 100))
    found = planner().layer(state, query, left(tokens=3 * (told + 200) + 2 * (told + 1000)))
    assert found["settings"] == {"layers": 2}
    found = planner().layer(state, query, left(tokens=told + 1000))
    assert found["settings"] == {"layers": 2, "width": 1, "top_k": 1}
    with pytest.raises(BudgetError):
        planner().layer(state, query, left(tokens=told))


def test_a_long_conversation_is_planned_in_no_time():
    settings = Context(width=None, top_k=3, agree=None, layers=8, max_tokens=1000)
    talk = [HumanMessage("x" * 1000) for _ in range(300)]
    with pytest.raises(BudgetError):
        plan(settings, left(tokens=1000), "abcdefgh", Caller(4), Caller(), messages=talk)

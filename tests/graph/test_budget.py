"""Budgets through the real graph: what is asked for is done as far as it is sure to be paid for, and no further."""

import asyncio
from random import Random

import pytest
from helpers import QUESTION, calls, decision, events, long, run, scripted
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver

from lightrouter_graph import (
    Budget,
    BudgetError,
    Candidate,
    ChatLightRouter,
    Context,
    ContextError,
    LLMAggregator,
    LLMSelector,
    NoSurvivorError,
    Pool,
    Price,
    create_lightrouter,
)
from lightrouter_graph.testing import Reply, ScriptedChatModel

ASKED = {"messages": [("user", QUESTION)]}
PRICE = (1.0, 4.0)
FIXED = {"boot_tokens": 20, "agree": None, "width": None, "max_tokens": 120}


def five(price=PRICE):
    return scripted(price=price, **{name: long(str(number)) for number, name in enumerate("abcde")})


def spent(pool):
    """Add up what the models really did, by their own count: calls, tokens, USD."""
    done = [(candidate, call) for candidate in pool for call in candidate.model.calls]
    tokens = sum(call.input_tokens + call.output_tokens for _, call in done)
    prices = [(c.price or Price(0, 0), call) for c, call in done]
    usd = sum(p.input * call.input_tokens + p.output * call.output_tokens for p, call in prices) / 1e6
    return len(done), tokens, usd


async def test_without_a_budget_nothing_is_changed():
    message = await run(five(), Context(**FIXED, top_k=2, aggregator="vote"))
    assert decision(message)["budget"] == []
    assert decision(message)["bill"]["calls"] == 7


@pytest.mark.parametrize(
    ("most", "asked", "note"),
    [
        (7, {"a": 2, "b": 2, "c": 1, "d": 1, "e": 1}, None),
        (6, {"a": 2, "b": 2, "c": 1, "d": 1, "e": 0}, "4 candidates boot instead of 5, without e"),
        (4, {"a": 2, "b": 2, "c": 0, "d": 0, "e": 0}, "2 candidates boot instead of 5, without c, d, e"),
        (3, {"a": 1, "b": 0, "c": 0, "d": 0, "e": 0}, "a alone answers"),
        (2, {"a": 1, "b": 0, "c": 0, "d": 0, "e": 0}, "a alone answers"),
        (1, {"a": 1, "b": 0, "c": 0, "d": 0, "e": 0}, "a alone answers"),
    ],
)
async def test_with_fewer_calls_fewer_boot_then_one_alone_answers(most, asked, note):
    pool = five()
    context = Context(**FIXED, top_k=2, aggregator="vote", selector="consistency", budget=Budget(calls=most))
    message = await run(pool, context)
    assert calls(pool) == asked
    assert note is None or any(note in told for told in decision(message)["budget"])


async def test_a_judge_and_a_synthesis_that_cannot_be_paid_for_are_replaced():
    judge, writer = ScriptedChatModel(responses="{}", name="judge"), ScriptedChatModel(responses="4", name="writer")
    pool = five()
    parts = {
        "selector": LLMSelector(Candidate("judge", judge, price=PRICE)),
        "aggregator": LLMAggregator(Candidate("writer", writer, price=PRICE)),
    }
    message = await run(pool, Context(**FIXED, top_k=2, budget=Budget(calls=4)), **parts)
    assert (len(judge.calls), len(writer.calls)) == (0, 0)
    assert decision(message)["selector"] == "consistency"
    assert decision(message)["merged"] in {"vote", "top_ranked"}
    assert len(judge.calls) + sum(calls(pool).values()) <= 4


async def test_where_nothing_fits_nothing_is_spent():
    pool = five()
    with pytest.raises(
        BudgetError, match=r"the budget is too small for any answer: 'a' alone needs up to .* USD"
    ) as caught:
        await run(pool, Context(**FIXED, top_k=2, budget=Budget(usd=1e-7)))
    assert sum(calls(pool).values()) == 0
    assert caught.value.left["usd"] == 1e-7


async def test_a_candidate_without_a_price_is_left_out_of_a_budget_in_usd():
    pool = Pool([*scripted(price=PRICE, a=long("1"), b=long("2")), *scripted(c=long("3"))])
    message = await run(pool, Context(**FIXED, top_k=2, aggregator="vote", budget=Budget(usd=1.0)))
    assert calls(pool) == {"a": 2, "b": 2, "c": 0}
    c = decision(message)["candidates"][-1]
    assert (c["candidate"], c["why"]) == ("c", "its price is unknown, and the budget is in USD")


async def test_where_no_price_is_known_the_error_says_how_to_give_one():
    with pytest.raises(BudgetError, match=r"no price is known of a, b; give one, .*Candidate\(name, model, price"):
        await run(scripted(a="4", b="4"), Context(budget=Budget(usd=1.0)))


async def test_what_was_set_aside_and_not_taken_is_there_for_further_answers():
    pool = scripted(a="It is 1.", b="It is 2.", c="It is 3.", d="It is 3.")
    message = await run(pool, Context(boot_tokens=50, width=2, max_tokens=100, budget=Budget(calls=4)))
    assert message.text == "It is 3."
    assert calls(pool) == {"a": 1, "b": 1, "c": 1, "d": 1}


async def test_a_full_answer_has_a_cap_where_tokens_are_limited():
    pool = five()
    message = await run(pool, Context(boot_tokens=20, width=2, top_k=1, agree=None, budget=Budget(tokens=9000)))
    caps = [call.max_tokens for candidate in pool for call in candidate.model.calls]
    assert None not in caps
    assert any("a full answer has at most" in note for note in decision(message)["budget"])


async def test_a_retry_an_extension_and_a_second_try_must_fit_as_well():
    hidden = Reply("", finish_reason="length", usage={"input_tokens": 9, "output_tokens": 20, "total_tokens": 29})
    pool = scripted(a=hidden, b=long("2"))
    message = await run(pool, Context(**FIXED, top_k=1, aggregator="vote", budget=Budget(calls=3)))
    assert calls(pool) == {"a": 1, "b": 2}
    assert decision(message)["complete"]


async def test_the_first_event_has_the_degraded_plan_and_its_notes():
    told = await events(five(), Context(**FIXED, top_k=3, aggregator="vote", budget=Budget(calls=4)))
    assert told[0]["first_wave"] == ["a", "b"]
    assert any("top_k = 2 instead of 3" in note for note in told[0]["notes"])


async def test_time_is_a_budget_too():
    pool = Pool([ScriptedChatModel(responses=Reply("4", hang=True), name="a"), *scripted(b="It is 4.")])
    message = await run(pool, Context(agree=None, top_k=1, width=None, budget=Budget(seconds=0.2)))
    assert message.text == "It is 4."
    assert decision(message)["deadline_exceeded"]


# Threads


def router(pool, **context):
    graph = create_lightrouter(pool, context=Context(**FIXED, top_k=2, aggregator="vote", **context))
    return graph.compile(checkpointer=InMemorySaver())


THREAD = {"configurable": {"thread_id": "1"}}


async def test_a_thread_whose_budget_is_spent_is_told_so_and_another_is_not():
    pool = scripted(price=PRICE, a=long("1"), b=long("2"))
    graph = router(pool, thread_budget=Budget(calls=5))
    done = [decision((await graph.ainvoke(ASKED, THREAD))["messages"][-1])["bill"]["calls"] for _ in range(2)]
    assert done == [4, 1]
    with pytest.raises(BudgetError, match="0 calls left of the thread's budget"):
        await graph.ainvoke(ASKED, THREAD)
    other = await graph.ainvoke(ASKED, {"configurable": {"thread_id": "2"}})
    assert decision(other["messages"][-1])["bill"]["calls"] == 4


async def test_a_run_that_died_counts_on_its_thread():
    pool = scripted(price=PRICE, a=[long("1"), ConnectionError("gone")], b=[long("2"), ConnectionError("gone")])
    graph = router(pool, thread_budget=Budget(calls=5))
    with pytest.raises(NoSurvivorError):
        await graph.ainvoke(ASKED, THREAD)
    state = (await graph.aget_state(THREAD)).values
    assert len(state["call_costs"]) == 4


async def test_runs_that_were_cancelled_count_on_their_thread_with_all_they_may_have_taken():
    slow = {n: Reply(f"It is {n}.", hang=True) for n in "abc"}
    pool = scripted(price=PRICE, **slow)
    graph = router(pool, thread_budget=Budget(calls=7))
    ends = []
    for _ in range(6):
        with pytest.raises((TimeoutError, BudgetError)) as caught:
            await asyncio.wait_for(graph.ainvoke(ASKED, THREAD), 0.2)
        ends.append(caught.type)
    assert ends[-1] is BudgetError
    assert sum(calls(pool).values()) <= 7


async def test_without_a_thread_of_its_own_the_answers_in_the_conversation_say_what_was_spent():
    pool = scripted(price=PRICE, a=long("1"), b=long("2"))
    graph = create_lightrouter(
        pool, context=Context(**FIXED, top_k=2, aggregator="vote", thread_budget=Budget(calls=5))
    ).compile()
    messages = (await graph.ainvoke(ASKED))["messages"]
    again = (await graph.ainvoke({"messages": [*messages, HumanMessage(QUESTION)]}))["messages"]
    assert decision(again[-1])["bill"]["calls"] == 1


async def test_a_chat_model_keeps_to_a_budget_as_well():
    chat = ChatLightRouter(five(), context=Context(**FIXED, top_k=2, budget=Budget(calls=1)))
    assert decision(await chat.ainvoke(QUESTION))["bill"]["calls"] == 1
    with pytest.raises(BudgetError):
        await ChatLightRouter(five(), budget={"usd": 1e-9}).ainvoke(QUESTION)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"usd": -1}, "Budget usd = -1: input should be greater than 0"),
        ({"eur": 1}, "eur"),
        ({"calls": 0}, "Budget calls = 0: input should be greater than 0"),
        (5, "budget = 5"),
    ],
)
def test_a_wrong_budget_is_named(wrong, said):
    with pytest.raises(ContextError, match=said):
        Context(budget=wrong)


def test_a_budget_of_a_run_is_laid_over_that_of_the_graph():
    bound = Context(budget=Budget(calls=5))
    assert bound.overlaid({"budget": {"usd": 0.5}}).budget == Budget(usd=0.5)
    assert bound.overlaid({"top_k": 2}).budget == Budget(calls=5)
    assert bound.overlaid({"budget": None}).budget is None


# No budget is ever exceeded


FAULTS = st.sampled_from(["text", "text", "text", "refused", "broken", "empty", "chatty", "hidden"])


def scripts(random, faults):
    """Draw what a candidate does, call by call."""
    texts = {
        "text": lambda: " ".join(f"w{random.randrange(99)}" for _ in range(random.randrange(1, 120))),
        "refused": lambda: RuntimeError("no"),
        "broken": lambda: Reply("one two three four", error=ConnectionError("gone")),
        "empty": lambda: "",
        "chatty": lambda: f"It is {random.randrange(3)}.",
        "hidden": lambda: Reply("", finish_reason="length"),
    }
    return [texts[fault]() for fault in faults]


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    prices=st.lists(st.sampled_from([None, 0.0, 0.3, 2.0, 15.0]), min_size=1, max_size=5),
    faults=st.lists(st.lists(FAULTS, min_size=4, max_size=8), min_size=5, max_size=5),
    context=st.fixed_dictionaries(
        {
            "boot_tokens": st.sampled_from([1, 5, 30]),
            "width": st.sampled_from([None, 1, 2, 3]),
            "top_k": st.integers(1, 4),
            "agree": st.sampled_from([None, 2]),
            "layers": st.integers(1, 3),
            "conditioning": st.sampled_from(["own", "shared"]),
            "max_tokens": st.sampled_from([None, 10, 80]),
            "selector": st.sampled_from(["llm", "consistency", "hybrid"]),
            "aggregator": st.sampled_from(["llm", "vote", "auto"]),
        }
    ),
    budget=st.fixed_dictionaries(
        {
            "usd": st.sampled_from([None, 0.0001, 0.001, 0.01, 0.1]),
            "tokens": st.sampled_from([None, 600, 2000, 6000, 30000]),
            "calls": st.sampled_from([None, 1, 2, 4, 9]),
        }
    ),
    seed=st.integers(0, 10**6),
)
async def test_no_budget_is_ever_exceeded(prices, faults, context, budget, seed):
    random = Random(seed)
    if context["agree"] and context["top_k"] < context["agree"]:
        context = context | {"agree": None}
    pool = Pool(
        [
            Candidate(
                name,
                ScriptedChatModel(responses=scripts(random, own), name=name, then="cycle"),
                price=None if price is None else (price, 4 * price),
                continuation=random.choice([None, "prefill"]),
            )
            for name, price, own in zip("abcde", prices, faults, strict=False)
        ]
    )
    limits = Budget(**budget)
    try:
        message = await run(pool, Context(**context, budget=limits))
        assert isinstance(message, AIMessage)
    except BudgetError:
        assert spent(pool)[0] == 0
    except NoSurvivorError:
        pass
    number, tokens, usd = spent(pool)
    assert limits.calls is None or number <= limits.calls
    assert limits.tokens is None or tokens <= limits.tokens
    assert limits.usd is None or usd <= limits.usd + 1e-9


async def test_a_draft_is_the_answer_where_nothing_is_left_for_another_layer():
    pool = scripted(price=PRICE, **{n: [long(n), Reply(long(n), finish_reason="stop")] for n in "ab"})
    hungry = ScriptedChatModel(
        responses=Reply("A draft.", usage={"input_tokens": 1, "output_tokens": 21_700, "total_tokens": 21_701}),
        name="w",
    )
    context = Context(**FIXED, top_k=2, layers=2, conditioning="shared", budget=Budget(tokens=22_000))
    message = await run(pool, context, aggregator=LLMAggregator(Candidate("w", hungry, price=PRICE)))
    record = decision(message)
    assert message.text == "A draft."
    assert not record["complete"]
    assert record["stopped_text"].endswith("the answer is: draft of layer 1")
    assert any("no further layer" in note for note in record["budget"])
    assert record["bill"]["calls"] == 3

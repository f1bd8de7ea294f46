"""What holds for any pool, any answers, any order of arrival."""

import asyncio
from itertools import permutations

from helpers import calls_of, decision, long, run, scripted
from hypothesis import given, settings
from hypothesis import strategies as st

from lightrouter_graph import Context, NoSurvivorError
from lightrouter_graph.testing import Reply, VirtualClock

SHORT = st.sampled_from(["4", "5", "6"]).map(lambda answer: f"The answer is {answer}.")
LONG = st.builds(long, st.sampled_from(["4", "5", "6"]), st.integers(10, 60))
BROKEN = st.sampled_from([RuntimeError("boom"), ConnectionError("gone"), ""])
SCRIPTS = st.lists(SHORT | LONG | BROKEN, min_size=1, max_size=5)
SETTINGS = st.builds(
    dict,
    width=st.none() | st.integers(1, 5),
    top_k=st.integers(2, 6),
    agree=st.none() | st.just(2),
    layers=st.integers(1, 2),
    conditioning=st.sampled_from(["own", "shared"]),
    selector=st.sampled_from(["consistency", "hybrid", "random"]),
    aggregator=st.sampled_from(["vote", "top_ranked", "llm"]),
    boot_tokens=st.just(12),
    seed=st.just(7),
)
QUICK = settings(max_examples=60, deadline=None)


def pool_of(scripts):
    return scripted(**{f"m{place}": script for place, script in enumerate(scripts)})


def outcome(pool, context, **wiring):
    """Run once; None when nobody could answer."""
    try:
        return asyncio.run(run(pool, context, **wiring))
    except NoSurvivorError:
        return None


@QUICK
@given(SCRIPTS, SETTINGS)
def test_the_bill_is_the_sum_of_what_the_models_saw(scripts, chosen):
    pool = pool_of(scripts)
    message = outcome(pool, Context(**chosen))
    if message is None:
        return
    seen = [call for candidate in pool for call in candidate.model.calls]
    usage = decision(message)["bill"]["usage"]
    assert decision(message)["bill"]["calls"] == len(seen)
    if not usage["estimated"]:
        answered = [call for call in seen if call.output_tokens]
        assert usage["output_tokens"] == sum(call.output_tokens for call in answered)
        # A call that raised was not billed; an empty reply was, for its prompt.
        assert usage["input_tokens"] <= sum(call.input_tokens for call in seen)
        assert usage["input_tokens"] >= sum(call.input_tokens for call in answered)


@QUICK
@given(SCRIPTS, SETTINGS)
def test_an_answer_comes_whenever_anybody_can_give_one(scripts, chosen):
    message = outcome(pool_of(scripts), Context(**chosen))
    able = any(isinstance(script, str) and script for script in scripts)
    assert (message is not None) == able


@QUICK
@given(SCRIPTS, SETTINGS)
def test_a_vote_never_invents_an_answer(scripts, chosen):
    message = outcome(pool_of(scripts), Context(**{**chosen, "aggregator": "vote"}))
    assert message is None or message.text in scripts


@QUICK
@given(st.lists(LONG, min_size=2, max_size=6), st.integers(1, 8), st.integers(0, 2**32))
def test_exactly_min_k_n_of_the_pool_answer(scripts, top_k, seed):
    pool = pool_of(scripts)
    context = Context(
        width=None, top_k=top_k, agree=None, selector="random", aggregator="top_ranked", boot_tokens=5, seed=seed
    )
    message = outcome(pool, context)
    answered = {c["candidate"] for c in decision(message)["candidates"] if c["outcome"] == "answered"}
    assert answered <= set(pool.names)
    assert len(answered) == min(top_k, len(pool))
    assert sum(len(calls_of(pool, name)) - 1 for name in pool.names) == len(answered)


def arriving(scripts, order):
    """Build a pool whose boots arrive in the given order."""
    clock = VirtualClock()
    pool = scripted(**{f"m{i}": [Reply(text, delay_s=1.0 + order[i]), text] for i, text in enumerate(scripts)})
    for candidate in pool:
        candidate.model.clock = clock
    return pool


@settings(max_examples=10, deadline=None)
@given(st.lists(LONG, min_size=3, max_size=3), st.sampled_from(["consistency", "hybrid", "random"]))
def test_the_order_in_which_boots_arrive_changes_nothing(scripts, selector):
    context = Context(width=None, top_k=2, agree=None, selector=selector, aggregator="vote", boot_tokens=5, seed=3)
    outcomes = [outcome(arriving(scripts, order), context) for order in permutations(range(3))]
    assert len({message.text for message in outcomes}) == 1
    assert len({str(decision(message)["candidates"]) for message in outcomes}) == 1


@settings(max_examples=10, deadline=None)
@given(st.lists(SHORT, min_size=3, max_size=3))
def test_a_race_of_three_ends_with_the_same_answer_whoever_is_fastest(scripts):
    outcomes = [outcome(arriving(scripts, order), Context(aggregator="vote")) for order in permutations(range(3))]
    assert len({message.text for message in outcomes}) == 1


@settings(max_examples=20, deadline=None)
@given(SCRIPTS, st.integers(0, 2**32))
def test_the_same_seed_gives_the_same_run(scripts, seed):
    context = Context(
        width=None, top_k=2, agree=None, selector="random", aggregator="top_ranked", boot_tokens=5, seed=seed
    )
    first, second = outcome(pool_of(scripts), context), outcome(pool_of(scripts), context)
    assert (first is None) == (second is None)
    if first is not None and second is not None:
        assert first.text == second.text
        assert decision(first)["candidates"] == decision(second)["candidates"]

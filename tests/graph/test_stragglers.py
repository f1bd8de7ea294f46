"""Slow candidates: a quorum and a grace, time-outs, a deadline; what was heard of a reply still counts."""

import pytest
from helpers import calls, calls_of, decision, long, run

from lightrouter_graph import Candidate, Context, LLMAggregator, Pool
from lightrouter_graph.testing import Reply, ScriptedChatModel, VirtualClock, split_tokens


def timed(clock, price=(1.0, 1.0), **scripts):
    """Build a pool whose delays cost no real time."""
    return Pool(
        [
            Candidate(n, ScriptedChatModel(responses=s, name=n, then="repeat_last", clock=clock), price=price)
            for n, s in scripts.items()
        ]
    )


@pytest.fixture
def clock():
    return VirtualClock()


def slow(answer="9", per_token=1.0):
    return Reply(long(answer), delay_per_token_s=per_token)


PAPER = {"agree": None, "width": None, "aggregator": "top_ranked"}


async def test_boots_wait_for_everybody_unless_a_quorum_is_asked_for(clock):
    pool = timed(clock, a=long("1"), b=long("2"), c=slow())
    await run(pool, Context(boot_tokens=10, top_k=1, **PAPER))
    assert clock.now == pytest.approx(10, abs=0.1)


async def test_after_the_quorum_and_the_grace_the_slow_are_cancelled_and_count_as_far_as_they_were_heard(clock):
    pool = timed(clock, a=long("1"), b=long("2"), c=slow(per_token=0.5))
    context = Context(boot_tokens=10, top_k=1, **PAPER, calls={"boot_quorum": 2, "boot_grace_s": 3.2})
    message = await run(pool, context)
    assert clock.now == pytest.approx(3.2, abs=0.1)
    assert calls_of(pool, "c")[0].cancelled
    boots = {c["candidate"]: c for c in decision(message)["candidates"]}
    assert boots["c"]["boot_tokens"] == 6
    assert boots["c"]["score"] is not None
    assert boots["c"]["outcome"] == "dropped"


async def test_a_straggler_that_said_nothing_is_a_failure_with_its_cause(clock):
    pool = timed(clock, a=long("1"), b=long("2"), c=Reply("", hang=True))
    message = await run(pool, Context(boot_tokens=10, top_k=1, **PAPER, calls={"boot_quorum": 2, "boot_grace_s": 1}))
    why = {c["candidate"]: c["why"] for c in decision(message)["candidates"]}
    assert why["c"] == "slow_after_quorum: 2 others had completed 1 s before"


async def test_a_failure_is_no_arrival(clock):
    pool = timed(clock, a=ValueError("no"), b=long("2"), c=slow(per_token=0.5))
    await run(pool, Context(boot_tokens=10, top_k=1, **PAPER, calls={"boot_quorum": 2, "boot_grace_s": 0}))
    assert not calls_of(pool, "c")[0].cancelled


async def test_a_boot_that_took_too_long_counts_as_far_as_it_was_heard(clock):
    pool = timed(clock, a=long("1"), b=slow(per_token=1.0))
    context = Context(boot_tokens=10, top_k=2, **PAPER, calls={"boot_timeout_s": 6.5, "boot_quorum": 2})
    message = await run(pool, context)
    b = next(c for c in decision(message)["candidates"] if c["candidate"] == "b")
    assert (b["boot_tokens"], b["outcome"], b["why"]) == (6, "answered", "")
    assert message.text in {long("1"), long("9")}


async def test_a_boot_that_broke_off_counts_as_far_as_it_was_heard(clock):
    broken = Reply("Three apples and four pears", error=ConnectionError("reset"))
    pool = timed(clock, a=long("1"), b=broken)
    message = await run(pool, Context(boot_tokens=10, top_k=1, **PAPER, calls={"boot_quorum": 2}))
    b = next(c for c in decision(message)["candidates"] if c["candidate"] == "b")
    assert (b["score"] is not None, b["boot_tokens"]) == (True, 5)


async def test_what_was_heard_of_a_stopped_boot_is_on_the_bill(clock):
    pool = timed(clock, a=long("1"), b=long("2"), c=slow(per_token=0.5))
    message = await run(pool, Context(boot_tokens=10, top_k=1, **PAPER, calls={"boot_quorum": 2, "boot_grace_s": 3.2}))
    bill = decision(message)["bill"]
    assert bill["usage"]["output_tokens"] == sum(c.output_tokens for name in "abc" for c in calls_of(pool, name))
    assert bill["usage"]["estimated"]


async def test_a_quorum_of_answers_stops_the_others_and_nobody_takes_their_place(clock):
    scripts = {"a": long("1"), "b": long("2"), "c": [long("3"), slow("3")], "d": long("4")}
    pool = timed(clock, **scripts)
    context = Context(
        boot_tokens=10, top_k=3, conditioning="own", **PAPER, calls={"answer_quorum": 2, "answer_grace_s": 2}
    )
    message = await run(pool, context)
    assert clock.now == pytest.approx(2, abs=0.1)
    assert calls(pool) == {"a": 2, "b": 2, "c": 2, "d": 1}
    assert decision(message)["stopped_text"] == "a quorum of 2 has answered"
    c = next(c for c in decision(message)["candidates"] if c["candidate"] == "c")
    assert c["why"].startswith("slow_after_quorum: 2 others")


async def test_at_the_deadline_the_best_complete_answer_is_returned_and_marked(clock):
    pool = timed(clock, a=[long("1"), slow("1")], b=long("2"))
    message = await run(pool, Context(boot_tokens=10, top_k=2, deadline_s=5, **PAPER))
    assert message.text == long("2")
    assert decision(message)["deadline_exceeded"]
    assert decision(message)["complete"]
    assert clock.now == pytest.approx(5, rel=0.1)


async def test_at_the_deadline_what_was_heard_of_an_answer_is_better_than_nothing_and_is_said_to_be_cut_off(clock):
    pool = timed(clock, a=[long("1"), slow("1")], b=[long("2"), Reply("", hang=True)])
    message = await run(pool, Context(boot_tokens=10, top_k=2, deadline_s=15.5, **PAPER))
    assert message.text == "".join(split_tokens(long("1"))[:15])
    assert decision(message)["merge_notes"]["last_resort"] == "incomplete answer of a"
    assert not decision(message)["complete"]


async def test_a_run_in_time_says_so():
    message = await run(timed(VirtualClock(), a="It is 4.", b="It is 4."), Context(deadline_s=5))
    assert (decision(message)["deadline_exceeded"], decision(message)["complete"]) == (False, True)


async def test_a_boot_that_reasoning_ate_has_arrived(clock):
    hidden = Reply("", finish_reason="length", usage={"input_tokens": 9, "output_tokens": 10, "total_tokens": 19})
    pool = timed(clock, a=hidden, b=long("2"), c=Reply("", hang=True))
    await run(pool, Context(boot_tokens=10, top_k=1, **PAPER, calls={"boot_quorum": 2, "boot_grace_s": 1}))
    assert clock.now < 5


async def test_a_deadline_that_strikes_while_the_answers_are_merged_is_marked(clock):
    writer = ScriptedChatModel(responses=slow("4"), name="w", clock=clock)
    pool, context = timed(clock, a=long("1"), b=long("2")), Context(boot_tokens=10, top_k=2, agree=None, deadline_s=3)
    message = await run(pool, context, aggregator=LLMAggregator(writer))
    assert message.text in {long("1"), long("2")}
    assert decision(message)["deadline_exceeded"]

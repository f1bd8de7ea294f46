"""Calls that stop each other once enough answers agree."""

import asyncio

import pytest

from lightrouter_graph.runtime.early_stop import EarlyStop, EarlyStopRules


class Endless:
    """A call that never ends by itself and knows whether it was stopped."""

    def __init__(self):
        self.begun = asyncio.Event()
        self.stopped = False

    async def __call__(self):
        self.begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.stopped = True


async def reply(value):
    return value


async def fail(exc):
    raise exc


async def test_a_call_that_ends_first_brings_its_result():
    assert await EarlyStop(EarlyStopRules(2)).run(reply("4")) == "4"


async def test_enough_equal_votes_stop_a_call_that_is_still_live():
    early_stop, call = EarlyStop(EarlyStopRules(2)), Endless()
    running = asyncio.create_task(early_stop.run(call()))
    await call.begun.wait()
    early_stop.report("v1", "4")
    early_stop.report("v2", "4")
    assert await running is None
    assert call.stopped


async def test_different_votes_and_votes_without_an_answer_decide_nothing():
    early_stop, call = EarlyStop(EarlyStopRules(2)), Endless()
    running = asyncio.create_task(early_stop.run(call()))
    await call.begun.wait()
    for candidate, vote in zip("abcde", ("4", "5", None, None, None), strict=True):
        early_stop.report(candidate, vote)
    await asyncio.sleep(0)
    assert not running.done()
    running.cancel()


async def test_answers_from_before_count_as_votes():
    early_stop, call = EarlyStop(EarlyStopRules(2), keys={"p0": "4", "p1": "5"}), Endless()
    running = asyncio.create_task(early_stop.run(call()))
    await call.begun.wait()
    early_stop.report("v3", "4")
    assert await running is None


async def test_a_call_that_begins_after_the_decision_is_stopped_too():
    early_stop, call = EarlyStop(EarlyStopRules(2), keys={"p0": "4"}), Endless()
    early_stop.report("v4", "4")
    assert await early_stop.run(call()) is None


async def test_a_failing_call_raises_its_own_exception():
    with pytest.raises(ValueError, match="boom"):
        await EarlyStop(EarlyStopRules(2)).run(fail(ValueError("boom")))


async def test_cancelling_a_branch_stops_its_call_before_it_returns():
    call = Endless()
    running = asyncio.create_task(EarlyStop(EarlyStopRules(2)).run(call()))
    await call.begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert call.stopped


async def test_a_candidate_that_votes_again_after_a_resume_counts_once():
    early_stop = EarlyStop(EarlyStopRules(2), keys={})
    early_stop.report("a", "4")
    early_stop.report("a", "4")
    assert not early_stop.stop_reason

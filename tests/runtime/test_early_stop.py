"""Calls that stop each other once enough answers agree."""

import asyncio

import pytest

from lightrouter_graph.runtime.early_stop import EarlyStop, EarlyStopRules
from lightrouter_graph.runtime.run_registry import RunRegistry


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
    race, call = EarlyStop(EarlyStopRules(2)), Endless()
    running = asyncio.create_task(race.run(call()))
    await call.begun.wait()
    race.arrive("v1", "4")
    race.arrive("v2", "4")
    assert await running is None
    assert call.stopped


async def test_different_votes_and_votes_without_an_answer_decide_nothing():
    race, call = EarlyStop(EarlyStopRules(2)), Endless()
    running = asyncio.create_task(race.run(call()))
    await call.begun.wait()
    for candidate, vote in zip("abcde", ("4", "5", None, None, None), strict=True):
        race.arrive(candidate, vote)
    await asyncio.sleep(0)
    assert not running.done()
    running.cancel()


async def test_answers_from_before_count_as_votes():
    race, call = EarlyStop(EarlyStopRules(2), answers={"p0": "4", "p1": "5"}), Endless()
    running = asyncio.create_task(race.run(call()))
    await call.begun.wait()
    race.arrive("v3", "4")
    assert await running is None


async def test_a_call_that_begins_after_the_decision_is_stopped_too():
    race, call = EarlyStop(EarlyStopRules(2), answers={"p0": "4"}), Endless()
    race.arrive("v4", "4")
    assert await race.run(call()) is None


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


async def test_branches_of_one_name_run_in_one_race():
    runs = RunRegistry()
    race = runs.join("run-1", "boot 1", EarlyStopRules(2))
    assert runs.join("run-1", "boot 1", EarlyStopRules(2)) is race
    assert runs.join("run-2", "boot 1", EarlyStopRules(2)) is not race


async def test_a_race_waits_for_branches_that_come_one_after_the_other():
    runs = RunRegistry()
    runs.join("run-1", "boot 1", EarlyStopRules(2)).arrive("v5", "4")
    runs.join("run-1", "boot 1", EarlyStopRules(2)).arrive("v6", "4")
    assert runs.join("run-1", "boot 1", EarlyStopRules(2)).verdict


async def test_a_race_is_forgotten_when_its_run_goes_on():
    runs = RunRegistry()
    runs.join("run-1", "boot 1", EarlyStopRules(2)).arrive("v7", "4")
    runs.join("run-2", "boot 1", EarlyStopRules(2)).arrive("v8", "4")
    runs.end("run-1")
    assert runs.join("run-1", "boot 1", EarlyStopRules(2)).verdict is None


async def test_runs_that_died_leave_no_more_than_so_many_runs():
    runs = RunRegistry()
    for number in range(3000):
        runs.join(f"run-{number}", "boot 1", EarlyStopRules(2))
    assert len(runs._live) == 1000


async def test_a_candidate_that_votes_again_after_a_resume_counts_once():
    race = EarlyStop(EarlyStopRules(2), answers={})
    race.arrive("a", "4")
    race.arrive("a", "4")
    assert not race.verdict


def test_a_run_that_is_resumed_in_another_event_loop_runs_anew():
    runs = RunRegistry()

    async def join():
        return runs.join("run-1", "boot 1", EarlyStopRules(2))

    first, second = asyncio.run(join()), asyncio.run(join())
    assert first is not second

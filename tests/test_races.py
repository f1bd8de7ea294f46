"""Calls that stop each other once enough answers agree."""

import asyncio

import pytest

from lightrouter_graph.races import Race, Races


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
    assert await Race(2, {}).run(reply("4")) == "4"


async def test_enough_equal_votes_stop_a_call_that_is_still_running():
    race, call = Race(2, {}), Endless()
    running = asyncio.create_task(race.run(call()))
    await call.begun.wait()
    race.vote("v1", "4")
    race.vote("v2", "4")
    assert await running is None
    assert call.stopped


async def test_different_votes_and_votes_without_an_answer_decide_nothing():
    race, call = Race(2, {}), Endless()
    running = asyncio.create_task(race.run(call()))
    await call.begun.wait()
    for candidate, vote in zip("abcde", ("4", "5", None, None, None), strict=True):
        race.vote(candidate, vote)
    await asyncio.sleep(0)
    assert not running.done()
    running.cancel()


async def test_answers_from_before_count_as_votes():
    race, call = Race(agree=2, answers={"p0": "4", "p1": "5"}), Endless()
    running = asyncio.create_task(race.run(call()))
    await call.begun.wait()
    race.vote("v3", "4")
    assert await running is None


async def test_a_call_that_begins_after_the_decision_is_stopped_too():
    race, call = Race(agree=2, answers={"p0": "4"}), Endless()
    race.vote("v4", "4")
    assert await race.run(call()) is None


async def test_a_failing_call_raises_its_own_exception():
    with pytest.raises(ValueError, match="boom"):
        await Race(2, {}).run(fail(ValueError("boom")))


async def test_cancelling_a_branch_stops_its_call_before_it_returns():
    call = Endless()
    running = asyncio.create_task(Race(2, {}).run(call()))
    await call.begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert call.stopped


async def test_branches_of_one_name_run_in_one_race():
    races = Races()
    race = races.join("run-1", "boot 1", agree=2)
    assert races.join("run-1", "boot 1", agree=2) is race
    assert races.join("run-2", "boot 1", agree=2) is not race


async def test_a_race_waits_for_branches_that_come_one_after_the_other():
    races = Races()
    races.join("run-1", "boot 1", agree=2).vote("v5", "4")
    races.join("run-1", "boot 1", agree=2).vote("v6", "4")
    assert races.join("run-1", "boot 1", agree=2).decided


async def test_a_race_is_forgotten_when_its_run_goes_on():
    races = Races()
    races.join("run-1", "boot 1", agree=2).vote("v7", "4")
    races.join("run-2", "boot 1", agree=2).vote("v8", "4")
    races.end("run-1")
    assert list(races._running) == ["run-2"]


async def test_runs_that_died_leave_no_more_than_so_many_races():
    races = Races()
    for number in range(3000):
        races.join(f"run-{number}", "boot 1", agree=2)
    assert len(races._running) == 1000


async def test_a_candidate_that_votes_again_after_a_resume_counts_once():
    race = Race(agree=2, answers={})
    race.vote("a", "4")
    race.vote("a", "4")
    assert not race.decided


def test_a_run_that_is_resumed_in_another_event_loop_races_anew():
    races = Races()

    async def join():
        return races.join("run-1", "boot 1", agree=2)

    first, second = asyncio.run(join()), asyncio.run(join())
    assert first is not second

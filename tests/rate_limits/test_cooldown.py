"""A cooldown is kept by all it concerns, ended a little apart, and never waited for in vain."""

import asyncio

import pytest
from rate_limits.road import turns

from lightrouter_graph.rate_limits.cooldown import Cooldown
from lightrouter_graph.testing import VirtualClock


@pytest.fixture
def clock():
    return VirtualClock()


def pauses_on(clock, random=lambda: 0.0):
    return Cooldown(lambda: clock.now, clock.sleep, random)


async def test_without_a_pause_nobody_waits(clock):
    assert await pauses_on(clock).sit_out("m", 0.0)
    assert clock.now == 0


async def test_a_pause_for_all_is_for_all(clock):
    cooldown = pauses_on(clock)
    cooldown.begin(None, 10)
    assert [cooldown.left_s("a"), cooldown.left_s("b")] == [10, 10]
    assert await cooldown.sit_out("a", 100)
    assert clock.now == pytest.approx(10)
    assert cooldown.left_s("b") == 0


async def test_a_pause_for_one_model_is_for_no_other(clock):
    cooldown = pauses_on(clock)
    cooldown.begin("a", 10)
    assert [cooldown.left_s("a"), cooldown.left_s("b")] == [10, 0]


async def test_a_shorter_pause_does_not_end_a_longer_one(clock):
    cooldown = pauses_on(clock)
    cooldown.begin(None, 10)
    cooldown.begin(None, 1)
    assert cooldown.left_s("m") == 10


async def test_a_pause_that_grows_while_it_is_sat_out_is_sat_out_to_the_end(clock):
    cooldown = pauses_on(clock)
    cooldown.begin(None, 5)
    waiting = asyncio.ensure_future(cooldown.sit_out("m", 100))
    await clock.sleep(3)
    cooldown.begin(None, 10)
    assert await waiting
    assert clock.now == pytest.approx(13)


async def test_they_do_not_come_back_at_the_same_instant(clock):
    draws = iter([0.0, 0.5, 0.99])
    cooldown = pauses_on(clock, lambda: next(draws))
    cooldown.begin(None, 8)
    back = []

    async def come_back():
        await cooldown.sit_out("m", 100)
        back.append(clock.now)

    await asyncio.gather(*(come_back() for _ in range(3)))
    assert back == pytest.approx([8, 9, 9.98])


async def test_coming_back_later_never_costs_the_rest_of_ones_patience(clock):
    cooldown = pauses_on(clock, lambda: 1.0)
    cooldown.begin(None, 8)
    assert await cooldown.sit_out("m", 8.5)
    assert clock.now == pytest.approx(8.5)


async def test_a_pause_longer_than_patience_is_not_waited_for(clock):
    cooldown = pauses_on(clock)
    cooldown.begin(None, 8)
    assert not await cooldown.sit_out("m", 7.9)
    assert clock.now == 0


async def test_a_pause_is_left_by_being_cancelled(clock):
    cooldown = pauses_on(clock)
    cooldown.begin(None, 8)
    waiting = asyncio.ensure_future(cooldown.sit_out("m", 100))
    await turns()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_pauses_that_are_over_are_forgotten(clock):
    cooldown = pauses_on(clock)
    for number in range(100):
        cooldown.begin(f"model {number}", 1)
        await clock.sleep(2)
    assert len(cooldown._until) == 1

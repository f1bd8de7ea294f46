"""A cooldown delays the requests it applies to, with jitter, and is not waited for beyond the timeout."""

import asyncio

import pytest
from rate_limits.requests_on import turns

from lightrouter_graph.rate_limits.cooldown import Cooldown
from lightrouter_graph.testing import VirtualClock


@pytest.fixture
def clock():
    return VirtualClock()


def cooldown_on(clock, random=lambda: 0.0):
    return Cooldown(lambda: clock.now, clock.sleep, random)


async def test_without_a_cooldown_there_is_no_wait(clock):
    assert await cooldown_on(clock).wait("m", 0.0)
    assert clock.now == 0


async def test_a_cooldown_without_a_model_applies_to_all_models(clock):
    cooldown = cooldown_on(clock)
    cooldown.start(None, 10)
    assert [cooldown.remaining_s("a"), cooldown.remaining_s("b")] == [10, 10]
    assert await cooldown.wait("a", 100)
    assert clock.now == pytest.approx(10)
    assert cooldown.remaining_s("b") == 0


async def test_a_cooldown_of_one_model_applies_to_no_other(clock):
    cooldown = cooldown_on(clock)
    cooldown.start("a", 10)
    assert [cooldown.remaining_s("a"), cooldown.remaining_s("b")] == [10, 0]


async def test_a_shorter_cooldown_does_not_replace_a_longer_one(clock):
    cooldown = cooldown_on(clock)
    cooldown.start(None, 10)
    cooldown.start(None, 1)
    assert cooldown.remaining_s("m") == 10


async def test_a_cooldown_extended_during_the_wait_is_waited_for(clock):
    cooldown = cooldown_on(clock)
    cooldown.start(None, 5)
    waiting = asyncio.ensure_future(cooldown.wait("m", 100))
    await clock.sleep(3)
    cooldown.start(None, 10)
    assert await waiting
    assert clock.now == pytest.approx(13)


async def test_waiting_requests_end_their_wait_at_different_times(clock):
    draws = iter([0.0, 0.5, 0.99])
    cooldown = cooldown_on(clock, lambda: next(draws))
    cooldown.start(None, 8)
    ended = []

    async def wait_once():
        await cooldown.wait("m", 100)
        ended.append(clock.now)

    await asyncio.gather(*(wait_once() for _ in range(3)))
    assert ended == pytest.approx([8, 9, 9.98])


async def test_jitter_never_exceeds_the_timeout(clock):
    cooldown = cooldown_on(clock, lambda: 1.0)
    cooldown.start(None, 8)
    assert await cooldown.wait("m", 8.5)
    assert clock.now == pytest.approx(8.5)


async def test_a_cooldown_longer_than_the_timeout_is_not_waited_for(clock):
    cooldown = cooldown_on(clock)
    cooldown.start(None, 8)
    assert not await cooldown.wait("m", 7.9)
    assert clock.now == 0


async def test_a_wait_can_be_cancelled(clock):
    cooldown = cooldown_on(clock)
    cooldown.start(None, 8)
    waiting = asyncio.ensure_future(cooldown.wait("m", 100))
    await turns()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_expired_cooldowns_are_removed(clock):
    cooldown = cooldown_on(clock)
    for number in range(100):
        cooldown.start(f"model {number}", 1)
        await clock.sleep(2)
    assert len(cooldown._until) == 1

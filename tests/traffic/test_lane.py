"""A lane lets as many through as it may, none while it must not, and learns from how they fared."""

import asyncio
import pickle

import pytest
from traffic.road import MODEL, call, lane_on, refusal, turns

from lightrouter_graph.errors import LightRouterError, PoolError
from lightrouter_graph.testing import VirtualClock
from lightrouter_graph.traffic import LaneClosedError
from lightrouter_graph.traffic.lane import DEFAULT_LIMIT


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def lane(clock):
    return lane_on(clock)


async def fail(lane, times=5, cause="unavailable", **told):
    for _ in range(times):
        await call(lane, cause, **told)


# places ----------------------------------------------------------------------------------------------------


async def test_the_limit_holds_under_a_thousand_calls_of_several_models(clock):
    lane, most = lane_on(clock, limit=9), 0

    async def one(number):
        nonlocal most
        async with lane.place(f"model {number % 5}", patience_s=1e6) as place:
            most = max(most, lane.taken)
            await clock.sleep(1)
            place.note(None)

    await asyncio.gather(*(one(number) for number in range(1000)))
    assert (most, lane.taken) == (9, 0)
    assert clock.now == pytest.approx(112)


async def test_who_finds_no_place_in_time_is_told_so(clock):
    lane = lane_on(clock, limit=1)
    holder = asyncio.ensure_future(call(lane, during=clock.sleep(60)))
    await turns()
    closed = await refusal(lane, patience_s=5)
    assert closed.failure == {
        "cause": "rate_limited",
        "message": "m found no place within 5 s (1 calls at a time)",
    }
    assert clock.now == pytest.approx(5, abs=0.1)
    await holder
    assert lane.taken == 0


async def test_the_smallest_limit_named_holds_and_any_holds_over_the_default(lane):
    assert lane.limit == DEFAULT_LIMIT
    limits = []
    for limit in (200, 3, 50, 1, 3):
        lane.limit_to(limit)
        limits.append(lane.limit)
    assert limits == [200, 3, 3, 1, 1]


@pytest.mark.parametrize("limit", [0, -1, 1.5, True, "3"])
def test_a_limit_that_is_none_is_refused(lane, limit):
    with pytest.raises(PoolError, match="at least 1"):
        lane.limit_to(limit)


async def test_cancelled_while_waiting_for_a_place(clock):
    lane = lane_on(clock, limit=1)
    holder = asyncio.ensure_future(call(lane, during=clock.sleep(60)))
    await turns()
    waiting = asyncio.ensure_future(call(lane))
    await turns()
    waiting.cancel()
    await asyncio.wait({waiting})
    await holder
    assert lane.taken == 0


async def test_cancelled_while_holding_a_place(clock, lane):
    holder = asyncio.ensure_future(call(lane, during=clock.sleep(60)))
    await turns()
    assert lane.taken == 1
    holder.cancel()
    await asyncio.wait({holder})
    assert lane.taken == 0


async def test_cancelled_during_a_pause(clock, lane):
    await call(lane, "rate_limited", 30)
    waiting = asyncio.ensure_future(call(lane))
    await turns()
    waiting.cancel()
    await asyncio.wait({waiting})
    assert lane.taken == 0


async def test_an_error_inside_gives_the_place_back(lane):
    with pytest.raises(ValueError, match="boom"):
        async with lane.place(MODEL, patience_s=1):
            raise ValueError("boom")
    assert lane.taken == 0


# pauses ----------------------------------------------------------------------------------------------------


async def test_a_short_pause_holds_for_every_model_of_the_lane(clock, lane):
    await call(lane, "rate_limited", 20)
    await call(lane, model="other")
    assert clock.now == pytest.approx(20)


async def test_a_long_pause_is_a_quota_and_holds_for_the_model_alone(clock, lane):
    await call(lane, "rate_limited", 600)
    await call(lane, model="other")
    assert clock.now == 0
    closed = await refusal(lane, patience_s=30)
    assert closed.failure == {
        "cause": "rate_limited",
        "message": "m was told to wait 600 s more, longer than the call may take",
    }


async def test_an_unavailable_model_pauses_itself_alone(clock, lane):
    await call(lane, "unavailable", 20)
    await call(lane, model="other")
    assert clock.now == 0
    await call(lane)
    assert clock.now == pytest.approx(20)


async def test_a_pause_that_begins_while_calls_queue_is_kept_by_them(clock):
    lane, began = lane_on(clock, limit=1), []

    async def one(cause, retry_after_s=None):
        async with lane.place(MODEL, patience_s=1000) as place:
            began.append(clock.now)
            await clock.sleep(1)
            place.note(cause, retry_after_s)

    await asyncio.gather(one("rate_limited", 20), one(None), one(None))
    assert began == pytest.approx([0, 21, 22])
    assert lane.taken == 0


async def test_a_pause_of_one_model_takes_no_places_from_the_others(clock):
    lane = lane_on(clock, limit=1)
    await call(lane, "rate_limited", 600)
    waiting = asyncio.ensure_future(call(lane))
    await turns()
    await call(lane, model="other", patience_s=0)
    await waiting
    assert clock.now == pytest.approx(600)


# breakers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cause", ["unavailable", "disconnected", "timeout", "auth"])
async def test_failures_in_a_row_open_the_models_breaker_and_no_other(lane, cause):
    await fail(lane, cause=cause)
    closed = await refusal(lane)
    assert closed.failure == {"cause": "unavailable", "message": "m failed 5 times in a row; next try in 30 s"}
    assert await refusal(lane, model="other") is None


@pytest.mark.parametrize("cause", ["bad_response", "content_filter", "context_length", "empty", "invalid"])
async def test_an_answer_of_any_kind_shows_that_somebody_is_there(lane, cause):
    for _ in range(3):
        await fail(lane, 4)
        await call(lane, cause)
    assert await refusal(lane) is None


@pytest.mark.parametrize("cause", ["rate_limited", "cancelled"])
async def test_some_causes_count_neither_way(lane, cause):
    await fail(lane, 4)
    await fail(lane, 10, cause)
    assert await refusal(lane) is None
    await fail(lane, 1)
    assert await refusal(lane) is not None


async def test_an_open_breaker_costs_no_time_and_no_place(clock):
    lane = lane_on(clock, limit=1)
    await fail(lane)
    holder = asyncio.ensure_future(call(lane, model="other", during=clock.sleep(60)))
    await turns()
    assert (await refusal(lane)).cause == "unavailable"
    assert clock.now == 0
    await holder


async def test_of_many_calls_after_the_rest_one_is_sent(clock, lane):
    await fail(lane)
    await clock.sleep(30)
    sent = 0

    async def one():
        nonlocal sent
        async with lane.place(MODEL, patience_s=1) as place:
            sent += 1
            await clock.sleep(5)
            place.note(None)

    outcomes = await asyncio.gather(*(one() for _ in range(100)), return_exceptions=True)
    assert sent == 1
    refused = [str(outcome) for outcome in outcomes if outcome is not None]
    assert refused == ["m failed 5 times in a row; it is being tried again now"] * 99
    assert await refusal(lane) is None


async def test_a_cancelled_probe_counts_neither_way_and_frees_its_place(clock, lane):
    await fail(lane)
    await clock.sleep(30)
    probe = asyncio.ensure_future(call(lane, during=clock.sleep(60)))
    await turns()
    assert await refusal(lane) is not None
    probe.cancel()
    await asyncio.wait({probe})
    await call(lane)
    assert await refusal(lane) is None


async def test_cancelled_calls_never_open_a_breaker_and_never_save_it(clock, lane):
    await fail(lane, 4)
    for _ in range(10):
        task = asyncio.ensure_future(call(lane, during=clock.sleep(60)))
        await turns()
        task.cancel()
        await asyncio.wait({task})
    assert await refusal(lane) is None
    await fail(lane, 1)
    assert await refusal(lane) is not None


async def test_calls_that_queued_while_the_breaker_opened_are_not_sent(clock):
    lane, sent = lane_on(clock, limit=1), 0

    async def one():
        nonlocal sent
        async with lane.place(MODEL, patience_s=1000) as place:
            sent += 1
            await clock.sleep(1)
            place.note("unavailable")

    outcomes = await asyncio.gather(*(one() for _ in range(20)), return_exceptions=True)
    assert sent == 5
    assert sum(isinstance(outcome, LaneClosedError) for outcome in outcomes) == 15
    assert lane.taken == 0


async def test_a_lane_remembers_a_bounded_number_of_models(lane):
    for number in range(2500):
        await call(lane, model=f"model {number}")
    assert len(lane._breakers) == 1000


# what is told ----------------------------------------------------------------------------------------------


def test_a_refusal_is_an_error_of_ours_and_survives_a_pickle():
    closed = pickle.loads(pickle.dumps(LaneClosedError("rate_limited", "not now")))
    assert isinstance(closed, LightRouterError)
    assert closed.failure == {"cause": "rate_limited", "message": "not now"}


async def test_a_secret_in_a_models_name_is_not_told(lane):
    name = "m?api_key=sk-verysecret123"
    for _ in range(5):
        await call(lane, "auth", model=name)
    assert "verysecret" not in str(await refusal(lane, model=name))


async def test_a_lane_says_how_busy_it_is(lane):
    async with lane.place(MODEL, patience_s=1):
        assert repr(lane) == "Lane('test', 1 of 100 places taken)"

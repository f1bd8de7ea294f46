"""An endpoint lets as many through as it may, none while it must not, and learns from how they fared."""

import asyncio
import pickle

import pytest
from rate_limits.road import MODEL, call, endpoint_on, refusal, turns

from lightrouter_graph.errors import LightRouterError, PoolError
from lightrouter_graph.rate_limits import EndpointClosedError
from lightrouter_graph.rate_limits.endpoint import DEFAULT_LIMIT
from lightrouter_graph.testing import VirtualClock


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def endpoint(clock):
    return endpoint_on(clock)


async def fail(endpoint, times=5, cause="unavailable", **told):
    for _ in range(times):
        await call(endpoint, cause, **told)


# permits ----------------------------------------------------------------------------------------------------


async def test_the_limit_holds_under_a_thousand_calls_of_several_models(clock):
    endpoint, most = endpoint_on(clock, limit=9), 0

    async def one(number):
        nonlocal most
        async with endpoint.permit(f"model {number % 5}", acquire_timeout_s=1e6) as permit:
            most = max(most, endpoint.taken)
            await clock.sleep(1)
            permit.note(None)

    await asyncio.gather(*(one(number) for number in range(1000)))
    assert (most, endpoint.taken) == (9, 0)
    assert clock.now == pytest.approx(112)


async def test_who_finds_no_place_in_time_is_told_so(clock):
    endpoint = endpoint_on(clock, limit=1)
    holder = asyncio.ensure_future(call(endpoint, during=clock.sleep(60)))
    await turns()
    closed = await refusal(endpoint, acquire_timeout_s=5)
    assert closed.failure == {
        "cause": "rate_limited",
        "message": "m found no place within 5 s (1 calls at a time)",
    }
    assert clock.now == pytest.approx(5, abs=0.1)
    await holder
    assert endpoint.taken == 0


async def test_the_smallest_limit_named_holds_and_any_holds_over_the_default(endpoint):
    assert endpoint.limit == DEFAULT_LIMIT
    limits = []
    for limit in (200, 3, 50, 1, 3):
        endpoint.limit_to(limit)
        limits.append(endpoint.limit)
    assert limits == [200, 3, 3, 1, 1]


@pytest.mark.parametrize("limit", [0, -1, 1.5, True, "3"])
def test_a_limit_that_is_none_is_refused(endpoint, limit):
    with pytest.raises(PoolError, match="at least 1"):
        endpoint.limit_to(limit)


async def test_cancelled_while_waiting_for_a_place(clock):
    endpoint = endpoint_on(clock, limit=1)
    holder = asyncio.ensure_future(call(endpoint, during=clock.sleep(60)))
    await turns()
    waiting = asyncio.ensure_future(call(endpoint))
    await turns()
    waiting.cancel()
    await asyncio.wait({waiting})
    await holder
    assert endpoint.taken == 0


async def test_cancelled_while_holding_a_place(clock, endpoint):
    holder = asyncio.ensure_future(call(endpoint, during=clock.sleep(60)))
    await turns()
    assert endpoint.taken == 1
    holder.cancel()
    await asyncio.wait({holder})
    assert endpoint.taken == 0


async def test_cancelled_during_a_pause(clock, endpoint):
    await call(endpoint, "rate_limited", 30)
    waiting = asyncio.ensure_future(call(endpoint))
    await turns()
    waiting.cancel()
    await asyncio.wait({waiting})
    assert endpoint.taken == 0


async def test_an_error_inside_gives_the_place_back(endpoint):
    with pytest.raises(ValueError, match="boom"):
        async with endpoint.permit(MODEL, acquire_timeout_s=1):
            raise ValueError("boom")
    assert endpoint.taken == 0


# cooldowns ----------------------------------------------------------------------------------------------------


async def test_a_short_pause_holds_for_every_model_of_the_lane(clock, endpoint):
    await call(endpoint, "rate_limited", 20)
    await call(endpoint, model="other")
    assert clock.now == pytest.approx(20)


async def test_a_long_pause_is_a_quota_and_holds_for_the_model_alone(clock, endpoint):
    await call(endpoint, "rate_limited", 600)
    await call(endpoint, model="other")
    assert clock.now == 0
    closed = await refusal(endpoint, acquire_timeout_s=30)
    assert closed.failure == {
        "cause": "rate_limited",
        "message": "m was told to wait 600 s more, longer than the call may take",
    }


async def test_an_unavailable_model_pauses_itself_alone(clock, endpoint):
    await call(endpoint, "unavailable", 20)
    await call(endpoint, model="other")
    assert clock.now == 0
    await call(endpoint)
    assert clock.now == pytest.approx(20)


async def test_a_pause_that_begins_while_calls_queue_is_kept_by_them(clock):
    endpoint, began = endpoint_on(clock, limit=1), []

    async def one(cause, retry_after_s=None):
        async with endpoint.permit(MODEL, acquire_timeout_s=1000) as permit:
            began.append(clock.now)
            await clock.sleep(1)
            permit.note(cause, retry_after_s)

    await asyncio.gather(one("rate_limited", 20), one(None), one(None))
    assert began == pytest.approx([0, 21, 22])
    assert endpoint.taken == 0


async def test_a_pause_of_one_model_takes_no_places_from_the_others(clock):
    endpoint = endpoint_on(clock, limit=1)
    await call(endpoint, "rate_limited", 600)
    waiting = asyncio.ensure_future(call(endpoint))
    await turns()
    await call(endpoint, model="other", acquire_timeout_s=0)
    await waiting
    assert clock.now == pytest.approx(600)


# breakers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cause", ["unavailable", "disconnected", "timeout", "auth"])
async def test_failures_in_a_row_open_the_models_breaker_and_no_other(endpoint, cause):
    await fail(endpoint, cause=cause)
    closed = await refusal(endpoint)
    assert closed.failure == {"cause": "unavailable", "message": "m failed 5 times in a row; next try in 30 s"}
    assert await refusal(endpoint, model="other") is None


@pytest.mark.parametrize("cause", ["bad_response", "content_filter", "context_length", "empty", "invalid"])
async def test_an_answer_of_any_kind_shows_that_somebody_is_there(endpoint, cause):
    for _ in range(3):
        await fail(endpoint, 4)
        await call(endpoint, cause)
    assert await refusal(endpoint) is None


@pytest.mark.parametrize("cause", ["rate_limited", "cancelled"])
async def test_some_causes_count_neither_way(endpoint, cause):
    await fail(endpoint, 4)
    await fail(endpoint, 10, cause)
    assert await refusal(endpoint) is None
    await fail(endpoint, 1)
    assert await refusal(endpoint) is not None


async def test_an_open_breaker_costs_no_time_and_no_place(clock):
    endpoint = endpoint_on(clock, limit=1)
    await fail(endpoint)
    holder = asyncio.ensure_future(call(endpoint, model="other", during=clock.sleep(60)))
    await turns()
    assert (await refusal(endpoint)).cause == "unavailable"
    assert clock.now == 0
    await holder


async def test_of_many_calls_after_the_rest_one_is_sent(clock, endpoint):
    await fail(endpoint)
    await clock.sleep(30)
    sent = 0

    async def one():
        nonlocal sent
        async with endpoint.permit(MODEL, acquire_timeout_s=1) as permit:
            sent += 1
            await clock.sleep(5)
            permit.note(None)

    outcomes = await asyncio.gather(*(one() for _ in range(100)), return_exceptions=True)
    assert sent == 1
    refused = [str(outcome) for outcome in outcomes if outcome is not None]
    assert refused == ["m failed 5 times in a row; it is being tried again now"] * 99
    assert await refusal(endpoint) is None


async def test_a_cancelled_probe_counts_neither_way_and_frees_its_place(clock, endpoint):
    await fail(endpoint)
    await clock.sleep(30)
    probe = asyncio.ensure_future(call(endpoint, during=clock.sleep(60)))
    await turns()
    assert await refusal(endpoint) is not None
    probe.cancel()
    await asyncio.wait({probe})
    await call(endpoint)
    assert await refusal(endpoint) is None


async def test_cancelled_calls_never_open_a_breaker_and_never_save_it(clock, endpoint):
    await fail(endpoint, 4)
    for _ in range(10):
        task = asyncio.ensure_future(call(endpoint, during=clock.sleep(60)))
        await turns()
        task.cancel()
        await asyncio.wait({task})
    assert await refusal(endpoint) is None
    await fail(endpoint, 1)
    assert await refusal(endpoint) is not None


async def test_calls_that_queued_while_the_breaker_opened_are_not_sent(clock):
    endpoint, sent = endpoint_on(clock, limit=1), 0

    async def one():
        nonlocal sent
        async with endpoint.permit(MODEL, acquire_timeout_s=1000) as permit:
            sent += 1
            await clock.sleep(1)
            permit.note("unavailable")

    outcomes = await asyncio.gather(*(one() for _ in range(20)), return_exceptions=True)
    assert sent == 5
    assert sum(isinstance(outcome, EndpointClosedError) for outcome in outcomes) == 15
    assert endpoint.taken == 0


async def test_a_lane_remembers_a_bounded_number_of_models(endpoint):
    for number in range(2500):
        await call(endpoint, model=f"model {number}")
    assert len(endpoint._breakers) == 1000


# what is told ----------------------------------------------------------------------------------------------


def test_a_refusal_is_an_error_of_ours_and_survives_a_pickle():
    closed = pickle.loads(pickle.dumps(EndpointClosedError("rate_limited", "not now")))
    assert isinstance(closed, LightRouterError)
    assert closed.failure == {"cause": "rate_limited", "message": "not now"}


async def test_a_secret_in_a_models_name_is_not_told(endpoint):
    name = "m?api_key=sk-verysecret123"
    for _ in range(5):
        await call(endpoint, "auth", model=name)
    assert "verysecret" not in str(await refusal(endpoint, model=name))


async def test_a_lane_says_how_busy_it_is(endpoint):
    async with endpoint.permit(MODEL, acquire_timeout_s=1):
        assert repr(endpoint) == "Endpoint('test', 1 of 100 places taken)"

"""An endpoint admits requests up to its limit, none during a cooldown, and opens breakers after failures."""

import asyncio
import pickle

import pytest
from rate_limits.requests_on import MODEL, call, endpoint_on, refusal, turns

from lightrouter_graph.errors import LightRouterError
from lightrouter_graph.rate_limits import EndpointClosedError
from lightrouter_graph.rate_limits.endpoint import DEFAULT_LIMIT
from lightrouter_graph.testing import VirtualClock


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def endpoint(clock):
    return endpoint_on(clock)


async def fail(endpoint, times=5, cause="unavailable", **outcome):
    for _ in range(times):
        await call(endpoint, cause, **outcome)


# permits ----------------------------------------------------------------------------------------------------


async def test_the_limit_holds_under_a_thousand_calls_of_several_models(clock):
    endpoint, most = endpoint_on(clock, limit=9), 0

    async def one(number):
        nonlocal most
        async with endpoint.permit(f"model {number % 5}", acquire_timeout_s=1e6) as permit:
            most = max(most, endpoint.taken)
            await clock.sleep(1)
            permit.record(None)

    await asyncio.gather(*(one(number) for number in range(1000)))
    assert (most, endpoint.taken) == (9, 0)
    assert clock.now == pytest.approx(112)


async def test_a_request_without_a_permit_in_time_is_rejected(clock):
    endpoint = endpoint_on(clock, limit=1)
    holder = asyncio.ensure_future(call(endpoint, during=clock.sleep(60)))
    await turns()
    closed = await refusal(endpoint, acquire_timeout_s=5)
    assert closed.failure == {
        "cause": "rate_limited",
        "message": "m got no permit within 5 s (max_concurrency = 1)",
        "retry_after_s": 1.0,
    }
    assert clock.now == pytest.approx(5, abs=0.1)
    await holder
    assert endpoint.taken == 0


async def test_the_smallest_limit_applies_and_any_overrides_the_default(endpoint):
    assert endpoint.limit == DEFAULT_LIMIT
    limits = []
    for limit in (200, 3, 50, 1, 3):
        endpoint.limit_to(limit)
        limits.append(endpoint.limit)
    assert limits == [200, 3, 3, 1, 1]


async def test_cancelled_while_waiting_for_a_permit(clock):
    endpoint = endpoint_on(clock, limit=1)
    holder = asyncio.ensure_future(call(endpoint, during=clock.sleep(60)))
    await turns()
    waiting = asyncio.ensure_future(call(endpoint))
    await turns()
    waiting.cancel()
    await asyncio.wait({waiting})
    await holder
    assert endpoint.taken == 0


async def test_cancelled_with_a_permit(clock, endpoint):
    holder = asyncio.ensure_future(call(endpoint, during=clock.sleep(60)))
    await turns()
    assert endpoint.taken == 1
    holder.cancel()
    await asyncio.wait({holder})
    assert endpoint.taken == 0


async def test_cancelled_during_a_cooldown(clock, endpoint):
    await call(endpoint, "rate_limited", 30)
    waiting = asyncio.ensure_future(call(endpoint))
    await turns()
    waiting.cancel()
    await asyncio.wait({waiting})
    assert endpoint.taken == 0


async def test_an_exception_releases_the_permit(endpoint):
    with pytest.raises(ValueError, match="boom"):
        async with endpoint.permit(MODEL, acquire_timeout_s=1):
            raise ValueError("boom")
    assert endpoint.taken == 0


# cooldowns ----------------------------------------------------------------------------------------------------


async def test_a_short_cooldown_applies_to_every_model_of_the_endpoint(clock, endpoint):
    await call(endpoint, "rate_limited", 20)
    await call(endpoint, model="other")
    assert clock.now == pytest.approx(20)


async def test_a_long_cooldown_is_a_quota_of_one_model(clock, endpoint):
    await call(endpoint, "rate_limited", 600)
    await call(endpoint, model="other")
    assert clock.now == 0
    closed = await refusal(endpoint, acquire_timeout_s=30)
    assert closed.failure == {
        "cause": "rate_limited",
        "message": "m must not be called for 600 s (Retry-After), longer than the call may take",
        "retry_after_s": 600.0,
    }


async def test_the_cooldown_of_an_unavailable_model_applies_to_it_alone(clock, endpoint):
    await call(endpoint, "unavailable", 20)
    await call(endpoint, model="other")
    assert clock.now == 0
    await call(endpoint)
    assert clock.now == pytest.approx(20)


async def test_a_cooldown_that_starts_while_requests_queue_applies_to_them(clock):
    endpoint, began = endpoint_on(clock, limit=1), []

    async def one(cause, retry_after_s=None):
        async with endpoint.permit(MODEL, acquire_timeout_s=1000) as permit:
            began.append(clock.now)
            await clock.sleep(1)
            permit.record(cause, retry_after_s)

    await asyncio.gather(one("rate_limited", 20), one(None), one(None))
    assert began == pytest.approx([0, 21, 22])
    assert endpoint.taken == 0


async def test_a_cooldown_of_one_model_uses_no_permit(clock):
    endpoint = endpoint_on(clock, limit=1)
    await call(endpoint, "rate_limited", 600)
    waiting = asyncio.ensure_future(call(endpoint))
    await turns()
    await call(endpoint, model="other", acquire_timeout_s=0)
    await waiting
    assert clock.now == pytest.approx(600)


# breakers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cause", ["unavailable", "disconnected", "timeout", "auth"])
async def test_failures_in_a_row_open_the_breaker_of_that_model(endpoint, cause):
    await fail(endpoint, cause=cause)
    closed = await refusal(endpoint)
    assert closed.failure == {
        "cause": "unavailable",
        "message": "m failed 5 times in a row; next try in 30 s",
        "retry_after_s": 30.0,
    }
    assert await refusal(endpoint, model="other") is None


@pytest.mark.parametrize("cause", ["bad_response", "content_filter", "context_length", "empty", "invalid"])
async def test_any_response_shows_that_the_model_is_available(endpoint, cause):
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


async def test_an_open_breaker_takes_no_time_and_no_permit(clock):
    endpoint = endpoint_on(clock, limit=1)
    await fail(endpoint)
    holder = asyncio.ensure_future(call(endpoint, model="other", during=clock.sleep(60)))
    await turns()
    assert (await refusal(endpoint)).cause == "unavailable"
    assert clock.now == 0
    await holder


async def test_one_of_many_requests_after_the_open_time_is_sent(clock, endpoint):
    await fail(endpoint)
    await clock.sleep(30)
    sent = 0

    async def one():
        nonlocal sent
        async with endpoint.permit(MODEL, acquire_timeout_s=1) as permit:
            sent += 1
            await clock.sleep(5)
            permit.record(None)

    outcomes = await asyncio.gather(*(one() for _ in range(100)), return_exceptions=True)
    assert sent == 1
    refused = [str(outcome) for outcome in outcomes if outcome is not None]
    assert refused == ["m failed 5 times in a row; a probe is in flight"] * 99
    assert await refusal(endpoint) is None


async def test_a_cancelled_probe_has_no_outcome_and_releases_its_permit(clock, endpoint):
    await fail(endpoint)
    await clock.sleep(30)
    probe = asyncio.ensure_future(call(endpoint, during=clock.sleep(60)))
    await turns()
    assert await refusal(endpoint) is not None
    probe.cancel()
    await asyncio.wait({probe})
    await call(endpoint)
    assert await refusal(endpoint) is None


async def test_cancelled_requests_neither_open_nor_close_a_breaker(clock, endpoint):
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
            permit.record("unavailable")

    outcomes = await asyncio.gather(*(one() for _ in range(20)), return_exceptions=True)
    assert sent == 5
    assert sum(isinstance(outcome, EndpointClosedError) for outcome in outcomes) == 15
    assert endpoint.taken == 0


# rejections ----------------------------------------------------------------------------------------------


def test_a_rejection_is_a_lightrouter_error_and_supports_pickle():
    closed = pickle.loads(pickle.dumps(EndpointClosedError("rate_limited", "not now")))
    assert isinstance(closed, LightRouterError)
    assert closed.failure == {"cause": "rate_limited", "message": "not now", "retry_after_s": 1.0}


async def test_a_secret_in_a_model_name_is_redacted(endpoint):
    name = "m?api_key=sk-verysecret123"
    for _ in range(5):
        await call(endpoint, "auth", model=name)
    assert "verysecret" not in str(await refusal(endpoint, model=name))


async def test_the_repr_has_the_permits_in_use(endpoint):
    async with endpoint.permit(MODEL, acquire_timeout_s=1):
        assert repr(endpoint) == "Endpoint('test', 1 of 100 permits in use)"

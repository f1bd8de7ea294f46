"""Slow candidates: time limits, partial texts, open circuit breakers, and the last hope of a run."""

import pickle

import pytest
from helpers import QUESTION, calls, decision, long, run
from langchain_core.messages import HumanMessage
from langchain_openai import ChatOpenAI

from lightrouter_graph import Candidate, ChatLightRouter, Context, NoSurvivorError, Pool, PoolError, create_lightrouter
from lightrouter_graph.llm.call import Call
from lightrouter_graph.llm.call_times import may_be_stopped, times_of
from lightrouter_graph.llm.client import complete
from lightrouter_graph.rate_limits import endpoints
from lightrouter_graph.testing import RecordedModelServer, Reply, ScriptedChatModel, Timing, VirtualClock

ASKED = [HumanMessage(QUESTION)]
PAPER = {"agree": None, "aggregator": "top_ranked", "boot_tokens": 10, "top_k": 1}


@pytest.fixture
def clock():
    return VirtualClock()


def slow(text="It is 4.", *, after=0.0):
    return Reply(text, delay_s=after)


def candidate(name, reply, clock, **settings):
    return Candidate(name, ScriptedChatModel(responses=reply, name=name, then="repeat_last", clock=clock), **settings)


def pool_of(clock, **replies):
    return Pool([candidate(name, reply, clock) for name, reply in replies.items()])


def remote(name, server, **settings):
    return Candidate(name, ChatOpenAI(model=name, base_url=server.base_url, api_key="k", max_retries=0), **settings)


# time limits -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("own", [None, 2.0, 500.0])
@pytest.mark.parametrize("stage", ["boot", "generate"])
async def test_the_time_limit_of_a_candidate_replaces_that_of_the_settings(clock, own, stage):
    limit = own or 30.0
    for seconds, fails in ((limit * 0.9, False), (limit * 1.5, True)):
        replies = {"boot": [slow(after=seconds)], "generate": [slow(long("1")), slow(long("1"), after=seconds)]}
        pool = Pool([candidate("a", replies[stage], clock, timeout_s=own), candidate("b", long("2"), clock)])
        context = Context(**{**PAPER, "top_k": 2}, calls={"boot_timeout_s": 30, "timeout_s": 30})
        record = decision(await run(pool, context))["candidates"][0]
        assert ("no reply within" in record["why"]) is fails


async def test_a_part_uses_the_limit_of_its_model_as_well(clock):
    judge = candidate("judge", slow(after=40), clock, timeout_s=100)
    reply = await complete(judge, ASKED, Call(stage="select", layer=1, timeout_s=judge.timeout_s))
    assert reply.failure is None


@pytest.mark.parametrize("wrong", [0, -1, True, "5", float("nan"), float("inf")])
def test_a_wrong_time_limit_is_refused(clock, wrong):
    with pytest.raises(PoolError, match="timeout_s of candidate 'a'"):
        candidate("a", "x", clock, timeout_s=wrong)


def test_a_client_built_from_a_spec_never_ends_a_call_before_the_settings_do():
    built = Candidate("a", "vllm:m@http://127.0.0.1:1/v1")
    assert built.model.request_timeout >= 24 * 3600
    assert Candidate("b", ChatOpenAI(model="m", api_key="x", timeout=7)).model.request_timeout == 7


# partial texts ---------------------------------------------------------------------------------------------


def unpriced(server, *names):
    return Pool([remote(name, server) for name in names])


async def test_what_an_unpriced_endpoint_had_written_counts_when_its_time_runs_out():
    timing = Timing(tokens_per_s=20)
    text = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
    with RecordedModelServer(responders={n: lambda _: text for n in "ab"}, timing=timing) as server:
        context = Context(**{**PAPER, "boot_tokens": 200}, calls={"boot_timeout_s": 0.4, "timeout_s": 0.5})
        message = await run(unpriced(server, "a", "b"), context)
    assert message.text
    assert text.startswith(message.text.strip())
    assert decision(message)["complete"] is False


async def test_when_every_boot_had_no_time_the_first_candidate_answers_in_full(clock):
    pool = pool_of(clock, a=slow(after=100), b=slow(after=90), c=slow(after=80))
    message = await run(pool, Context(calls={"boot_timeout_s": 60, "timeout_s": 300}))
    assert message.text == "It is 4."
    assert calls(pool) == {"a": 2, "b": 1, "c": 1}
    assert clock.now == pytest.approx(160, abs=1)


async def test_the_last_hope_is_one_candidate_and_one_call(clock):
    pool = pool_of(clock, a=slow(after=1000), b=slow(after=1000))
    with pytest.raises(NoSurvivorError, match="a: timeout"):
        await run(pool, Context(calls={"boot_timeout_s": 60, "timeout_s": 300}))
    assert calls(pool) == {"a": 2, "b": 1}


async def test_a_candidate_that_has_not_booted_goes_before_the_last_hope(clock):
    pool = pool_of(clock, a=slow(after=100), b=slow(after=100), c="It is 5.")
    message = await run(pool, Context(width=2, calls={"boot_timeout_s": 60, "timeout_s": 300}))
    assert message.text == "It is 5."
    assert calls(pool) == {"a": 1, "b": 1, "c": 1}


@pytest.mark.parametrize("failure", [RuntimeError("no"), ValueError("no"), ConnectionError("no")])
async def test_a_candidate_that_failed_is_no_hope(clock, failure):
    pool = pool_of(clock, a=failure, b=failure)
    with pytest.raises(NoSurvivorError):
        await run(pool, Context())
    assert calls(pool) == {"a": 1, "b": 1}


async def test_the_deadline_leaves_no_time_for_a_last_hope(clock):
    pool = pool_of(clock, a=slow(after=100), b=slow(after=100))
    with pytest.raises(NoSurvivorError):
        await run(pool, Context(deadline_s=60, calls={"boot_timeout_s": 60}))
    assert calls(pool) == {"a": 1, "b": 1}


# which replies are streamed --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("price", "usual_s", "limit_s", "deadline", "streamed"),
    [
        (None, None, 60, False, True),  # a local server that was never queried
        ((0, 0), None, 60, False, True),
        ((1, 2), None, 60, False, False),  # a hosted model
        ((1, 2), None, 60, True, True),
        (None, 2.0, 60, False, False),  # known to be fast
        ((1, 2), 2.0, 3600, True, False),  # a deadline that is far
        ((1, 2), 2.0, 5, True, True),  # a deadline that is near
        (None, 30.0, 60, False, True),
    ],
)
def test_a_reply_is_streamed_where_its_time_may_run_out(price, usual_s, limit_s, deadline, streamed):
    model = ChatOpenAI(model="m", base_url="http://127.0.0.1:1/v1", api_key="x")
    asked = Candidate("a", model, price=price)
    if usual_s is not None:
        times_of(asked).completed("boot", usual_s)
    assert may_be_stopped(asked, "boot", limit_s, has_deadline=deadline) is streamed


def test_a_candidate_that_timed_out_is_streamed_until_it_has_replied_in_time():
    asked = Candidate("a", ChatOpenAI(model="m", base_url="http://127.0.0.1:1/v1", api_key="x"), price=(1, 2))
    times_of(asked).timed_out = True
    assert may_be_stopped(asked, "boot", 60, has_deadline=False)
    times_of(asked).completed("boot", 1.0)
    assert not may_be_stopped(asked, "boot", 60, has_deadline=False)


async def test_a_fast_endpoint_is_streamed_once(clock):
    with RecordedModelServer(responders={n: lambda _: "It is 4." for n in "abc"}) as server:
        graph = create_lightrouter(unpriced(server, "a", "b", "c")).compile()
        for _ in range(3):
            await graph.ainvoke({"messages": ASKED}, context=Context(deadline_s=600))
        streams = [bool(request.body.get("stream")) for request in server.requests]
    assert sum(streams) <= 3
    assert len(streams) >= 6


# circuit breakers ------------------------------------------------------------------------------------------


async def test_a_short_time_limit_of_one_client_does_not_close_the_endpoint_to_others():
    with RecordedModelServer(responders={n: lambda _: "It is 4." for n in "ab"}, timing=Timing(ttft_s=0.3)) as server:
        pool = Pool([remote(name, server, price=(1, 2)) for name in "ab"])
        hurried = Context(calls={"boot_timeout_s": 0.001, "timeout_s": 0.001})
        for _ in range(6):
            with pytest.raises(NoSurvivorError, match="timeout"):
                await run(pool, hurried)
        assert (await run(pool, Context())).text == "It is 4."


def close(pool, *names):
    for name in names:
        breaker = endpoints.of(pool[name].model).permit(pool[name].model_name, acquire_timeout_s=1).breaker
        for _ in range(5):
            breaker.fail(breaker.admit())


async def test_when_every_breaker_is_open_the_first_candidate_is_probed():
    with RecordedModelServer(responders={n: lambda _: "It is 4." for n in "abc"}) as server:
        pool = Pool([remote(name, server) for name in "abc"])
        close(pool, "a", "b", "c")
        assert (await run(pool, Context())).text == "It is 4."
        assert [request.body["model"] for request in server.requests] == ["a"]
        assert (await run(pool, Context())).text == "It is 4."  # a is closed again; b and c still wait


@pytest.mark.parametrize("settings", [{}, {"width": 1}, {"width": 2}, {"layers": 2}, {"agree": None, "top_k": 2}])
async def test_an_open_pool_is_probed_under_any_settings(settings):
    with RecordedModelServer(responders={n: lambda _: "It is 4." for n in "abc"}) as server:
        pool = Pool([remote(name, server) for name in "abc"])
        close(pool, "a", "b", "c")
        assert (await run(pool, Context(**settings))).text == "It is 4."
        single = Pool([pool["b"]])
        assert (await run(single, Context(**settings))).text == "It is 4."


async def test_a_breaker_is_not_probed_while_another_candidate_answers():
    with RecordedModelServer(responders={n: lambda _: "It is 4." for n in "abc"}) as server:
        pool = Pool([remote(name, server) for name in "abc"])
        close(pool, "a", "b")
        assert (await run(pool, Context())).text == "It is 4."
        assert {request.body["model"] for request in server.requests} == {"c"}


async def test_a_refusal_carries_the_seconds_until_the_next_try():
    pool = Pool([Candidate(n, ChatOpenAI(model=n, base_url="http://127.0.0.1:1/v1", api_key="x")) for n in "ab"])
    close(pool, "a", "b")
    with pytest.raises(NoSurvivorError) as caught:
        await run(pool, Context())
    assert 0 < caught.value.retry_after_s <= 60
    assert pickle.loads(pickle.dumps(caught.value)).retry_after_s == caught.value.retry_after_s
    with pytest.raises(NoSurvivorError) as again:
        ChatLightRouter(pool).invoke(QUESTION)
    assert again.value.retry_after_s > 1


async def test_an_error_without_a_next_try_has_none(clock):
    with pytest.raises(NoSurvivorError) as caught:
        await run(pool_of(clock, a=RuntimeError("no")), Context())
    assert caught.value.retry_after_s is None

"""Every provider's bad day, over real HTTP: what happened becomes a cause, and the others answer."""

import asyncio
import time

import pytest
from helpers import decision, long
from langchain_openai import ChatOpenAI

from lightrouter_graph import Candidate, Context, NoSurvivorError, Pool, create_lightrouter
from lightrouter_graph.testing import (
    Behave,
    Cut,
    Fail,
    Insert,
    Reasoning,
    RecordedModelServer,
    Replace,
    Say,
    ServerBehaviour,
    Stall,
)

QUESTION = "How many apples are in the basket?"
ASKED = {"messages": [("user", QUESTION)]}
RECORD = {"question": QUESTION, "outputs": {n: {"text": long(n)} for n in "abc"}}
FIXED = Context(width=None, boot_tokens=10, top_k=1, agree=None, aggregator="top_ranked", calls={"boot_timeout_s": 0.8})


@pytest.fixture
def server():
    with RecordedModelServer([RECORD]) as running:
        yield running


def pool_at(server, names="abc", *, max_retries=0, **facts):
    models = {
        name: ChatOpenAI(model=name, base_url=server.base_url, api_key="none", max_retries=max_retries)
        for name in names
    }
    return Pool([Candidate(name, model, **facts) for name, model in models.items()])


async def ask(pool, context=FIXED, **wiring):
    return (await create_lightrouter(pool, **wiring).compile().ainvoke(ASKED, context=context))["messages"][-1]


def candidate(message, name="a"):
    return next(c for c in decision(message)["candidates"] if c["candidate"] == name)


FAULTS = {
    "429": (Fail(429), "rate_limited"),
    "401": (Fail(401), "auth"),
    "402": (Fail(402), "auth"),
    "403": (Fail(403), "auth"),
    "413": (Fail(413), "context_length"),
    "500": (Fail(500), "unavailable"),
    "529": (Fail(529), "unavailable"),
    "too long": (Fail(400, "too long", code="context_length_exceeded"), "context_length"),
    "quota": (Fail(429, "pay first", code="insufficient_quota"), "auth"),
    "html error": (Fail(502, body="<html>Bad gateway</html>", content_type="text/html"), "unavailable"),
    "html as success": (Fail(200, body="<html>Hello</html>", content_type="text/html"), "bad_response"),
    "error in a success": (Fail(200, body={"error": {"message": "overloaded", "code": 503}}), "unavailable"),
    "rate limit in a success": (Fail(200, body={"error": {"message": "slow down", "code": 429}}), "rate_limited"),
    "not json": (Fail(200, body="{oops"), "bad_response"),
    "nothing": (Fail(200, body=""), "bad_response"),
    "no choices": (Replace({"choices": []}), "disconnected"),
    "null choices": (Replace({"choices": None}), "disconnected"),
    "a number for a text": (Replace({"content": 7}), "bad_response"),
    "silence": (Stall(), "timeout"),
    "headers alone": (Stall(after=0), "timeout"),
    "half a body": (Stall(after=2), "timeout"),
    "hung up": (Cut(), "disconnected"),
    "reset": (Cut(how="reset"), "disconnected"),
    "cut body": (Cut(after=3), "disconnected"),
    "reset body": (Cut(after=3, how="reset"), "disconnected"),
    "body ended early": (Cut(after=3, how="end"), "disconnected"),
    "content filter": (Replace({"finish_reason": "content_filter"}), "content_filter"),
    "no text": (Say(""), "empty"),
}


@pytest.mark.parametrize(("fault", "cause"), FAULTS.values(), ids=FAULTS)
async def test_a_fault_of_one_candidate_is_a_cause_and_the_others_answer(server, fault, cause):
    server.failures["a"] = fault
    message = await ask(pool_at(server))
    assert candidate(message)["why"].partition(":")[0] == cause
    assert message.text in {long("b"), long("c")}


STREAMED = {
    "headers alone": (Stall(after=0), "timeout"),
    "html as success": (Fail(200, body="<html>Hello</html>", content_type="text/html"), "bad_response"),
    "error event at once": (Insert({"error": {"message": "overloaded"}}, after=0), "unavailable"),
    "null choices": (Replace({"choices": None}), "disconnected"),
    "ended at once": (Cut(after=0, how="end"), "bad_response"),
    "reset": (Cut(after=0, how="reset"), "disconnected"),
}


@pytest.mark.parametrize(("fault", "cause"), STREAMED.values(), ids=STREAMED)
async def test_a_fault_of_a_streamed_boot_is_a_cause_as_well(server, fault, cause):
    server.failures["a"] = fault
    message = await ask(pool_at(server), FIXED.overlaid({"calls": {"boot_quorum": 3}}))
    assert candidate(message)["why"].partition(":")[0] == cause
    assert message.text in {long("b"), long("c")}


@pytest.mark.parametrize("how", ["close", "reset", "end"])
async def test_a_boot_whose_stream_broke_off_still_counts_as_far_as_it_was_heard(server, how):
    server.failures["a"] = [Cut(after=6, how=how)]
    message = await ask(pool_at(server), FIXED.overlaid({"calls": {"boot_quorum": 3}}))
    assert candidate(message)["score"] is not None
    assert candidate(message)["boot_tokens"] == 6


async def test_with_everybody_down_the_error_names_every_cause_and_what_was_spent(server):
    server.failures.update({"a": Fail(401), "b": Stall(), "c": Say("")})
    settings = FIXED.overlaid({"calls": {"boot_timeout_s": 0.8, "timeout_s": 0.5}})
    with pytest.raises(NoSurvivorError) as caught:
        await ask(pool_at(server, price=(1.0, 1.0)), settings)
    causes = {name: why.partition(":")[0] for name, why in caught.value.failures.items()}
    assert causes == {"a": "auth", "b": "timeout", "c": "empty"}
    assert caught.value.bill["calls"] == 4  # that of the candidate without time was repeated, in full
    assert caught.value.bill["usd"] > 0


async def test_a_chosen_candidate_that_fails_in_full_is_replaced_by_the_next_in_rank(server):
    server.failures.update({name: [None, Fail(503)] for name in "ab"})
    message = await ask(pool_at(server))
    assert message.text == long("c")


# Retries


async def test_a_call_that_was_turned_away_is_tried_again_after_the_time_the_provider_asks_for(server):
    server.failures["a"] = [Fail(429, headers={"retry-after-ms": "80"})]
    began = time.monotonic()
    message = await ask(pool_at(server, "a", max_retries=2))
    assert message.text == long("a")
    assert time.monotonic() - began >= 0.08
    assert decision(message)["bill"]["calls"] == 2


async def test_the_retries_of_all_candidates_together_are_bounded(server):
    server.failures.update(dict.fromkeys("abc", Fail(429, headers={"retry-after-ms": "1"})))
    with pytest.raises(NoSurvivorError):
        await ask(pool_at(server, max_retries=5), FIXED.overlaid({"calls": {"max_retries": 4, "boot_timeout_s": 5.0}}))
    assert len(server.requests) == 3 + 4


async def test_no_retry_is_begun_that_could_not_end_in_time(server):
    server.failures["a"] = Fail(429, headers={"retry-after": "3"})
    own = ChatOpenAI(model="a", base_url=server.base_url, api_key="another", max_retries=2)
    began = time.monotonic()
    message = await ask(Pool([own, *pool_at(server, "bc")]))
    assert time.monotonic() - began < 2
    assert candidate(message)["why"].startswith("rate_limited")


@pytest.mark.parametrize("fault", [Fail(401), Fail(400), Stall(), Say("")])
async def test_what_another_try_would_not_change_is_not_tried_again(server, fault):
    server.failures["a"] = fault
    await ask(pool_at(server, max_retries=2))
    assert sum(request.body["model"] == "a" for request in server.requests) == 1


async def test_an_answer_that_breaks_off_while_it_is_shown_is_not_begun_again(server):
    server.failures["a"] = [Cut(after=6)]
    graph = create_lightrouter(pool_at(server, "ab", max_retries=2)).compile()
    parts = graph.astream(ASKED, context=Context(width=1, top_k=1, agree=None), stream_mode="messages")
    shown = "".join([part.text async for part, _ in parts])
    assert shown.count("word0 ") == 2  # once by a, as far as it came, and once by b
    assert sum(request.body["model"] == "a" for request in server.requests) == 1


async def test_a_dead_provider_costs_nothing_after_a_while(server):
    server.failures["a"] = Fail(503)
    pool = pool_at(server)
    for _ in range(8):
        message = await ask(pool)
    assert sum(request.body["model"] == "a" for request in server.requests) == 5
    assert candidate(message)["why"].startswith("unavailable: a failed 5 times in a row; next try in ")


async def test_a_server_with_one_gpu_is_asked_one_thing_at_a_time(server):
    await asyncio.gather(*(ask(pool_at(server, max_concurrency=1)) for _ in range(3)))
    assert server.in_flight.most == 1


async def test_without_a_limit_all_are_asked_at_once(server):
    server.failures.update(dict.fromkeys("abc", Stall(seconds=0.05)))
    await ask(pool_at(server))
    assert server.in_flight.most == 3


# Quirks


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens", "num_predict"])
async def test_a_cap_under_the_wrong_name_is_renamed_once_and_remembered(server, name):
    server.behaviours["a"] = ServerBehaviour(limit_name=name)
    pool = pool_at(server)
    message = await ask(pool)
    assert candidate(message)["boot_tokens"] == 10
    server.reset()
    await ask(pool)
    boot = next(request.body for request in server.requests if request.body["model"] == "a")
    assert boot[name] == 10
    assert sum(request.body["model"] == "a" for request in server.requests) <= 2


async def test_a_cap_the_user_set_on_the_model_goes_along_under_the_other_name(server):
    server.behaviours["a"] = ServerBehaviour(limit_name="max_tokens")
    model = ChatOpenAI(model="a", base_url=server.base_url, api_key="none", max_retries=0, max_tokens=50)
    for pool in (Pool([model, *pool_at(server, "bc")]), Pool([model])):
        server.reset()
        await ask(pool)
        bodies = [request.body for request in server.requests if request.body["model"] == "a"]
        assert "max_completion_tokens" in bodies[0]
        assert bodies[-1]["max_tokens"] == 50
        assert "max_completion_tokens" not in bodies[-1]


async def test_an_ignored_cap_is_cut_by_us_from_then_on(server, caplog):
    server.behaviours["a"] = ServerBehaviour(honours_limit=False)
    pool = pool_at(server)
    await ask(pool)
    assert "a ignores its cap of 10 tokens" in caplog.text
    server.reset()
    message = await ask(pool)
    assert candidate(message)["boot_tokens"] == 10
    assert decision(message)["bill"]["usage"]["estimated"]


@pytest.mark.parametrize("usage", [..., None, {}, {"prompt_tokens": -1}, {"completion_tokens": 0}, "none"])
async def test_a_usage_that_is_missing_or_cannot_be_is_estimated_and_flagged(server, usage):
    change = usage if isinstance(usage, dict) and usage else {"usage": usage}
    server.failures["a"] = Replace(change)
    message = await ask(pool_at(server, "ab"), FIXED.overlaid({"top_k": 2}))
    assert decision(message)["bill"]["usage"]["estimated"]
    assert candidate(message)["boot_tokens"] > 0 or candidate(message)["outcome"] == "failed"


@pytest.mark.parametrize("prefix", ["restart", "repeat"])
async def test_a_prefix_that_is_not_continued_doubles_nothing_and_is_remembered(server, prefix):
    server.behaviours["a"] = ServerBehaviour(prefix=prefix)
    pool = pool_at(server, "ab", continuation="continue_final_message")
    message = await ask(pool)
    assert message.text == long("a")
    assert pool["a"].learned.restarts
    server.reset()
    message = await ask(pool)
    assert message.text == long("a")
    assert not any(
        request.body.get("continue_final_message") for request in server.requests if request.body["model"] == "a"
    )


async def test_two_messages_of_one_role_in_a_row_are_joined_where_they_are_refused(server):
    server.behaviours["a"] = ServerBehaviour(alternating_roles=True)
    pool = pool_at(server, "ab")
    context = Context.paper(boot_tokens=10, selector="consistency", aggregator="vote")
    message = await ask(pool, context)
    assert candidate(message)["outcome"] != "failed"
    assert pool["a"].learned.forms == ("messages of one role joined",)
    last = [request.body for request in server.requests if request.body["model"] == "a"][-1]
    assert [m["role"] for m in last["messages"]] == ["user"]


async def test_hidden_reasoning_that_eats_a_boot_is_given_room(server):
    server.behaviours["a"] = ServerBehaviour(reasoning=Reasoning(20))
    message = await ask(pool_at(server))
    first, second, *_ = (r.body for r in server.requests if r.body["model"] == "a")
    assert (first["max_completion_tokens"], second["max_completion_tokens"]) == (10, 40)
    assert candidate(message)["score"] is not None
    assert decision(message)["bill"]["by_stage"]["boot"]["reasoning_tokens"] == 10 + 20


async def test_where_the_effort_can_be_lowered_it_is(server):
    server.behaviours["a"] = ServerBehaviour(reasoning=Reasoning(500, by_effort={"low": 2}))
    model = ChatOpenAI(model="a", base_url=server.base_url, api_key="none", max_retries=0, reasoning_effort="high")
    message = await ask(Pool([model, *pool_at(server, "bc")]))
    second = [r.body for r in server.requests if r.body["model"] == "a"][1]
    assert second["reasoning_effort"] == "low"
    assert candidate(message)["score"] is not None


async def test_a_habit_of_one_call_is_not_one_for_ever(server):
    server.failures["a"] = [Behave(ServerBehaviour(alternating_roles=True))]
    message = await ask(pool_at(server))
    assert candidate(message)["outcome"] != "failed"


async def test_a_reply_nested_without_end_is_a_bad_response(server):
    server.failures["a"] = Fail(200, body="[" * 100_000 + "]" * 100_000)
    message = await ask(pool_at(server))
    assert candidate(message)["why"].startswith("bad_response: RecursionError")


async def test_a_slow_model_is_not_taken_for_a_dead_one(server):
    server.failures["a"] = Stall(after=5)
    pool, context = (
        pool_at(server),
        FIXED.overlaid({"calls": {"boot_quorum": 3, "boot_timeout_s": 0.15, "timeout_s": 0.15, "answer_quorum": 2}}),
    )
    for _ in range(7):
        message = await ask(pool, context)
    assert candidate(message)["boot_tokens"] == 5


async def test_a_count_above_the_cap_is_not_believed_where_the_text_is_short(server, caplog):
    server.failures["a"] = Replace({"completion_tokens": 500}) & Say("It is short.")
    pool = pool_at(server)
    await ask(pool, FIXED.overlaid({"boot_tokens": 100}))
    assert not pool["a"].learned.ignores_cap

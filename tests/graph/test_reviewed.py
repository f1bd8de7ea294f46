"""Faults that a review of the resilience found, each as it was met."""

import asyncio
import json
from types import SimpleNamespace
from typing import NamedTuple

import pytest
from helpers import decision, long, run, scripted
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.memory import InMemorySaver

from lightrouter_graph import Candidate, Context, HybridSelector, LLMAggregator, LLMSelector, Pool, create_lightrouter
from lightrouter_graph.llm.call import Call
from lightrouter_graph.llm.client import complete
from lightrouter_graph.providers.building import SPEC_KEY
from lightrouter_graph.rate_limits import RetryBudget
from lightrouter_graph.runtime.early_stop import EarlyStop, EarlyStopRules
from lightrouter_graph.testing import (
    Fail,
    RecordedModelServer,
    Replace,
    Reply,
    ScriptedChatModel,
    ServerBehaviour,
    VirtualClock,
)

QUESTION = "How many apples are in the basket?"
RECORD = {"question": QUESTION, "outputs": {"a": {"text": long("4")}}}


class Refused(Exception):
    def __init__(self, words="busy", status_code=503):
        self.status_code = status_code
        super().__init__(words)


def call(**facts):
    return Call(**{"stage": "boot", "layer": 1, "timeout_s": 10.0, "max_tokens": 10, **facts})


@pytest.mark.parametrize(
    "behaviour", [ServerBehaviour(limit_name="max_tokens"), ServerBehaviour(alternating_roles=True)]
)
async def test_calls_that_are_refused_at_the_same_time_learn_the_same_thing_once(behaviour):
    with RecordedModelServer([RECORD], behaviours={"a": behaviour}) as server:
        candidate = Candidate("a", ChatOpenAI(model="a", base_url=server.base_url, api_key="none"))
        asked = [HumanMessage(QUESTION), HumanMessage("Well?")]
        replies = await asyncio.gather(*(complete(candidate, asked, call()) for _ in range(4)))
    assert [reply.failure for reply in replies] == [None] * 4
    assert candidate.learned.limit in {None, "max_tokens"}
    assert not candidate.learned.ignores_cap


async def test_a_call_that_is_stopped_between_two_attempts_is_not_counted_twice():
    turned_away = Fail(429, headers={"retry-after": "1"})
    with RecordedModelServer([RECORD], failures={"a": turned_away}) as server:
        model = ChatOpenAI(model="a", base_url=server.base_url, api_key="none", max_retries=3)
        candidate, race = Candidate("a", model), EarlyStop(EarlyStopRules(agree=2))
        asking = asyncio.create_task(
            complete(candidate, [HumanMessage(QUESTION)], call(retries=RetryBudget(3)), early_stop=race)
        )
        async with asyncio.timeout(5):
            while not server.requests or server.in_flight.now:  # noqa: ASYNC110 - the server is another thread
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)  # now it waits for its next attempt
        for name in "xy":
            race.report(name, "4")
        reply = await asking
        assert len(server.requests) == 1
    assert [call_cost["outcome"] for call_cost in reply.call_costs] == ["completed"]


class Whole(ScriptedChatModel):
    """A model that streams nothing and keeps to no cap."""

    def _make_call(self, messages, stop, kwargs, *, streamed):
        return super()._make_call(messages, stop, {}, streamed=streamed)

    _astream, _stream = BaseChatModel._astream, BaseChatModel._stream


async def test_a_reply_that_comes_in_one_piece_and_is_too_long_is_still_a_reply():
    candidate = Candidate("a", Whole(responses=long("4", 300), name="a"))
    asked = [HumanMessage(QUESTION)]
    first, second = [await complete(candidate, asked, call()) for _ in range(2)]
    assert candidate.learned.ignores_cap
    assert (second.failure, second.finish_reason) == (None, "length")
    assert second.usage["output_tokens"] == first.usage["output_tokens"] > 300


class Place(NamedTuple):
    host: str
    port: int


def in_a_circle():
    """Build what `raise first from second` makes of a second that was raised from the first."""
    first, second = ConnectionError("gone"), ConnectionError("gone as well")
    first.__cause__, second.__cause__ = second, first
    return first


@pytest.mark.parametrize(
    "raised", [ConnectionError(Place("host", 1), "no route"), in_a_circle()], ids=["named", "circle"]
)
async def test_whatever_the_shape_of_an_exception_it_is_a_record(raised):
    pool = scripted(a=raised, b=long("4"))
    async with asyncio.timeout(5):
        message = await run(pool, Context(top_k=1, agree=None))
    assert decision(message)["candidates"][0]["why"].startswith("disconnected: ")


async def test_a_run_that_has_little_time_says_nothing_of_its_candidates():
    slow = Reply(long("4", 60), delay_per_token_s=0.01)
    pool = scripted(a=slow)
    for _ in range(6):
        await run(pool, Context(top_k=1, agree=None, deadline_s=0.1))
    assert (await run(pool, Context(top_k=1, agree=None))).text == slow.text


async def test_what_a_lost_continuation_took_at_most_includes_what_it_was_to_go_on_from():
    model = ScriptedChatModel(responses=Reply("", hang=True), name="a")
    candidate, asked = Candidate("a", model, continuation="prefill"), [HumanMessage(QUESTION)]
    reply = await complete(candidate, asked, call(timeout_s=0.02, prefix="word " * 400))
    assert reply.call_cost["outcome"] == "lost"
    assert reply.call_cost["usage"]["input_tokens"] >= model.calls[0].input_tokens
    assert reply.call_cost["max_tokens_used"] >= model.calls[0].input_tokens + 10


async def test_boots_that_are_no_evidence_are_not_merged_into_a_draft():
    reasoned = AIMessage(
        "",
        usage_metadata={
            "input_tokens": 5,
            "output_tokens": 20,
            "total_tokens": 25,
            "output_token_details": {"reasoning": 20},
        },
        response_metadata={"finish_reason": "length"},
    )
    pool, writer = scripted(a=lambda _: reasoned, b=long("4"), c=long("5")), ScriptedChatModel(responses="4, so far")
    settings = Context(layers=2, agree=None, top_k=3, boot_tokens=20, selector="consistency")
    await run(pool, settings, aggregator=LLMAggregator(writer))
    data = str(writer.calls[0].messages[-1].text)
    assert ('1. "word0' in data, "\n3. " in data, '""' in data) == (True, False, False)


class TooMany(Refused):
    def __init__(self):
        super().__init__("rate limit", 429)
        self.response = SimpleNamespace(status_code=429, headers={"retry-after": "3600"})


async def test_no_run_waits_longer_for_the_end_of_a_pause_than_its_calls_may_take():
    pool = scripted(a=TooMany(), b=long("4"))
    async with asyncio.timeout(5):
        await run(pool, Context(top_k=1, agree=None))
        message = await run(pool, Context(top_k=1, agree=None, calls={"boot_timeout_s": 60.0}))
    assert decision(message)["candidates"][0]["why"].startswith("rate_limited: a must not be called for 3600 s")
    assert len(pool["a"].model.calls) == 1


async def test_a_boot_and_its_extension_together_take_no_longer_than_a_boot_may():
    clock = VirtualClock()
    boilerplate = Reply("Certainly! Of course! Sure! Absolutely! " * 3, delay_s=50)
    models = {"a": [boilerplate, Reply("", hang=True), long("4")], "b": long("5")}
    pool = [Candidate(name, ScriptedChatModel(responses=said, name=name, clock=clock)) for name, said in models.items()]
    graph = create_lightrouter(
        pool, context=Context(top_k=1, agree=None, boot_tokens=10, calls={"boot_timeout_s": 60})
    ).compile()
    story = [e async for e in graph.astream({"messages": [("user", QUESTION)]}, stream_mode="custom")]
    boot = next(e for e in story if e["event"] == "boot" and e["candidate"] == "a")
    assert len(pool[0].model.calls) >= 2
    assert boot["seconds"] < 61


async def test_after_a_crash_no_judge_is_given_the_verdict_of_another():
    slow = {"hangs": True}

    def judge(name, favourite):
        def says(messages):
            if "could not be used" not in messages[-1].text:
                return Reply("nonsense", delay_s=0.02 * (name == "one"))
            boots = json.loads(next(m.text for m in messages if m.type == "human"))["answers"]
            scores = [{"label": b["label"], "score": 9 if favourite in b["text"] else 1} for b in boots]
            return Reply(json.dumps({"scores": scores}), hang=name == "one" and slow["hangs"])

        return LLMSelector(Candidate(name, ScriptedChatModel(responses=says, name=name)))

    pool = scripted(a="zebra word " * 40, b="tiger word " * 40)
    selector = HybridSelector(((judge("one", "zebra"), 2.0), (judge("two", "tiger"), 1.0)), prior=0)
    context = Context(top_k=1, agree=None, boot_tokens=10)
    graph = create_lightrouter(pool, selector=selector, context=context).compile(checkpointer=InMemorySaver())
    thread = {"configurable": {"thread_id": "1"}}
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(graph.ainvoke({"messages": [("user", QUESTION)]}, thread), 0.4)
    slow["hangs"] = False
    message = (await graph.ainvoke(None, thread))["messages"][-1]
    assert {c["candidate"]: round(c["score"], 2) for c in decision(message)["candidates"]} == {"a": 0.67, "b": 0.33}


async def test_a_candidate_that_may_not_be_told_to_think_less_is_given_room_alone(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    efforts = []

    def refuses(number, body):
        efforts.append(body.get("reasoning_effort"))
        if body.get("reasoning_effort"):
            return Fail(400, "Unrecognized request argument supplied: reasoning_effort")
        return Replace({"content": "", "finish_reason": "length"}) if number == 1 else None

    with RecordedModelServer([RECORD], failures={"a": refuses}) as server:
        model = ChatOpenAI(model="a", base_url=server.base_url, metadata={SPEC_KEY: "openai:a"})
        pool = Pool([Candidate("a", model), *scripted(b=long("5"))])
        settings = Context(top_k=1, agree=None, boot_tokens=10, aggregator="vote")
        for _ in range(2):
            message = await run(pool, settings)
            assert (decision(message)["candidates"][0]["outcome"], message.text) == ("answered", long("4"))
    assert efforts == [None, "low", None, None, None, None]

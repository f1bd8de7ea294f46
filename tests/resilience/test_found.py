"""What random bad days have found, each as the least that shows it."""

import asyncio
import time
from functools import partial

import pytest
from helpers import decision, long
from langchain_openai import ChatOpenAI

from lightrouter_graph import Candidate, Context, LLMAggregator, LLMSelector, NoSurvivorError, create_lightrouter
from lightrouter_graph.testing import Cut, Fail, Insert, Reasoning, RecordedModelServer, ServerBehaviour, Stall, Timing

ASKED = {"messages": [("user", "How many apples are in the basket?")]}


@pytest.fixture
def server():
    with RecordedModelServer(responders={name: partial(say, long(name)) for name in "abc"}) as running:
        yield running


def say(text, body):
    return text


def candidates(server, names="abc", **facts):
    return [
        Candidate(name, ChatOpenAI(model=name, base_url=server.base_url, api_key="none", max_retries=2), **facts)
        for name in names
    ]


async def ask(server, context, names="abc", **wiring):
    return (await create_lightrouter(candidates(server, names), **wiring).compile().ainvoke(ASKED, context=context))[
        "messages"
    ][-1]


async def test_a_provider_that_asks_for_an_hour_is_not_waited_for(server):
    """Without a deadline, the next call to the same model sat the pause out, however long."""
    server.failures["a"] = Fail(429, headers={"retry-after": "3600"})
    async with asyncio.timeout(5):
        message = await ask(
            server, Context(boot_tokens=10, selector="llm", top_k=1, aggregator="top_ranked", calls={"timeout_s": 2})
        )
    assert message.text in {long("b"), long("c")}
    assert "must not be called for" in decision(message)["selector_notes"]["judge_problems"]


async def test_a_pause_as_long_as_a_call_may_take_is_sat_out(server):
    server.failures["a"] = [Fail(429, headers={"retry-after-ms": "300"})]
    context = Context(boot_tokens=10, selector="llm", top_k=1, aggregator="top_ranked", calls={"max_retries": 0})
    began = time.monotonic()
    message = await ask(server, context)
    assert time.monotonic() - began >= 0.3
    assert "must not be called for" not in decision(message)["selector_notes"].get("judge_problems", "")


async def test_a_call_that_is_stopped_while_it_waits_for_its_next_attempt_is_billed_once(server):
    server.responders.update(dict.fromkeys("bc", partial(say, "It is 4.")))
    server.timings.update(dict.fromkeys("bc", Timing(ttft_s=0.1)))
    server.failures["a"] = Fail(503, headers={"retry-after-ms": "2000"})
    message = await ask(server, Context(boot_tokens=10))
    assert decision(message)["stopped"] == "boots_agree"
    assert decision(message)["bill"]["calls"] == len(server.requests) == 3


async def test_what_was_heard_of_a_boot_counts_also_where_it_is_stopped_before_its_next_attempt(server):
    server.failures.update({"a": Cut(after=6), "b": Fail(429, headers={"retry-after-ms": "900"})})
    context = Context(
        boot_tokens=10, top_k=1, aggregator="top_ranked", calls={"boot_quorum": 1, "boot_grace_s": 0.6, "timeout_s": 5}
    )
    message = await ask(server, context)
    a, b, _ = decision(message)["candidates"]
    assert (a["boot_tokens"], a["score"] is not None) == (6, True)
    assert b["why"].startswith("rate_limited")
    assert decision(message)["bill"]["by_stage"]["boot"]["output_tokens"] == 6 + 10


async def test_the_error_names_those_as_well_that_had_no_time_left_to_answer(server):
    server.timings.update(dict.fromkeys("abc", Timing(ttft_s=0.15)))
    for name in "abc":
        server.responders[name] = partial(say, '{"answer": "' + long(name) + '"}')
    schema = {"title": "Reply", "type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}
    context = Context(boot_tokens=10, agree=None, top_k=1, deadline_s=0.25)
    with pytest.raises(NoSurvivorError) as caught:
        await ask(server, context, response_format=schema)
    causes = {name: why.partition(":")[0] for name, why in caught.value.failures.items()}
    assert causes == dict.fromkeys("abc", "timeout")


async def test_a_stream_that_begins_with_an_error_may_have_cost_its_prompt(server):
    server.failures["a"] = Insert({"error": {"message": "overloaded"}}, after=0) & Cut(after=0, how="end")
    message = await ask(
        server, Context(boot_tokens=10, top_k=1, aggregator="top_ranked", calls={"boot_quorum": 3, "max_retries": 0})
    )
    bill = decision(message)["bill"]
    assert bill["usage"]["input_tokens"] >= server.total().input_tokens
    assert bill["usage"]["estimated"]


class Breaking:
    """A selector and an aggregator that asks a model, and then fails."""

    def __init__(self, inner, error):
        self._inner, self._error = inner, error

    async def score(self, query, boots):
        await self._inner.score(query, boots)
        await self._fail()

    async def merge(self, query, answers):
        await self._inner.merge(query, answers)
        await self._fail()

    async def _fail(self):
        if self._error is None:
            await asyncio.Event().wait()
        raise self._error


@pytest.mark.parametrize("error", [ConnectionError("gone"), None], ids=["an error", "the deadline"])
@pytest.mark.parametrize("seam", ["selector", "aggregator"])
async def test_the_calls_of_a_part_that_fails_are_on_the_bill(server, seam, error):
    part = {"selector": LLMSelector, "aggregator": LLMAggregator}[seam](candidates(server, "c")[0])
    deadline_s = 0.6 if error is None else 30  # on a busy machine the deadline would come before the error
    context = Context(boot_tokens=10, agree=None, top_k=2, deadline_s=deadline_s)
    message = await ask(server, context, "ab", **{seam: Breaking(part, error)})
    stage = {"selector": "select", "aggregator": "aggregate"}[seam]
    assert decision(message)["bill"]["calls"] == len(server.requests)
    assert decision(message)["bill"]["by_stage"][stage]["output_tokens"] > 0


async def test_a_call_that_is_stopped_within_a_part_is_on_the_bill(server):
    """The judge's own end comes first, by a hair: an event loop that is late brings both at once."""
    server.failures["c"] = Stall()

    class Impatient(LLMSelector):
        async def score(self, query, boots):
            async with asyncio.timeout(0.1):
                return await super().score(query, boots)

    message = await ask(server, Context(boot_tokens=10, top_k=1), "ab", selector=Impatient(candidates(server, "c")[0]))
    assert decision(message)["bill"]["calls"] == len(server.requests)
    assert decision(message)["bill"]["by_stage"]["select"]["estimated"]


async def test_an_answer_that_is_cut_because_its_cap_is_ignored_is_what_was_streamed(server):
    server.responders.update({name: partial(say, f"{name}, {long(name)}") for name in "ab"})
    server.behaviours["c"] = ServerBehaviour(honours_limit=False)
    merging = candidates(server, "c")[0]
    merging.learned.ignores_cap = True  # as after its first answer
    writer = LLMAggregator(merging)
    context = Context(boot_tokens=10, agree=None, top_k=2, aggregator="llm", max_tokens=20, deadline_s=5)
    graph = create_lightrouter(candidates(server, "ab"), aggregator=writer, context=context).compile()
    shown = ""
    async for mode, told in graph.astream(ASKED, stream_mode=["messages", "values"]):
        if mode == "messages":
            shown += told[0].text
        else:
            answer = told["messages"][-1]
    assert decision(answer)["merged"] == "synthesis"
    assert answer.text == shown
    assert not decision(answer)["complete"]


async def test_boots_that_say_nothing_make_no_draft(server):
    """The draft was empty, and so was the answer when nobody got further."""
    server.behaviours["a"] = ServerBehaviour(reasoning=Reasoning(60))
    server.failures.update({"a": [None, None, Fail(400)], "b": Fail(400)})
    context = Context(boot_tokens=10, agree=None, top_k=1, layers=2)
    with pytest.raises(NoSurvivorError) as caught:
        await ask(server, context, "ab")
    assert caught.value.layer == 1
    server.reset()
    del server.failures["a"]
    message = await ask(server, context, "ab")
    assert message.text == long("a")

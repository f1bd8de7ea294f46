"""What random bad days have found, each as the least that shows it."""

import asyncio
import time

import pytest
from helpers import decision, long
from langchain_openai import ChatOpenAI

from lightrouter_graph import Candidate, Context, create_lightrouter
from lightrouter_graph.testing import Fail, RecordedModelServer

ASKED = {"messages": [("user", "How many apples are in the basket?")]}


@pytest.fixture
def server():
    with RecordedModelServer(responders={name: lambda _, says=long(name): says for name in "abc"}) as running:
        yield running


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
        message = await ask(server, Context(boot_tokens=10, selector="llm", top_k=1, aggregator="best", timeout_s=2))
    assert message.text in {long("b"), long("c")}
    assert "told to wait" in decision(message)["selector_notes"]["judge_problems"]


async def test_a_pause_as_long_as_a_call_may_take_is_sat_out(server):
    server.failures["a"] = [Fail(429, headers={"retry-after-ms": "300"})]
    context = Context(boot_tokens=10, selector="llm", top_k=1, aggregator="best", max_retries=0)
    began = time.monotonic()
    message = await ask(server, context)
    assert time.monotonic() - began >= 0.3
    assert "told to wait" not in decision(message)["selector_notes"].get("judge_problems", "")

"""Many runs at once over real HTTP: each gives an answer, nothing fails but what was made to, and the bills agree."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from helpers import QUESTION, decision
from langchain_core.messages import AIMessage
from langchain_openai import ChatOpenAI
from resilience.model_server import NAMES, models_apart

from lightrouter_graph import Candidate, Context, Pool, create_lightrouter

ASKED = {"messages": [("user", QUESTION)]}
EVERYBODY = Context(width=None, boot_tokens=10, top_k=2, agree=None, aggregator="top_ranked")
ADAPTIVE = Context(width=None, boot_tokens=60, aggregator="vote")
BROKEN = 0.025
"""Share of calls that end in a 500; as many end in a 429."""


async def answers(base_url: str, settings: Context, runs: int) -> list[AIMessage]:
    """Ask so many times at once."""
    models = {name: ChatOpenAI(model=name, base_url=base_url, api_key="none", max_retries=0) for name in NAMES}
    pool = Pool([Candidate(name, model) for name, model in models.items()])
    graph = create_lightrouter(pool, context=settings).compile()
    results = await asyncio.gather(*(graph.ainvoke(ASKED) for _ in range(runs)))
    return [result["messages"][-1] for result in results]


def failures(messages: Sequence[AIMessage]) -> Counter[str]:
    """Count what the decision records say went wrong, by cause."""
    told = [c["why"].split(":")[0] for message in messages for c in decision(message)["candidates"]]
    return Counter(cause for cause in told if cause in CAUSES)


CAUSES = {"timeout", "rate_limited", "auth", "unavailable", "disconnected", "empty", "bad_response", "context_length"}


def added_up(messages: Sequence[AIMessage]) -> dict[str, Any]:
    """Add up the bills of the runs."""
    bills = [decision(message)["bill"] for message in messages]
    return {
        "calls": sum(bill["calls"] for bill in bills),
        "input_tokens": sum(bill["usage"]["input_tokens"] for bill in bills),
        "output_tokens": sum(bill["usage"]["output_tokens"] for bill in bills),
    }


SIZES = [60, pytest.param(500, marks=[pytest.mark.slow, pytest.mark.timeout(300)])]


@pytest.mark.parametrize("runs", SIZES)
async def test_runs_at_once_all_answer_and_their_bills_are_the_servers(runs):
    with models_apart(broken=BROKEN) as server:
        for name in "ceg":
            server.refuse(name, round(runs * len(NAMES) * BROKEN / 3))
        messages = await answers(server.base_url, EVERYBODY, runs)
        total, requests = server.total(), server.requests()
    assert len([message for message in messages if message.text]) == runs
    found, billed = failures(messages), added_up(messages)
    assert set(found) == {"unavailable", "rate_limited"}
    # A call that was turned down is on our bill, with no tokens; it is not on the server's.
    assert found.total() == requests - total["calls"]
    assert billed == {**{key: total[key] for key in billed}, "calls": requests}
    assert total["cancelled"] == 0


@pytest.mark.parametrize("runs", SIZES)
async def test_calls_that_races_end_are_billed_as_estimates(runs):
    with models_apart() as server:
        messages = await answers(server.base_url, ADAPTIVE, runs)
        total, requests = server.total(), server.requests()
    assert {decision(message)["agreement"]["leader"] for message in messages} == {"4"}
    billed = added_up(messages)
    assert total["calls"] == requests <= billed["calls"]  # some are cancelled before they reach the server
    assert total["output_tokens"] <= billed["output_tokens"]

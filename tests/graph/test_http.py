"""The whole way over real HTTP: ChatOpenAI, an OpenAI-compatible server, and its bill against ours."""

import asyncio

import pytest
from helpers import decision, long
from langchain_openai import ChatOpenAI

from lightrouter_graph import Candidate, Context, Pool, create_lightrouter
from lightrouter_graph.testing import Fail, RecordedModelServer, Timing

QUESTION = "How many apples are in the basket?"
ASKED = {"messages": [("user", QUESTION)]}
OUTPUTS = {"a": long("1"), "b": long("2"), "c": long("2", words=30), "d": long("4")}
RECORD = {"question": QUESTION, "outputs": {name: {"text": text} for name, text in OUTPUTS.items()}}
FIXED = Context(width=None, boot_tokens=10, top_k=2, agree=None, aggregator="top_ranked")


@pytest.fixture
def server():
    with RecordedModelServer([RECORD]) as running:
        yield running


def pool_at(server, **settings):
    models = {name: ChatOpenAI(model=name, base_url=server.base_url, api_key="none", max_retries=0) for name in "abcd"}
    return Pool([Candidate(name, model, **settings) for name, model in models.items()])


def billed(message):
    bill = decision(message)["bill"]
    return bill["calls"], bill["usage"]["input_tokens"], bill["usage"]["output_tokens"]


@pytest.mark.parametrize("continuation", [None, "continue_final_message"])
async def test_our_bill_is_the_servers_bill(server, continuation):
    graph = create_lightrouter(pool_at(server, continuation=continuation)).compile()
    message = (await graph.ainvoke(ASKED, context=FIXED))["messages"][-1]
    total = server.total()
    assert billed(message) == (total.calls, total.input_tokens, total.output_tokens)
    assert message.text in OUTPUTS.values()


async def test_a_continued_boot_is_produced_once(server):
    graph = create_lightrouter(pool_at(server, continuation="continue_final_message")).compile()
    await graph.ainvoke(ASKED, context=FIXED)
    fresh, rest = server.billed["a", "completion"], server.billed["a", "continuation"]
    alone = RecordedModelServer([RECORD])
    with alone:
        await pool_at(alone)["a"].model.ainvoke(QUESTION)
    assert fresh.output_tokens + rest.output_tokens == alone.total().output_tokens


async def test_boots_are_capped_on_the_wire_and_not_streamed(server):
    graph = create_lightrouter(pool_at(server, price=(1, 2))).compile()
    parts = [part async for part in graph.astream(ASKED, context=FIXED, stream_mode="messages")]
    assert len(parts) == 1
    boots = [request.body for request in server.requests[:4]]
    assert [body["max_completion_tokens"] for body in boots] == [10] * 4
    assert not any(body.get("stream") for body in boots)


def test_one_pool_serves_one_event_loop_after_another_and_a_synchronous_run(server):
    graph = create_lightrouter(pool_at(server), context=FIXED).compile()
    texts = [asyncio.run(graph.ainvoke(ASKED))["messages"][-1].text for _ in range(2)]
    texts += [graph.invoke(ASKED)["messages"][-1].text for _ in range(2)]
    assert len(set(texts)) == 1
    assert server.total().calls == 4 * 6


async def test_a_cancelled_boot_stops_the_server(server):
    short = {
        "question": QUESTION,
        "outputs": {n: {"text": "The answer is 4."} for n in "ab"} | {"c": {"text": long("9", 500)}},
    }
    with RecordedModelServer([short], timings={"c": Timing(tokens_per_s=100)}) as slow:
        models = [ChatOpenAI(model=name, base_url=slow.base_url, api_key="none", max_retries=0) for name in "abc"]
        graph = create_lightrouter(Pool(models)).compile()
        message = (await graph.ainvoke(ASKED))["messages"][-1]
        await asyncio.to_thread(slow.wait_until_idle)
        assert message.text == "The answer is 4."
        assert slow.billed["c", "completion"].cancelled == 1
        assert slow.billed["c", "completion"].output_tokens < 100


async def test_replies_that_arrive_together_are_all_kept_and_billed_as_they_were():
    record = {
        "question": QUESTION,
        "outputs": {n: {"text": f"The answer is {t}."} for n, t in (("a", 4), ("b", 4), ("c", 5))},
    }
    for timing in (Timing(), Timing(ttft_s=0.02, tokens_per_s=400)):
        with RecordedModelServer([record], timing=timing) as quick:
            models = [ChatOpenAI(model=name, base_url=quick.base_url, api_key="none", max_retries=0) for name in "abc"]
            graph = create_lightrouter(Pool(models)).compile()
            for _ in range(5):
                quick.reset()
                message = (await graph.ainvoke(ASKED))["messages"][-1]
                total = quick.total()
                assert billed(message) == (total.calls, total.input_tokens, total.output_tokens)


async def test_errors_of_a_server_become_causes_without_the_key(server):
    secret = "sk-very-secret-1234567890"
    server.failures["a"] = Fail(status=401, message=f"Incorrect API key provided: {secret}")
    server.failures["b"] = Fail(status=429, message="slow down")
    models = [ChatOpenAI(model=n, base_url=server.base_url, api_key=secret, max_retries=0) for n in "abcd"]
    graph = create_lightrouter(Pool(models), context=FIXED).compile()
    message = (await graph.ainvoke(ASKED))["messages"][-1]
    why = {c["candidate"]: c["why"] for c in decision(message)["candidates"]}
    assert why["a"].startswith("auth")
    assert why["b"].startswith("rate_limited")
    assert secret not in str(message)


async def test_many_runs_at_once(server):
    graph = create_lightrouter(pool_at(server), context=FIXED).compile()
    results = await asyncio.gather(*(graph.ainvoke(ASKED) for _ in range(40)))
    assert len({result["messages"][-1].text for result in results}) == 1
    assert server.total().calls == 40 * 6

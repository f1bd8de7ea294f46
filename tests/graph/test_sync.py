"""The same graph from synchronous code, and from one event loop after another."""

import asyncio

from helpers import QUESTION, calls, decision, long, scripted

from lightrouter_graph import Context, create_lightrouter

ASKED = {"messages": [("user", QUESTION)]}
STORY = "Once there was a fox who ran " + "and ran " * 20


def test_invoke_answers_like_ainvoke():
    pool = scripted(a=long("4"), b=long("4"), c=long("4"))
    graph = create_lightrouter(pool).compile()
    context = Context(boot_tokens=5, seed=1)
    sync = graph.invoke(ASKED, context=context)["messages"][-1]
    asynchronous = asyncio.run(graph.ainvoke(ASKED, context=context))["messages"][-1]
    assert sync.text == asynchronous.text == long("4")
    assert decision(sync)["candidates"] == decision(asynchronous)["candidates"]


def test_stream_tells_the_story_and_streams_only_the_answer():
    pool = scripted(a=[STORY, STORY, "A merged tale."], b=STORY + "home")
    graph = create_lightrouter(pool).compile()
    context = Context(boot_tokens=5, top_k=2, agree=None)
    parts = list(graph.stream(ASKED, context=context, stream_mode=["custom", "messages"]))
    tokens = [message.text for mode, (message, _) in [p for p in parts if p[0] == "messages"] if mode]
    assert "".join(tokens) == "A merged tale."
    assert len(tokens) > 2
    assert [part["event"] for mode, part in parts if mode == "custom"][-1] == "billed"


def test_batch_answers_every_query():
    pool = scripted(a=long("4"), b=long("4"))
    results = create_lightrouter(pool, context=Context(boot_tokens=5)).compile().batch([ASKED] * 5)
    assert [result["messages"][-1].text for result in results] == [long("4")] * 5
    assert calls(pool) == {"a": 10, "b": 10}


def test_one_graph_serves_one_event_loop_after_another():
    graph = create_lightrouter(scripted(a=long("4"), b=long("4"))).compile()
    for _ in range(3):
        assert asyncio.run(graph.ainvoke(ASKED))["messages"][-1].text == long("4")


async def test_invoke_inside_a_running_loop_works_from_a_thread():
    graph = create_lightrouter(scripted(a=long("4"), b=long("4"))).compile()
    result = await asyncio.to_thread(graph.invoke, ASKED)
    assert result["messages"][-1].text == long("4")

"""What a caller sees while it runs: the final answer's tokens and the story, nothing else."""

import asyncio
from functools import partial, reduce
from operator import add

import pytest
from helpers import QUESTION, long, scripted
from langchain_core.messages import AIMessageChunk
from langchain_core.prompts import ChatPromptTemplate
from langgraph.graph import START, MessagesState, StateGraph

from lightrouter_graph import Context, Merged, Scores, create_lightrouter
from lightrouter_graph.testing import ScriptedChatModel

ASKED = {"messages": [("user", QUESTION)]}
STORY = "Once there was a fox who ran " + "and ran " * 20


def router(pool, **wiring):
    return create_lightrouter(pool, **wiring).compile(name="lightrouter")


async def streamed(graph, context=None, **options):
    """Collect the texts of the messages stream by message id."""
    texts = {}
    async for part in graph.astream(ASKED, context=context, stream_mode="messages", **options):
        message, _ = part[1] if options.get("subgraphs") else part
        texts.setdefault(message.id, []).append(message)
    return texts


async def test_only_the_synthesis_streams_as_tokens():
    pool = scripted(a=[STORY, STORY, "A merged tale."], b=STORY + "home")
    texts = await streamed(router(pool), Context(boot_tokens=5, top_k=2, agree=None))
    (chunks,) = texts.values()
    assert all(isinstance(chunk, AIMessageChunk) for chunk in chunks)
    assert len(chunks) > 2
    assert "".join(chunk.text for chunk in chunks) == "A merged tale."


async def test_a_vote_arrives_whole_and_once():
    pool = scripted(a=long("4"), b=long("4"), c=long("4"))
    texts = await streamed(router(pool), Context(boot_tokens=5))
    (messages,) = texts.values()
    assert [message.text for message in messages] == [long("4")]


async def test_a_single_chosen_answer_streams_while_it_is_written():
    pool = scripted(a=long("1"), b=long("2"))
    texts = await streamed(router(pool), Context(boot_tokens=5, top_k=1, agree=None))
    (chunks,) = texts.values()
    assert len(chunks) > 10
    assert "".join(chunk.text for chunk in chunks) == long("1")


async def test_a_continued_answer_streams_from_its_first_word():
    pool = scripted(a=long("1"), b=long("2"), continuation="prefill", continues=True)
    (chunks,) = (await streamed(router(pool), Context(boot_tokens=8, top_k=1))).values()
    assert len(chunks) > 10
    assert chunks[0].text == "word0 word1 word2 word3"
    assert "".join(chunk.text for chunk in chunks) == long("1")


async def test_a_model_that_starts_over_does_not_stream_its_boot_twice():
    pool = scripted(a=long("1"), b=long("2"), continuation="prefill", continues=False)
    (chunks,) = (await streamed(router(pool), Context(boot_tokens=12, top_k=1))).values()
    assert "".join(chunk.text for chunk in chunks) == long("1")


async def test_hidden_calls_do_not_stream_even_when_the_caller_does():
    pool = scripted(a=[STORY, STORY, "A merged tale."], b=STORY + "home")
    await streamed(router(pool), Context(boot_tokens=5, top_k=2, agree=None))
    assert [call.streamed for call in pool["a"].model.calls] == [False, False, True]
    assert not any(call.streamed for call in pool["b"].model.calls)


async def test_a_parent_sees_the_tokens_with_subgraphs_and_the_whole_message_without():
    pool = scripted(a=[STORY, STORY, "A merged tale."] * 2, b=STORY + "home")
    settings = Context(boot_tokens=5, top_k=2, agree=None)
    parent = StateGraph(MessagesState).add_node("router", router(pool, context=settings)).add_edge(START, "router")
    (chunks,) = (await streamed(parent.compile(), subgraphs=True)).values()
    assert "".join(chunk.text for chunk in chunks) == "A merged tale."
    assert len(chunks) > 2
    (whole,) = (await streamed(parent.compile())).values()
    assert [message.text for message in whole] == ["A merged tale."]


async def test_private_keys_do_not_reach_a_parent():
    pool = scripted(a=long("4"), b=long("4"))
    parent = StateGraph(MessagesState).add_node("router", router(pool)).add_edge(START, "router").compile()
    result = await parent.ainvoke(ASKED)
    assert set(result) == {"messages"}
    assert [message.type for message in result["messages"]] == ["human", "ai"]


async def test_the_streamed_message_is_the_one_in_the_result():
    pool = scripted(a=[STORY, STORY, "A merged tale."], b=STORY + "home")
    seen, last = set(), None
    context = Context(boot_tokens=5, top_k=2, agree=None)
    async for mode, part in router(pool).astream(ASKED, context=context, stream_mode=["messages", "values"]):
        if mode == "messages":
            seen.add(part[0].id)
        else:
            last = part
    assert seen == {last["messages"][-1].id}


async def test_usage_of_the_answer_is_the_sum_of_all_calls():
    pool = scripted(a=[STORY, STORY, "A merged tale."], b=STORY + "home")
    result = await router(pool).ainvoke(ASKED, context=Context(boot_tokens=5, top_k=2, agree=None))
    usage = result["messages"][-1].usage_metadata
    calls = [call for candidate in pool for call in candidate.model.calls]
    assert usage["input_tokens"] == sum(call.input_tokens for call in calls)
    assert usage["output_tokens"] == sum(call.output_tokens for call in calls)
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]


class AskingPart:
    """A part that calls a model without the package, in a way of its own."""

    def __init__(self, call):
        self.model = ScriptedChatModel(responses=["Some internal text."], then="repeat_last")
        self.ask = partial(call, self.model)


class AskingSelector(AskingPart):
    async def score(self, query, boots):
        await self.ask()
        return Scores({boot["candidate"]: 0.5 for boot in boots}, "asking")


class AskingAggregator(AskingPart):
    async def merge(self, query, answers):
        return Merged((await self.ask()).text.replace("internal", "edited"), "edit", answers[0]["candidate"])


class AskingPrior(AskingPart):
    async def score(self, query):
        await self.ask()
        return dict.fromkeys(query.pool.names, 0.5)

    async def observe(self, query, decision):
        await self.ask()


async def invoked(model):
    return await model.ainvoke("Which is best?")


async def invoked_with_tags(model):
    return await model.ainvoke("Which is best?", {"tags": ["mine"], "run_name": "mine"})


async def streamed_inside(model):
    chunks = [chunk async for chunk in model.astream("Which is best?")]
    return reduce(add, chunks)


async def invoked_in_a_thread(model):
    return await asyncio.to_thread(model.invoke, "Which is best?")


async def invoked_in_a_chain(model):
    return await (ChatPromptTemplate.from_template("{x}") | model).ainvoke({"x": "Which?"})


async def invoked_in_a_graph(model):
    async def node(state):
        return {"messages": [await model.ainvoke(state["messages"])]}

    graph = StateGraph(MessagesState).add_node("node", node).add_edge(START, "node").compile()
    return (await graph.ainvoke(ASKED))["messages"][-1]


WAYS = [invoked, invoked_with_tags, streamed_inside, invoked_in_a_thread, invoked_in_a_chain, invoked_in_a_graph]


@pytest.mark.parametrize("call", WAYS)
async def test_parts_that_call_a_model_leak_no_token_and_double_no_answer(call):
    selector, aggregator, prior = AskingSelector(call), AskingAggregator(call), AskingPrior(call)
    pool = scripted(a=long("1"), b=long("2"), c=long("3"))
    graph = router(pool, selector=selector, aggregator=aggregator, prior=prior)
    texts = await streamed(graph, Context(boot_tokens=5, top_k=2, agree=None))
    assert [[message.text for message in messages] for messages in texts.values()] == [["Some edited text."]]
    assert [len(part.model.calls) for part in (selector, aggregator, prior)] == [1, 1, 2]


@pytest.mark.parametrize("call", WAYS)
async def test_a_selector_that_calls_a_model_leaves_the_answers_tokens_alone(call):
    selector, pool = AskingSelector(call), scripted(a=[STORY, STORY, "A merged tale."], b=STORY + "home")
    texts = await streamed(router(pool, selector=selector), Context(boot_tokens=5, top_k=2, agree=None))
    (chunks,) = texts.values()
    assert len(chunks) > 2
    assert "".join(chunk.text for chunk in chunks) == "A merged tale."


async def test_a_graph_hidden_by_its_caller_stays_hidden():
    pool = scripted(a=[STORY, STORY, "A merged tale."], b=STORY + "home")
    graph = router(pool).with_config(tags=["nostream"])
    texts = await streamed(graph, Context(boot_tokens=5, top_k=2, agree=None))
    assert [[message.text for message in messages] for messages in texts.values()] == [["A merged tale."]]

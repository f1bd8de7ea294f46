"""Store, ids and budget reach every part in each form of the router; calls of parts are billed, hidden and limited."""

import pytest
from helpers import QUESTION, calls, decision, long, scripted
from langchain.agents import create_agent
from langchain_core.messages import AIMessageChunk
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.store.memory import InMemoryStore
from seams.parts import PARTS, PRICE, AskingAggregator, AskingSelector
from server.apps import PATH, asking, client

from lightrouter_graph import Budget, ChatLightRouter, Context, Merged, create_lightrouter
from lightrouter_graph.middleware import LightRouterMiddleware
from lightrouter_graph.testing import ScriptedChatModel

ASKED = {"messages": [("user", QUESTION)]}
IDS = {"configurable": {"thread_id": "t1", "user_id": "ada"}}
SETTINGS = Context(boot_tokens=20, top_k=2, width=None, agree=None, max_tokens=100)


def three():
    return scripted(price=PRICE, a=long("1"), b=long("2"), c=long("3"))


def parts():
    return {name: part() for name, part in PARTS.items()}


async def as_graph(pool, own, store):
    graph = create_lightrouter(pool, context=SETTINGS, **own).compile(store=store)
    return (await graph.ainvoke(ASKED, IDS))["messages"][-1]


async def as_subgraph(pool, own, store):
    from langgraph.graph import START, MessagesState, StateGraph  # noqa: PLC0415

    inner = create_lightrouter(pool, context=SETTINGS, **own).compile()
    graph = StateGraph(MessagesState).add_node("router", inner).add_edge(START, "router").compile(store=store)
    return (await graph.ainvoke(ASKED, IDS))["messages"][-1]


async def as_chat_model(pool, own, store):
    return await ChatLightRouter(pool, context=SETTINGS, store=store, **own).ainvoke(QUESTION, IDS)


async def as_middleware(pool, own, store):
    router = ChatLightRouter(pool, context=SETTINGS, store=store, **own)
    spare = ScriptedChatModel(responses="unused", name="spare")
    agent = create_agent(spare, middleware=[LightRouterMiddleware(router)])
    return (await agent.ainvoke(ASKED, IDS))["messages"][-1]


async def as_middleware_of_an_agent_with_a_store(pool, own, store):
    spare = ScriptedChatModel(responses="unused", name="spare")
    agent = create_agent(spare, middleware=[LightRouterMiddleware(pool, context=SETTINGS, **own)], store=store)
    return (await agent.ainvoke(ASKED, IDS))["messages"][-1]


FORMS = [as_graph, as_subgraph, as_chat_model, as_middleware, as_middleware_of_an_agent_with_a_store]


@pytest.mark.parametrize("form", FORMS)
async def test_store_thread_and_user_reach_each_part_and_its_calls_are_on_the_bill(form):
    pool, own, store = three(), parts(), InMemoryStore()
    answer = await form(pool, own, store)
    for name, part in own.items():
        query = part.queries[0]
        assert (query.store is store, query.thread_id, query.user_id) == (True, "t1", "ada"), name
    helped = sum(len(part.model.calls) for part in own.values())
    assert helped == 5
    assert decision(answer)["bill"]["calls"] == sum(calls(pool).values()) + helped


async def test_store_session_and_user_reach_the_parts_behind_the_server():
    pool, own, store = three(), parts(), InMemoryStore()
    router = ChatLightRouter(pool, context=SETTINGS, store=store, **own)
    body = asking(model="lightrouter", lightrouter={"decision": True}, user="ada", session_id="t1")
    reply = await client({"lightrouter": router}).post(PATH, json=body)
    queries = [part.queries[0] for part in own.values()]
    assert {(query.store is store, query.thread_id, query.user_id) for query in queries} == {(True, "t1", "ada")}
    helped = sum(len(part.model.calls) for part in own.values())
    assert reply.json()["lightrouter"]["bill"]["calls"] == sum(calls(pool).values()) + helped


def test_store_and_ids_reach_the_parts_of_a_synchronous_graph():
    own, store = parts(), InMemoryStore()
    graph = create_lightrouter(three(), context=SETTINGS, **own).compile(store=store)
    answer = graph.invoke(ASKED, IDS)["messages"][-1]
    found = {(part.queries[0].store is store, part.queries[0].user_id) for part in own.values()}
    assert found == {(True, "ada")}
    assert decision(answer)["bill"]["calls"] == 10


async def test_without_a_store_and_ids_the_query_has_none():
    own = parts()
    await create_lightrouter(three(), context=SETTINGS, **own).compile().ainvoke(ASKED)
    queries = [part.queries[0] for part in own.values()]
    assert {(query.store, query.thread_id, query.user_id) for query in queries} == {(None, None, None)}


@pytest.mark.parametrize("name", PARTS)
async def test_a_call_that_does_not_fit_into_the_budget_is_not_sent(name):
    pool, part = three(), PARTS[name](price=(1e6, 1e6))
    context = SETTINGS.model_copy(update={"budget": Budget(usd=0.02)})
    answer = (await create_lightrouter(pool, context=context, **{name: part}).compile().ainvoke(ASKED))["messages"][-1]
    assert part.causes == ["budget"]
    assert part.model.calls == []
    assert decision(answer)["bill"]["calls"] == sum(calls(pool).values())


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("limit", [3, 5, 7, 8])
async def test_the_calls_of_a_part_count_within_the_budget(name, limit):
    pool, part = three(), PARTS[name]()
    context = SETTINGS.model_copy(update={"budget": Budget(calls=limit)})
    answer = (await create_lightrouter(pool, context=context, **{name: part}).compile().ainvoke(ASKED))["messages"][-1]
    sent = sum(calls(pool).values()) + len(part.model.calls)
    assert decision(answer)["bill"]["calls"] == sent <= limit


async def tokens(**own):
    graph = create_lightrouter(three(), context=SETTINGS, **own).compile()
    parts = [part async for part in graph.astream(ASKED, stream_mode="messages", version="v2")]
    return [part["data"][0] for part in parts]


@pytest.mark.parametrize("name", [name for name in PARTS if name != "aggregator"])
async def test_a_call_of_a_part_is_hidden_from_the_token_stream(name):
    part = PARTS[name]("SECRET words of a helper")
    assert not [message for message in await tokens(**{name: part}) if "SECRET" in message.text]
    assert part.model.calls


@pytest.mark.parametrize("passes_id", [True, False])
async def test_a_call_with_stream_streams_as_the_final_answer_and_only_once(passes_id):
    streamed = await tokens(aggregator=AskingAggregator("a merged answer", passes_id=passes_id, stream=True))
    assert "".join(message.text for message in streamed) == "a merged answer"
    assert len([message for message in streamed if isinstance(message, AIMessageChunk) and message.text]) > 1


class FailsOnce:
    """Fails once after the reply of its model, as a process that dies."""

    def __init__(self, part):
        self.part, self.failed = part, False

    async def score(self, query, boots):
        scores = await self.part.score(query, boots)
        self._fail()
        return scores

    async def merge(self, query, answers) -> Merged:
        merged = await self.part.merge(query, answers)
        self._fail()
        return merged

    def _fail(self):
        if not self.failed:
            self.failed = True
            raise NotImplementedError("killed")


@pytest.mark.parametrize(("name", "part"), [("selector", AskingSelector), ("aggregator", AskingAggregator)])
async def test_a_resumed_run_does_not_pay_again_for_a_completed_call(name, part, tmp_path):
    pool, own = three(), part()
    async with AsyncSqliteSaver.from_conn_string(str(tmp_path / "threads.sqlite")) as saver:
        graph = create_lightrouter(pool, context=SETTINGS, **{name: FailsOnce(own)}).compile(checkpointer=saver)
        with pytest.raises(NotImplementedError, match="killed"):
            await graph.ainvoke(ASKED, IDS)
        answer = (await graph.ainvoke(None, IDS))["messages"][-1]
    assert len(own.model.calls) == 1
    assert [completion.text for completion in own.completions] == ["fine", "fine"]
    assert decision(answer)["bill"]["calls"] == sum(calls(pool).values()) + 1

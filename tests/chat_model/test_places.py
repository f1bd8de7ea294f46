"""A chat model inside graphs that keep threads: nothing of one call is ever taken for another's."""

import threading

import pytest
from helpers import QUESTION, calls, long, scripted
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.config import get_stream_writer
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command, interrupt

from lightrouter_graph import Candidate, ChatLightRouter, Context, Merged, NoSurvivorError, Pool, create_lightrouter
from lightrouter_graph.testing import Reply, ScriptedChatModel

THREAD = {"configurable": {"thread_id": "t"}}
ONE_WRITES = Context(boot_tokens=5, top_k=1)


def echo(messages):
    return f"The answer is {messages[-1].text}."


def around(node, saver):
    return StateGraph(MessagesState).add_node("node", node).add_edge(START, "node").compile(checkpointer=saver)


@pytest.mark.parametrize("saver", ["memory", "sqlite"])
def test_after_a_pause_each_question_gets_its_own_answer(saver):
    chat = ChatLightRouter(scripted(a=echo, b=echo))

    def ask_twenty(state):
        answers = chat.batch([f"{number}" for number in range(20)])
        interrupt("go on?")
        return {"messages": [AIMessage(answer.text) for answer in answers]}

    def run(saver):
        graph = around(ask_twenty, saver)
        graph.invoke({"messages": [HumanMessage("go")]}, THREAD)
        told = graph.invoke(Command(resume=True), THREAD)["messages"][1:]
        assert [message.text for message in told] == [f"The answer is {number}." for number in range(20)]

    if saver == "memory":
        run(InMemorySaver())
    else:
        with SqliteSaver.from_conn_string(":memory:") as sqlite:
            run(sqlite)


async def test_a_run_that_failed_can_be_tried_again():
    down = [ConnectionError("down")] * 2
    pool = scripted(a=[*down, "The answer is 4."], b=[*down, "The answer is 4."])
    agent = create_agent(ChatLightRouter(pool, context=Context(agree=None)), tools=[], checkpointer=InMemorySaver())
    with pytest.raises(NoSurvivorError):
        await agent.ainvoke({"messages": [HumanMessage(QUESTION)]}, THREAD)
    before = calls(pool)
    with pytest.raises(NoSurvivorError):
        await agent.ainvoke(None, THREAD)
    assert calls(pool) != before  # they were asked anew
    assert (await agent.ainvoke(None, THREAD))["messages"][-1].text == "The answer is 4."


async def test_a_router_may_be_a_candidate_and_its_story_stays_its_own():
    inner = ChatLightRouter(scripted(x="The answer is 4.", y="The answer is 4."))
    plain = list(scripted(p="The answer is 4.", q="The answer is 4."))
    graph = create_lightrouter(Pool([Candidate("in", inner), *plain]), context=Context(agree=None, top_k=3)).compile()
    parts = graph.astream({"messages": [("user", QUESTION)]}, stream_mode="custom")
    told = [event["event"] async for event in parts]
    assert told.count("opened") == told.count("billed") == 1


def test_closing_a_synchronous_stream_ends_the_calls():
    gone = threading.Event()

    class Watched(ScriptedChatModel):
        async def _astream(self, *args, **kwargs):
            try:
                async for chunk in super()._astream(*args, **kwargs):
                    yield chunk
            finally:
                gone.set()

    model = Watched(responses=["word " * 9, Reply("It is", hang=True)], name="a")
    pool = Pool([Candidate("a", model), *scripted(b="word " * 9)])
    stream = ChatLightRouter(pool, context=ONE_WRITES).stream(QUESTION)
    assert next(stream).text == "It"
    stream.close()
    assert gone.wait(5)


class Talkative:
    async def merge(self, query, answers):
        get_stream_writer()("merging now")
        return Merged("merged", "mine", answers[0]["candidate"])


async def test_what_a_users_part_tells_does_not_disturb_the_stream():
    chat = ChatLightRouter(scripted(a=long("4"), b=long("5")), aggregator=Talkative(), context=Context(agree=None))
    assert "".join([chunk.text async for chunk in chat.astream(QUESTION)]) == "merged"


@pytest.mark.parametrize("top_k", [1, 3])
async def test_fences_around_an_object_do_not_break_its_stream(top_k):
    fenced = '```json\n{"a": 1}\n```'
    chat = ChatLightRouter(scripted(a=fenced, b=fenced, c=fenced), context=Context(boot_tokens=3, top_k=top_k))
    form = {"type": "json_object"}
    assert "".join([chunk.text async for chunk in chat.astream(QUESTION, response_format=form)]) == '{"a": 1}'
    assert "".join(chunk.text for chunk in chat.stream(QUESTION, response_format=form)) == '{"a": 1}'

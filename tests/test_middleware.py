"""LightRouter as middleware: the agent keeps what it has, and its own model stands behind."""

import logging

import pytest
from helpers import QUESTION, calls, long, scripted
from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware
from langchain.agents.structured_output import ToolStrategy
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from pydantic import BaseModel

from lightrouter_graph import ChatLightRouter, Context, ContextError, Pool, PoolError
from lightrouter_graph.middleware import LightRouterMiddleware
from lightrouter_graph.testing import Reply, ScriptedChatModel

ASKED = {"messages": [HumanMessage("The weather in Paris?")]}


@tool
def weather(city: str) -> str:
    """Tell the weather of a city."""
    return f"sunny in {city}"


def call(name, **args):
    return AIMessage("", tool_calls=[{"name": name, "args": args, "id": "c1", "type": "tool_call"}])


def reporter(messages):
    last = messages[-1]
    return f"It is {last.content}." if isinstance(last, ToolMessage) else call("weather", city="Paris")


def own(says="the agent's own model"):
    return ScriptedChatModel(responses=says, name="own", then="repeat_last")


def agent(model, middleware, **arguments):
    return create_agent(model, tools=[weather], middleware=[middleware], **arguments)


async def test_every_call_of_the_loop_is_routed_and_the_tools_are_kept():
    pool, model = scripted(a=reporter, b=reporter, c=long("no")), own()
    result = await agent(model, LightRouterMiddleware(pool)).ainvoke(ASKED)
    assert result["messages"][-1].text == "It is sunny in Paris."
    assert [m.type for m in result["messages"]] == ["human", "ai", "tool", "ai"]
    assert not model.calls
    assert pool["a"].model.bound_tools[0]["function"]["name"] == "weather"


def test_a_synchronous_agent_is_routed_too():
    pool = scripted(a=reporter, b=reporter)
    assert agent(own(), LightRouterMiddleware(pool)).invoke(ASKED)["messages"][-1].text == "It is sunny in Paris."


@pytest.mark.parametrize("synchronous", [False, True])
async def test_where_nobody_answers_the_agents_model_does(synchronous, caplog):
    pool = scripted(a=ConnectionError("down"), b=ConnectionError("down"))
    graph = agent(own(), LightRouterMiddleware(pool))
    with caplog.at_level(logging.WARNING):
        result = graph.invoke(ASKED) if synchronous else await graph.ainvoke(ASKED)
    assert result["messages"][-1].text == "the agent's own model"
    assert "no candidate could answer" in caplog.text


async def test_a_stream_that_breaks_off_falls_back_as_well():
    broken = Reply("It is", error=ConnectionError("gone"))
    pool = Pool([ScriptedChatModel(responses=broken, name="a")])
    router = ChatLightRouter(pool=pool, context=Context(boot_tokens=5, top_k=1))
    parts = agent(own(), LightRouterMiddleware(router)).astream(ASKED, stream_mode="messages")
    assert "".join([m.text async for m, _ in parts]).endswith("the agent's own model")


async def test_an_answer_that_was_paid_for_is_not_paid_for_again():
    broken = Reply("It is four, for", error=ConnectionError("gone"))
    pool = Pool(
        [
            ScriptedChatModel(responses=["w " * 9, broken], name="a"),
            ScriptedChatModel(responses=["w " * 9, "It is 5."], name="b"),
        ]
    )
    model = own()
    graph = agent(model, LightRouterMiddleware(pool, boot_tokens=5, top_k=1))
    async for _ in graph.astream(ASKED, stream_mode="messages"):
        pass
    assert not model.calls


async def test_mistakes_are_raised_not_covered():
    router = ChatLightRouter(pool=scripted(a="4", b="4"))
    wrong = agent(own(), LightRouterMiddleware(router), context_schema=dict)
    with pytest.raises(ContextError, match="top_k = 0"):
        await wrong.ainvoke(ASKED, context={"lightrouter": {"top_k": 0}})
    with pytest.raises(PoolError, match="needs a list of candidates"):
        LightRouterMiddleware("openai:gpt-5.4-mini")


async def test_only_the_calls_that_are_meant_are_routed():
    pool, model = scripted(a="routed", b="routed"), own()
    long_talks = LightRouterMiddleware(pool, when=lambda request: len(request.messages) > 1)
    graph = agent(model, long_talks)
    first = await graph.ainvoke(ASKED)
    assert first["messages"][-1].text == "the agent's own model"
    second = await graph.ainvoke({"messages": [*first["messages"], HumanMessage(QUESTION)]})
    assert second["messages"][-1].text == "routed"
    assert calls(pool) == {"a": 1, "b": 1}


class CacheMarks(AgentMiddleware):
    async def awrap_model_call(self, request, handler):
        return await handler(request.override(model_settings={"cache_control": {"type": "ephemeral"}, "top_k": 1}))


async def test_settings_meant_for_the_agents_model_do_not_reach_the_pool(caplog):
    pool = scripted(a="4", b="4")
    graph = create_agent(own(), tools=[weather], middleware=[CacheMarks(), LightRouterMiddleware(pool)])
    with caplog.at_level(logging.INFO):
        result = await graph.ainvoke(ASKED)
    assert result["messages"][-1].response_metadata["lightrouter"]["settings"]["top_k"] == 1
    assert "settings of the agent's model dropped for the pool: cache_control" in caplog.text


class Report(BaseModel):
    """A weather report."""

    city: str
    sunny: bool


@pytest.mark.parametrize("form", [Report, ToolStrategy(Report)])
async def test_the_response_format_is_kept(form):
    def says(messages):
        return call("Report", city="Paris", sunny=True)

    graph = agent(own(), LightRouterMiddleware(scripted(a=says, b=says, c=long("no"))), response_format=form)
    result = await graph.ainvoke(ASKED)
    assert result["structured_response"] == Report(city="Paris", sunny=True)

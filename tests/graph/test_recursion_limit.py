"""A `recursion_limit` of the caller never ends a run whose calls are paid."""

import pytest
from helpers import QUESTION, calls, long, scripted
from langchain.agents import create_agent
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import GraphRecursionError
from langgraph.graph import START, MessagesState, StateGraph

from lightrouter_graph import ChatLightRouter, Context, create_lightrouter
from lightrouter_graph.middleware import LightRouterMiddleware
from lightrouter_graph.testing import ScriptedChatModel

ASKED = {"messages": [HumanMessage(QUESTION)]}
DEEP = [
    pytest.param(4, {"layers": 8, "boot_tokens": 5, "agree": None, "aggregator": "top_ranked"}, id="eight layers"),
    pytest.param(4, {"layers": 8, "boot_tokens": 5, "top_k": 4, "aggregator": "top_ranked"}, id="layers and waves"),
    pytest.param(20, {"top_k": 20, "boot_tokens": 5, "aggregator": "top_ranked"}, id="twenty waves"),
    pytest.param(16, {"width": 1, "top_k": 16, "aggregator": "top_ranked"}, id="one by one"),
]


def disagreeing(number):
    return scripted(**{f"c{index}": long(str(index)) for index in range(number)})


class OneByOne:
    """Queries every candidate, one per round."""

    def next_candidates(self, query, status):
        return [name for name in status.candidates if name not in status.answers][:1]


@pytest.mark.parametrize(("number", "settings"), DEEP)
@pytest.mark.parametrize("limit", [1, 6, 25])
async def test_the_limit_of_the_caller_does_not_bound_the_graph(number, settings, limit):
    router = create_lightrouter(disagreeing(number), context=Context(**settings)).compile()
    for configured in (router, router.with_config(recursion_limit=limit)):
        answer = (await configured.ainvoke(ASKED, {"recursion_limit": limit}))["messages"][-1]
        assert "The answer is" in answer.text


@pytest.mark.parametrize(("number", "settings"), DEEP)
def test_the_limit_of_an_agent_does_not_bound_a_chat_model_or_a_middleware_in_it(number, settings):
    chat = ChatLightRouter(disagreeing(number), context=Context(**settings))
    own = ScriptedChatModel(responses="no")
    for agent in (create_agent(chat), create_agent(own, middleware=[LightRouterMiddleware(chat)])):
        assert "The answer is" in agent.invoke(ASKED, {"recursion_limit": 6})["messages"][-1].text


@pytest.mark.parametrize("saver", [None, InMemorySaver()])
@pytest.mark.parametrize(("number", "settings"), DEEP)
async def test_the_limit_of_a_parent_does_not_bound_a_subgraph(number, settings, saver):
    router = create_lightrouter(disagreeing(number), context=Context(**settings)).compile()
    parent = StateGraph(MessagesState).add_node("router", router).add_edge(START, "router").compile(saver)
    config = {"recursion_limit": 2, "configurable": {"thread_id": f"{number} {settings}"}}
    assert "The answer is" in (await parent.ainvoke(ASKED, config))["messages"][-1].text
    assert "The answer is" in parent.invoke(ASKED, config)["messages"][-1].text


@pytest.mark.parametrize("layers", [1, 8])
async def test_a_stop_rule_of_ones_own_may_query_all_one_by_one(layers):
    pool = disagreeing(30)
    context = Context(layers=layers, boot_tokens=5, aggregator="top_ranked")
    router = create_lightrouter(pool, stop=OneByOne(), context=context).compile()
    assert "The answer is" in (await router.ainvoke(ASKED, {"recursion_limit": 3}))["messages"][-1].text
    assert set(calls(pool)) == set(pool.names)
    assert all(calls(pool).values())


def test_the_limit_still_bounds_the_graph_around_it():
    router = create_lightrouter(disagreeing(2)).compile()
    parent = StateGraph(MessagesState).add_node("router", router).add_edge(START, "router")
    looping = parent.add_edge("router", "router").compile()
    with pytest.raises(GraphRecursionError):
        looping.invoke(ASKED, {"recursion_limit": 3})

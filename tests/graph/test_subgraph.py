"""LightRouter inside other graphs: with their state, their context, their checkpointer."""

from dataclasses import dataclass, field

import pytest
from helpers import QUESTION, calls, decision, long, scripted
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Command
from typing_extensions import TypedDict

from lightrouter_graph import Context, create_lightrouter

ASKED = {"messages": [("user", QUESTION)]}
BOUND = Context(boot_tokens=5, top_k=1, aggregator="top_ranked")


def router(pool, **wiring):
    return create_lightrouter(pool, context=BOUND, **wiring).compile(name="lightrouter")


def inside(graph, *, context_schema=None):
    return StateGraph(MessagesState, context_schema).add_node("router", graph).add_edge(START, "router").compile()


@dataclass
class Theirs:
    seed: int = 1
    top_k: int = 99
    lightrouter: dict = field(default_factory=dict)


@pytest.mark.parametrize(
    ("schema", "context", "answered"),
    [
        (None, None, 1),
        (None, {"seed": 3, "user_id": "u"}, 1),
        (None, {"lightrouter": {"top_k": 2}}, 2),
        (None, {"user_id": "u", "lightrouter": Context(top_k=2)}, 2),
        (Theirs, Theirs(), 1),
        (Theirs, Theirs(lightrouter={"top_k": 2}), 2),
    ],
)
async def test_a_parents_context_is_left_alone_but_for_what_is_ours(schema, context, answered):
    pool = scripted(a=long("1"), b=long("2"), c=long("3"))
    result = await inside(router(pool), context_schema=schema).ainvoke(ASKED, context=context)
    assert decision(result["messages"][-1])["settings"]["boot_tokens"] == 5
    assert sum(calls(pool).values()) == 3 + answered


async def test_a_subgraph_of_a_subgraph_neither_leaks_nor_doubles():
    pool = scripted(a=long("1"), b=long("2"))
    result = await inside(inside(router(pool))).ainvoke(ASKED)
    assert set(result) == {"messages"}
    assert [m.type for m in result["messages"]] == ["human", "ai"]


class Ticket(TypedDict):
    boots: list[str]
    layer: str
    reply: str


async def test_a_parent_may_use_our_words_for_things_of_its_own():
    pool = scripted(a=long("1"), b=long("2"))
    graph = router(pool)

    async def answer(state: Ticket) -> dict[str, str]:
        result = await graph.ainvoke({"messages": [HumanMessage(f"What of {state['boots']}?")]})
        return {"reply": result["messages"][-1].text}

    parent = StateGraph(Ticket).add_node("answer", answer).add_edge(START, "answer").compile()
    result = await parent.ainvoke({"boots": ["rubber"], "layer": "second floor"})
    assert result == {"boots": ["rubber"], "layer": "second floor", "reply": long("1")}


async def test_beside_another_node_under_a_supervisor():
    pool = scripted(a=long("1"), b=long("2"))

    def supervise(state: MessagesState) -> Command:
        spoken = sum(m.type == "ai" for m in state["messages"])
        return Command(goto=["lightrouter", "clerk", END][spoken])

    def clerk(state: MessagesState) -> dict:
        return {"messages": [AIMessage("noted", name="clerk")]}

    builder = StateGraph(MessagesState)
    builder.add_node("supervisor", supervise, destinations=("clerk", "lightrouter", END))
    builder.add_node("clerk", clerk).add_node("lightrouter", router(pool))
    builder.add_edge(START, "supervisor").add_edge("clerk", "supervisor").add_edge("lightrouter", "supervisor")
    result = await builder.compile().ainvoke(ASKED)
    assert [m.text for m in result["messages"][1:]] == [long("1"), "noted"]


async def test_a_parents_checkpointer_is_inherited_and_an_interrupt_inside_resumes():
    pool = scripted(a=long("1"), b=long("2"))
    graph = create_lightrouter(pool, context=BOUND).compile(interrupt_before=["generate"])
    builder = StateGraph(MessagesState).add_node("router", graph).add_edge(START, "router")
    parent = builder.compile(checkpointer=InMemorySaver())
    thread = {"configurable": {"thread_id": "1"}}
    await parent.ainvoke(ASKED, thread)
    assert calls(pool) == {"a": 1, "b": 1}
    result = await parent.ainvoke(None, thread)
    assert result["messages"][-1].text == long("1")
    assert calls(pool) == {"a": 2, "b": 1}


def test_studio_sees_the_nodes_inside_a_parent():
    drawn = inside(router(scripted(a="x"))).get_graph(xray=True)
    assert {"router:boot", "router:select", "router:aggregate"} <= set(drawn.nodes)

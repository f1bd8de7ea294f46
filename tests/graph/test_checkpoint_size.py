"""Bytes in the checkpoints: the conversation stands once in each, however many candidates there are."""

import sqlite3

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.sqlite import SqliteSaver

from lightrouter_graph import Candidate, Context, Pool, create_lightrouter
from lightrouter_graph.testing import ScriptedChatModel

SIZE = 1_000_000
TALK = [HumanMessage("x" * SIZE), AIMessage("ok"), HumanMessage("What is 17 * 23?")]
IMAGE = [
    HumanMessage(
        [
            {"type": "text", "text": "What is it?"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * SIZE}},
        ]
    )
]


def graph_of(number, text, **settings):
    """Compile a graph over candidates that never agree; returns it with its database."""
    database = sqlite3.connect(":memory:", check_same_thread=False)
    models = [ScriptedChatModel(responses=text.format(n), then="repeat_last") for n in range(number)]
    pool = Pool([Candidate(f"c{n}", model) for n, model in enumerate(models)])
    context = Context(**{"width": None, "top_k": number, "agree": None, **settings})
    return create_lightrouter(pool, context=context).compile(checkpointer=SqliteSaver(database)), database


def stored(database):
    sizes = "select length(checkpoint) + length(metadata) from checkpoints union all select length(value) from writes"
    return sum(size for (size,) in database.execute(sizes))


def turn(number, messages, text, **settings):
    """Return the bytes and the steps of one turn."""
    graph, database = graph_of(number, text, **settings)
    graph.invoke({"messages": messages}, {"configurable": {"thread_id": "1"}})
    (steps,) = database.execute("select count(*) from checkpoints").fetchone()
    return stored(database), steps


@pytest.mark.parametrize("text", ["The answer is {}.", "word " * 300 + "The answer is {}."])
@pytest.mark.parametrize("messages", [TALK, IMAGE], ids=["history", "image"])
def test_a_turn_writes_the_conversation_once_a_step_however_many_candidates_there_are(messages, text):
    sizes = {}
    for number in (1, 4, 8, 16):
        sizes[number], steps = turn(number, messages, text)
        assert sizes[number] <= (steps + 2) * SIZE
    assert sizes[16] <= 1.3 * sizes[4]


def test_layers_and_waves_add_steps_but_no_copies():
    size, steps = turn(4, TALK, "word " * 300 + "The answer is {}.", layers=3)
    assert size <= (steps + 2) * SIZE
    size, steps = turn(4, TALK, "word " * 300 + "The answer is {}.", agree=2, width=1)
    assert size <= (steps + 2) * SIZE


def test_turns_grow_with_the_conversation_and_not_with_its_square():
    graph, database = graph_of(3, "The answer is {}.", width=3, top_k=5, agree=2)
    sizes = []
    for number in range(1, 41):
        graph.invoke({"messages": [HumanMessage("word " * 100)]}, {"configurable": {"thread_id": "1"}})
        sizes.append(stored(database) - sum(sizes))
        assert number > 0
    conversation = graph.get_state({"configurable": {"thread_id": "1"}}).values["messages"]
    size = sum(len(message.model_dump_json()) for message in conversation)
    assert sizes[-1] <= 8 * size
    assert sizes[39] <= 2.2 * sizes[19]

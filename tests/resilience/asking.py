"""How to ask on a thread that a killed process may have left half-way: once, whatever happened before."""

from typing import Any

from langchain_core.messages import BaseMessage, HumanMessage
from langchain_core.runnables import RunnableConfig


async def answer_once(graph: Any, question: HumanMessage, thread: RunnableConfig) -> BaseMessage:
    """Return the answer to a question on a thread; go on where a killed process stopped, or ask.

    Args:
        graph: LightRouter, compiled with a checkpointer.
        question: The question, with an id of its own, by which it is known again.
        thread: The configuration that names the thread.
    """
    result = await graph.ainvoke(_input(await graph.aget_state(thread), question), thread)
    return result["messages"][-1]


def answer_once_synchronously(graph: Any, question: HumanMessage, thread: RunnableConfig) -> BaseMessage:
    """Do the same as `answer_once` without an event loop."""
    return graph.invoke(_input(graph.get_state(thread), question), thread)["messages"][-1]


def _input(state: Any, question: HumanMessage) -> dict[str, Any] | None:
    asked = question.id in [message.id for message in state.values.get("messages", [])]
    # None goes on with what is unfinished, and where nothing is, it costs nothing. `state.next` would not tell: it is
    # empty as well between the last result of a step and the next step.
    return None if asked else {"messages": [question]}

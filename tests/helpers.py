"""Short ways to run the real graph over scripted models."""

from typing import Any

from langchain_core.messages import AIMessage, BaseMessage

from lightrouter_graph import Candidate, Context, Pool, create_lightrouter
from lightrouter_graph.testing import Call, ScriptedChatModel

QUESTION = "How many apples are in the basket?"


def scripted(*, continuation: Any = None, continues: bool = False, price: Any = None, **scripts: Any) -> Pool:
    """Build a pool of scripted candidates in the order of the keywords; each says its script, in every call."""
    return Pool(
        [
            Candidate(
                name,
                ScriptedChatModel(responses=script, name=name, then="repeat_last", continues=continues),
                continuation=continuation,
                price=price,
            )
            for name, script in scripts.items()
        ]
    )


async def run(pool: Pool, context: Context | None = None, question: Any = QUESTION, **wiring: Any) -> AIMessage:
    """Ask one question and return the answer."""
    graph = create_lightrouter(pool, **wiring).compile()
    result = await graph.ainvoke({"messages": [("user", question)]}, context=context)
    return result["messages"][-1]


async def events(pool: Pool, context: Context | None = None, **wiring: Any) -> list[dict[str, Any]]:
    """Ask one question and return the story of the run."""
    graph = create_lightrouter(pool, **wiring).compile()
    question = {"messages": [("user", QUESTION)]}
    return [event async for event in graph.astream(question, context=context, stream_mode="custom")]


def calls(pool: Pool) -> dict[str, int]:
    """Count the calls each candidate saw."""
    return {candidate.name: len(calls_of(pool, candidate.name)) for candidate in pool}


def calls_of(pool: Pool, name: str) -> list[Call]:
    """Return the calls one candidate saw."""
    model = pool[name].model
    assert isinstance(model, ScriptedChatModel)
    return model.calls


def decision(message: BaseMessage) -> dict[str, Any]:
    """Return the decision record of an answer."""
    return message.response_metadata["lightrouter"]


def long(answer: str, words: int = 40) -> str:
    """Write a text that is cut by a boot cap below its number of words and ends with an answer."""
    return " ".join(f"word{i}" for i in range(words)) + f". The answer is {answer}."

"""LightRouter for some model calls of an agent, and the agent's own model for the others.

    python examples/middleware.py

`LightRouterMiddleware` keeps the agent's model, tools and prompt. Here the pool chooses the tool call, and the agent's
own model answers from the tool result. In a second run the pool is unavailable: the agent's own model replaces it, and
a warning is logged. The example prints the content and the model of each reply.

No key is needed: the models are scripted. Put your own into POOL and OWN.
"""

from collections.abc import Sequence
from typing import Any

from langchain.agents import create_agent
from langchain.agents.middleware import ModelRequest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolCall, ToolMessage

from lightrouter_graph import Candidate, Pool
from lightrouter_graph.middleware import LightRouterMiddleware
from lightrouter_graph.testing import Reply, ScriptedChatModel


def call(item: str) -> Reply:
    """Script a call of the tool."""
    return Reply("", [ToolCall(name="stock", args={"item": item}, id="call_1")])


def own(messages: Sequence[BaseMessage]) -> Reply:
    """Script the agent's own model."""
    return Reply("Yes: 52 are in stock.") if isinstance(messages[-1], ToolMessage) else call("lantern")


# Yours: Pool.from_env() for the pool, "openai:gpt-5.4-mini" for the model
POOL = Pool(
    [
        Candidate("oak", ScriptedChatModel(responses=call("lamp"))),
        Candidate("elm", ScriptedChatModel(responses=call("lantern"))),
        Candidate("fir", ScriptedChatModel(responses=call("lantern"))),
    ]
)
OWN = ScriptedChatModel(responses=own, name="the agent's own model")

OFFLINE = Pool([Candidate(name, ScriptedChatModel(responses=ConnectionError("no route"))) for name in POOL.names])


def stock(item: str) -> str:
    """Return the number of items in stock."""
    return {"lantern": "52", "lamp": "0"}.get(item, "unknown")


def chooses_a_tool(request: ModelRequest[Any]) -> bool:
    """Return True before the first tool result; these calls are routed to the pool."""
    return not isinstance(request.messages[-1], ToolMessage)


def main() -> None:
    """Run the agent with a pool, and with one that is unavailable."""
    run("With the pool", POOL)
    run("With an unavailable pool", OFFLINE)


def run(title: str, pool: Pool) -> None:
    """Run the agent on one question and print the content and the model of each reply."""
    agent = create_agent(OWN, tools=[stock], middleware=[LightRouterMiddleware(pool, when=chooses_a_tool)])
    result = agent.invoke({"messages": [HumanMessage("Can we deliver 40 lanterns?")]})
    print(title)
    for message in result["messages"]:
        if isinstance(message, AIMessage):
            contents = [f"{made['name']}({made['args']})" for made in message.tool_calls] or [message.text]
            print(f"  {', '.join(contents):<30} by {model_of(message)}")


def model_of(message: AIMessage) -> str:
    """Return the model of a reply: LightRouter's answers have a decision record, others do not."""
    decision = message.response_metadata.get("lightrouter")
    if decision is None:
        return str(message.response_metadata["model_name"])
    agreement = decision["agreement"]
    return f"LightRouter, {agreement['agreed']} of {agreement['answered']} models"


if __name__ == "__main__":
    main()

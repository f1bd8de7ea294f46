"""LightRouter beside the model an agent already has, for the calls where several opinions are worth their price.

    python examples/middleware.py

`LightRouterMiddleware` leaves the agent as it is, with its model, its tools and its prompt. Here the pool chooses the
tool, and the agent's own model puts the result into words. Then the same agent with a pool that cannot be reached: its
own model takes over, with a line in the log. It prints who answered each call, and with what.

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
    """Tell how many of an item are in stock."""
    return {"lantern": "52", "lamp": "0"}.get(item, "unknown")


def chooses_a_tool(request: ModelRequest[Any]) -> bool:
    """Say whether no tool has answered yet: the calls that go to the pool."""
    return not isinstance(request.messages[-1], ToolMessage)


def main() -> None:
    """Ask the agent with its pool, and with one that is down."""
    ask("With the pool", POOL)
    ask("With a pool that is down", OFFLINE)


def ask(title: str, pool: Pool) -> None:
    """Ask the agent one question and print who answered each of its calls."""
    agent = create_agent(OWN, tools=[stock], middleware=[LightRouterMiddleware(pool, when=chooses_a_tool)])
    result = agent.invoke({"messages": [HumanMessage("Can we deliver 40 lanterns?")]})
    print(title)
    for message in result["messages"]:
        if isinstance(message, AIMessage):
            said = [f"{made['name']}({made['args']})" for made in message.tool_calls] or [message.text]
            print(f"  {', '.join(said):<30} by {who_wrote(message)}")


def who_wrote(message: AIMessage) -> str:
    """Name the model: LightRouter's answers carry its decision record, those of others do not."""
    decision = message.response_metadata.get("lightrouter")
    if decision is None:
        return str(message.response_metadata["model_name"])
    agreement = decision["agreement"]
    return f"LightRouter, {agreement['agreed']} of {agreement['answered']} models"


if __name__ == "__main__":
    main()

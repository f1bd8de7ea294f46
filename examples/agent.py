"""LightRouter as the model of an agent: every candidate proposes the next tool call, and one call is executed.

    python examples/agent.py

`ChatLightRouter` replaces any chat model, here in `langchain.agents.create_agent`. In each step one model is wrong: it
guesses the amount of a refund before the look-up, or adds a zero. Tool calls are compared field by field, so the wrong
call loses the vote before any tool runs. The example prints the proposals of each step, the winner (>), and the tools
that ran.

No key is needed: the models are scripted. Put your own into POOL.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from langchain.agents import create_agent
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolCall, ToolMessage

from lightrouter_graph import Candidate, ChatLightRouter, Pool
from lightrouter_graph.testing import Reply, ScriptedChatModel


def call(tool: str, **arguments: Any) -> Reply:
    """Script a tool call."""
    return Reply("", [ToolCall(name=tool, args=arguments, id="call_1")])


def script(*steps: Reply) -> Callable[[Sequence[BaseMessage]], Reply]:
    """Script a model: one reply for each step; the number of tool results in the prompt is the step."""
    return lambda messages: steps[sum(isinstance(message, ToolMessage) for message in messages)]


LOOK, PAY = call("look_up", order="A-17"), call("refund", order="A-17", euros=12.5)
DONE = Reply("The broken lantern of order A-17 is refunded: 12.50 EUR are on their way.")
SHORT = Reply("I have paid 12.5 EUR back.")

# Yours: Pool.from_env(), or Pool(["openai:gpt-5.4-mini", "groq:openai/gpt-oss-20b", "ollama:llama3.2"])
POOL = Pool(
    [
        Candidate("oak", ScriptedChatModel(responses=script(call("refund", order="A-17", euros=20), PAY, DONE))),
        Candidate("elm", ScriptedChatModel(responses=script(LOOK, call("refund", order="A-17", euros=125), SHORT))),
        Candidate("fir", ScriptedChatModel(responses=script(LOOK, PAY, SHORT))),
    ]
)

ran: list[str] = []


def look_up(order: str) -> str:
    """Return the contents of an order."""
    ran.append(f"look_up({order!r})")
    return "1 lantern, 12.5 EUR, reported broken"


def refund(order: str, euros: float) -> str:
    """Refund an amount."""
    ran.append(f"refund({order!r}, {euros})")
    return f"{euros} EUR paid back"


def main() -> None:
    """Run the agent on one complaint."""
    agent = create_agent(ChatLightRouter(pool=POOL), tools=[look_up, refund])
    result = agent.invoke({"messages": [HumanMessage("Order A-17 came broken. Refund it.")]})
    answers = [message for message in result["messages"] if isinstance(message, AIMessage)]
    for number, answer in enumerate(answers, 1):
        decision = answer.response_metadata["lightrouter"]
        print(f"Step {number}: {decision['stopped_text']} -> {decision['merged']}")
        for candidate in decision["candidates"]:
            mark = ">" if candidate["candidate"] == decision["merged_by"] else " "
            print(f"{mark} {candidate['candidate']}  {in_words(candidate)}")
    print(f"Tools that ran: {', '.join(ran)}")
    print(f"Answer: {answers[-1].text}")


def in_words(candidate: Mapping[str, Any]) -> str:
    """Format the reply of a candidate; the record has tool calls as JSON, `[[name, arguments], ...]`."""
    proposed = candidate["key"] or ("a text" if candidate["outcome"] == "answered" else candidate["outcome"])
    if not proposed.startswith("[["):
        return str(proposed)
    calls = json.loads(proposed)
    return " and ".join(f"{name}({', '.join(f'{k}={v!r}' for k, v in given.items())})" for name, given in calls)


if __name__ == "__main__":
    main()

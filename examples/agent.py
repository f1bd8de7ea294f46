"""LightRouter as the model of an agent: every candidate proposes the next tool call, one proposal is carried out.

    python examples/agent.py

`ChatLightRouter` goes wherever a chat model goes, here into `langchain.agents.create_agent`. A refund is due, and in
each step one model is wrong: it guesses the amount before looking, or adds a zero. Proposals are compared field by
field, so the odd one is outvoted before any tool has run. It prints what each model proposed in each step, who won,
and which tools ran in the end.

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
    """Script a model: one reply for each step, which it tells by the tool results it has seen."""
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
    """Tell what an order holds."""
    ran.append(f"look_up({order!r})")
    return "1 lantern, 12.5 EUR, reported broken"


def refund(order: str, euros: float) -> str:
    """Pay an amount back."""
    ran.append(f"refund({order!r}, {euros})")
    return f"{euros} EUR paid back"


def main() -> None:
    """Let the agent settle one complaint."""
    agent = create_agent(ChatLightRouter(pool=POOL), tools=[look_up, refund])
    result = agent.invoke({"messages": [HumanMessage("Order A-17 came broken. Refund it.")]})
    answers = [message for message in result["messages"] if isinstance(message, AIMessage)]
    for number, answer in enumerate(answers, 1):
        decision = answer.response_metadata["lightrouter"]
        print(f"Step {number}: {decision['stopped']} -> {decision['merged']}")
        for candidate in decision["candidates"]:
            mark = ">" if candidate["candidate"] == decision["merged_by"] else " "
            print(f"{mark} {candidate['candidate']}  {in_words(candidate)}")
    print(f"Tools that ran: {', '.join(ran)}")
    print(f"Answer: {answers[-1].text}")


def in_words(candidate: Mapping[str, Any]) -> str:
    """Write what a candidate proposed; the record has calls as JSON, `[[name, arguments], ...]`."""
    proposed = candidate["answer"] or (
        "a text of its own" if candidate["outcome"] == "answered" else candidate["outcome"]
    )
    if not proposed.startswith("[["):
        return str(proposed)
    calls = json.loads(proposed)
    return " and ".join(f"{name}({', '.join(f'{k}={v!r}' for k, v in given.items())})" for name, given in calls)


if __name__ == "__main__":
    main()

"""LightRouter as a node of your own graph, whose context sets the cost of each run.

    python examples/subgraph.py

A support graph looks up an order, computes the refund with LightRouter, and writes a letter. State and context belong
to the parent graph; LightRouter reads its settings from the field `lightrouter` of that context. The example runs one
ticket twice: as small (one model is queried, and it is wrong), and as large (up to three, until two agree).

No key is needed: the models are scripted. Put your own into POOL.
"""

import textwrap
from dataclasses import dataclass, field

from langchain_core.messages import HumanMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.runtime import Runtime
from typing_extensions import TypedDict

from lightrouter_graph import Candidate, Context, Pool, create_lightrouter
from lightrouter_graph.testing import ScriptedChatModel

# Yours: Pool.from_env(), or Pool(["openai:gpt-5.4-mini", "groq:openai/gpt-oss-20b", "ollama:llama3.2"])
POOL = Pool(
    [
        Candidate("oak", ScriptedChatModel(responses="3 * 24 = 72, and 10 % off is 62.80. The answer is 62.80 EUR.")),
        Candidate("elm", ScriptedChatModel(responses="72 EUR less 7.20 EUR is 64.80 EUR. The answer is 64.80 EUR.")),
        Candidate("fir", ScriptedChatModel(responses="They paid 0.9 * 72 = 64.80. The answer is 64.80 EUR.")),
    ]
)

SMALL = Context(width=1, top_k=1)  # only the first model
LARGE = Context(top_k=3)  # until two agree, at most three


class Ticket(TypedDict):
    """Input of the parent graph."""

    order: str


class Desk(MessagesState, Ticket):
    """State of the parent graph; LightRouter reads and appends only `messages`."""

    letter: str


@dataclass
class Settings:
    """Context of the parent graph; LightRouter reads only `lightrouter`."""

    signature: str = "Your support desk"
    lightrouter: Context = field(default_factory=Context)


def look_up(state: Desk) -> dict[str, list[HumanMessage]]:
    """Build the question; its last sentence makes answers comparable."""
    bought = f"Order {state['order']} was 3 lanterns at 24 EUR each, with 10 % off the total. All came broken."
    return {"messages": [HumanMessage(f"{bought} How much is the refund? End with 'The answer is ... EUR.'")]}


def write_letter(state: Desk, runtime: Runtime[Settings]) -> dict[str, str]:
    """Return the signed letter."""
    return {"letter": f"{state['messages'][-1].text}\n{runtime.context.signature}"}


builder = StateGraph(Desk, Settings, input_schema=Ticket)
builder.add_node("look_up", look_up)
builder.add_node("lightrouter", create_lightrouter(POOL).compile(name="lightrouter"))
builder.add_node("write_letter", write_letter)
builder.add_edge(START, "look_up")
builder.add_edge("look_up", "lightrouter")
builder.add_edge("lightrouter", "write_letter")
desk = builder.compile()


def main() -> None:
    """Run one ticket as small and as large."""
    print("3 lanterns at 24 EUR, less 10 %: the right refund is 64.80 EUR.\n")
    for size, settings in {"small": SMALL, "large": LARGE}.items():
        result = desk.invoke({"order": "A-17"}, context=Settings("Ada", settings))
        decision = result["messages"][-1].response_metadata["lightrouter"]
        print(f"As a {size} ticket (model calls: {decision['bill']['calls']}; stopped: {decision['stopped_text']})")
        for candidate in decision["candidates"]:
            print(f"  {candidate['candidate']}  {candidate['key'] or candidate['outcome']}")
        print(textwrap.indent(f"Letter: {result['letter']}", "  | ") + "\n")


if __name__ == "__main__":
    main()

"""Events and tokens for a user interface: the boots as they end, then the answer token by token.

    python examples/live_events.py

One stream carries both. Its `custom` parts are events: boots, ranking, dropped candidates, answers, the bill
(`lightrouter_graph/telemetry/events.py` lists them all). Its `messages` parts are the tokens of the final answer only;
tokens of boots and full answers are not among them.

No key is needed: the models are scripted, with delays. Put your own into POOL.
"""

import asyncio
from collections.abc import Callable, Sequence

from langchain_core.messages import BaseMessage, HumanMessage

from lightrouter_graph import Candidate, Context, Pool, create_lightrouter
from lightrouter_graph.telemetry.events import Event
from lightrouter_graph.testing import Reply, ScriptedChatModel

MERGED = "Oil the hinges twice a year, take the batteries out for the winter, and wipe salt water off the seals."


def script(answer: str, delay_s: float) -> Callable[[Sequence[BaseMessage]], Reply]:
    """Script a model: its own answer, or the merged answer if the prompt contains other answers."""
    return lambda messages: Reply(answer if len(messages) == 1 else MERGED, delay_s=delay_s, delay_per_token_s=0.03)


OAK = "Oil the hinges twice a year, but sparingly, and keep the glass clean with a soft cloth and a little vinegar."
ELM = "Take the batteries out for the winter, and wipe the salt water off the seals before you put the lantern away."
FIR = "Great question! Lanterns are fascinating, and there is so much to say about them that one hardly knows where."

# Yours: Pool.from_env(), or Pool(["openai:gpt-5.4-mini", "groq:openai/gpt-oss-20b", "ollama:llama3.2"])
POOL = Pool(
    [
        Candidate("oak", ScriptedChatModel(responses=script(OAK, 0.5))),
        Candidate("elm", ScriptedChatModel(responses=script(ELM, 0.2))),
        Candidate("fir", ScriptedChatModel(responses=script(FIR, 0.1))),
    ]
)


async def main() -> None:
    """Run one question and print each event and token."""
    router = create_lightrouter(POOL, context=Context(boot_tokens=12, top_k=2, agree=None)).compile()
    question = HumanMessage("How do I look after my lantern?")
    async for part in router.astream({"messages": [question]}, stream_mode=["custom", "messages"], version="v2"):
        if part["type"] == "custom":
            show(part["data"])
        elif part["type"] == "messages":
            token, _ = part["data"]
            print(token.text, end="", flush=True)


def show(event: Event) -> None:
    """Print one event."""
    match event["event"]:
        case "opened":
            print(f"queried    {', '.join(event['first_wave'])}")
        case "boot" if event["failure"]:
            print(f"failed     {event['candidate']}: {event['failure']['message']}")
        case "boot":
            print(f"boot       {event['candidate']} after {event['seconds']:.1f} s: {event['text']} ...")
        case "ranked":
            scores = event["scores"]
            print(f"ranked     {', '.join(f'{name} {scores[name]:.2f}' for name in event['order'])}")
            for name, why in event["dropped"].items():
                print(f"dropped    {name}: {why}")
        case "answer":
            print(f"answered   {event['candidate']}: {event['output_tokens']} tokens")
        case "tallied" if not event["next_candidates"]:
            print(f"merging    {event['reason']}\n")
        case "billed":
            usage = event["bill"]["usage"]
            print(f"\n\nbill       {event['bill']['calls']} calls, {usage['output_tokens']} output tokens")


if __name__ == "__main__":
    asyncio.run(main())

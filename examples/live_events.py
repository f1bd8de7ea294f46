"""What a user interface can show while LightRouter works: the race of the boots, then the answer word by word.

    python examples/live_events.py

One stream carries both. Its `custom` parts are the story: who booted, who is ahead, who was dropped and why, the bill
(`lightrouter_graph/telemetry/events.py` lists them all). Its `messages` parts are the tokens of the final answer; what
the candidates write on the way never shows up among them.

No key is needed: the models are scripted, and dawdle as real ones do. Put your own into POOL.
"""

import asyncio
from collections.abc import Callable, Sequence

from langchain_core.messages import BaseMessage, HumanMessage

from lightrouter_graph import Candidate, Context, Pool, create_lightrouter
from lightrouter_graph.telemetry.events import Event
from lightrouter_graph.testing import Reply, ScriptedChatModel

MERGED = "Oil the hinges twice a year, take the batteries out for the winter, and wipe salt water off the seals."


def script(answer: str, delay_s: float) -> Callable[[Sequence[BaseMessage]], Reply]:
    """Script a model: its own answer, or the merged one when it is shown the answers of others."""
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
    """Ask one question and show everything that happens."""
    router = create_lightrouter(POOL, context=Context(boot_tokens=12, top_k=2, agree=None)).compile()
    question = HumanMessage("How do I look after my lantern?")
    async for part in router.astream({"messages": [question]}, stream_mode=["custom", "messages"], version="v2"):
        if part["type"] == "custom":
            show(part["data"])
        elif part["type"] == "messages":
            token, _ = part["data"]
            print(token.text, end="", flush=True)


def show(event: Event) -> None:
    """Print one event of the story; a web page would send it to the browser instead."""
    match event["event"]:
        case "opened":
            print(f"asking     {', '.join(event['first_wave'])}")
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
            print(f"\n\nbill       {event['bill']['calls']} calls, {usage['output_tokens']} tokens written")


if __name__ == "__main__":
    asyncio.run(main())

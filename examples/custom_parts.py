"""Parts of your own: a selector, an aggregator and an answer key, each one method long.

    python examples/custom_parts.py

Here a support team routes between a terse and a chatty model: boots that name the product go on, and the shortest
answer that names it is sent. It runs on scripted models; put your own into the pool.
"""

import asyncio
from collections.abc import Sequence

from langchain_core.messages import HumanMessage

from lightrouter_graph import Answer, Boot, Candidate, Context, Merged, Pool, Query, Scores, create_lightrouter
from lightrouter_graph.testing import ScriptedChatModel

PRODUCT = "lantern"


class NamesTheProduct:
    """Score a boot by whether it speaks of the product at all."""

    async def score(self, query: Query, boots: Sequence[Boot]) -> Scores:
        """Give 1 to a boot that names the product, 0 to others."""
        named = {boot["candidate"]: float(PRODUCT in boot["text"].lower()) for boot in boots}
        return Scores(by_candidate=named, selector="names the product")


class Shortest:
    """Send the shortest answer."""

    async def merge(self, query: Query, answers: Sequence[Answer]) -> Merged:
        """Pass the shortest text through."""
        shortest = min(answers, key=lambda answer: len(answer["text"]))
        return Merged(shortest["text"], "shortest", shortest["candidate"])


def ticket_number(text: str, question: str = "", *, finished: bool = True) -> str | None:
    """Say that two answers are the same when they name the same ticket."""
    return next((word for word in text.split() if word.startswith("#")), None)


async def main() -> None:
    """Ask one question."""
    pool = Pool(
        [
            Candidate("chatty", ScriptedChatModel(responses="What a lovely question! Lanterns " + "shine " * 30)),
            Candidate("vague", ScriptedChatModel(responses="It depends on " + "many things " * 20)),
            Candidate("terse", ScriptedChatModel(responses="The lantern needs two batteries. " + "Really. " * 12)),
        ]
    )
    router = create_lightrouter(
        pool,
        selector=NamesTheProduct(),
        aggregator=Shortest(),
        key=ticket_number,
        context=Context(top_k=2, agree=None, boot_tokens=8),
    ).compile()
    result = await router.ainvoke({"messages": [HumanMessage("What does the lantern need?")]})
    answer = result["messages"][-1]
    print(answer.text)
    for candidate in answer.response_metadata["lightrouter"]["candidates"]:
        print(f"  {candidate['candidate']:<8} {candidate['fate']:<10} {candidate['why']}")


if __name__ == "__main__":
    asyncio.run(main())

"""Three more parts of your own, one method each: who is asked first, what makes answers equal, and which one is sent.

    python examples/custom_parts.py

A support team looks for the ticket a customer means. A prior puts models first that are tagged with a word of the
question; two answers are equal when they name the same ticket, whatever else they say; and of those that most agree on,
the shortest is sent. (`custom_selector.py` has the fourth part.) It prints the answer and what became of each model.

No key is needed: the models are scripted. Put your own into POOL.
"""

from collections.abc import Mapping, Sequence

from langchain_core.messages import HumanMessage

from lightrouter_graph import Answer, Candidate, Merged, Pool, Query, create_lightrouter
from lightrouter_graph.testing import ScriptedChatModel

# Yours: Pool.from_env(), or Pool(["openai:gpt-5.4-mini", "groq:openai/gpt-oss-20b", "ollama:llama3.2"])
POOL = Pool(
    [
        Candidate("boats", ScriptedChatModel(responses="Ahoy! That must be #7, about a boat."), tags=("boat", "sail")),
        Candidate("hasty", ScriptedChatModel(responses="#1999, I guess.")),
        Candidate("chatty", ScriptedChatModel(responses="What a lovely question! I found it at once: it is #2071.")),
        Candidate("lamps", ScriptedChatModel(responses="Ticket #2071."), tags=("lantern", "lamp")),
    ]
)


class ByTag:
    """Ask those first whose tags are in the question, and leave out those who are at home elsewhere."""

    async def score(self, query: Query) -> Mapping[str, float]:
        """Return 1 for the tagged, 0.6 for those without tags; a candidate without a score takes no part."""
        question, pool = query.text.lower(), query.pool
        known = {candidate.name: any(tag in question for tag in candidate.tags) for candidate in pool}
        return {name: 1.0 if known[name] else 0.6 for name in pool.names if known[name] or not pool[name].tags}


def ticket_number(text: str, question: str = "", *, finished: bool = True) -> str | None:
    """Say what an answer is compared by: the first ticket it names."""
    return next((word.strip(".,") for word in text.split() if word.startswith("#")), None)


class ShortestOfMost:
    """Send the shortest of the answers that most agree on."""

    async def merge(self, query: Query, answers: Sequence[Answer]) -> Merged:
        """Count the keys, then the letters."""
        keys = [answer["key"] for answer in answers]
        most = [answer for answer in answers if keys.count(answer["key"]) == max(map(keys.count, keys))]
        shortest = min(most, key=lambda answer: len(answer["text"]))
        return Merged(shortest["text"], "shortest of most", shortest["candidate"])


def main() -> None:
    """Ask one question."""
    router = create_lightrouter(POOL, prior=ByTag(), key=ticket_number, aggregator=ShortestOfMost()).compile()
    result = router.invoke({"messages": [HumanMessage("Which ticket is about the lantern that came broken?")]})
    answer = result["messages"][-1]
    decision = answer.response_metadata["lightrouter"]
    print(f"{answer.text}  ({decision['merged']}: {decision['stopped_text']})")
    for candidate in decision["candidates"]:
        print(f"  {candidate['candidate']:<6}  prior {candidate['prior']}  says {candidate['key']}")


if __name__ == "__main__":
    main()

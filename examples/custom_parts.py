"""Three parts of your own that call no model: a prior, an answer key and an aggregator.

    python examples/custom_parts.py

The question is which support ticket a customer means. The prior prefers candidates that are tagged with a word of the
question. The key makes two answers equal if they name the same ticket. The aggregator returns the shortest answer of
the largest group. The example prints the answer and the record of each candidate; `extensions.py` has parts that call
models.

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
    """Query the candidates with a tag in the question first, and exclude those with other tags."""

    async def score(self, query: Query) -> Mapping[str, float]:
        """Return 1 for a matching tag, 0.6 for no tags; a candidate without a score takes no part."""
        question, pool = query.text.lower(), query.pool
        matches = {candidate.name: any(tag in question for tag in candidate.tags) for candidate in pool}
        return {name: 1.0 if matches[name] else 0.6 for name in pool.names if matches[name] or not pool[name].tags}


def ticket_number(text: str, question: str = "", *, finished: bool = True) -> str | None:
    """Return the key of an answer: the first ticket that it names."""
    return next((word.strip(".,") for word in text.split() if word.startswith("#")), None)


class ShortestOfLargestGroup:
    """Return the shortest of the answers with the most frequent key."""

    async def merge(self, query: Query, answers: Sequence[Answer]) -> Merged:
        """Count the keys, then compare lengths."""
        keys = [answer["key"] for answer in answers]
        most = [answer for answer in answers if keys.count(answer["key"]) == max(map(keys.count, keys))]
        shortest = min(most, key=lambda answer: len(answer["text"]))
        return Merged(shortest["text"], "shortest", shortest["candidate"])


def main() -> None:
    """Run one question."""
    router = create_lightrouter(POOL, prior=ByTag(), key=ticket_number, aggregator=ShortestOfLargestGroup()).compile()
    result = router.invoke({"messages": [HumanMessage("Which ticket is about the lantern that came broken?")]})
    answer = result["messages"][-1]
    decision = answer.response_metadata["lightrouter"]
    print(f"{answer.text}  ({decision['merged']}: {decision['stopped_text']})")
    for candidate in decision["candidates"]:
        print(f"  {candidate['candidate']:<6}  prior {candidate['prior']}  key {candidate['key']}")


if __name__ == "__main__":
    main()

"""A selector of your own, in fifteen lines: who may go on after the boots is your rule.

    python examples/custom_selector.py

Here answers must quote the handbook, as [1] or [2]. A boot that quotes it goes on, the more sources the better; a boot
that does not is left out of the scores, and so dropped before its full answer is paid for. It prints the answer, what
became of each candidate, and the tokens that were never written.

No key is needed: the models are scripted. Put your own into POOL.
"""

from collections.abc import Sequence

from langchain_core.messages import HumanMessage

from lightrouter_graph import Boot, Candidate, Context, Pool, Query, Scores, create_lightrouter
from lightrouter_graph.testing import ScriptedChatModel

OAK = (
    "In my experience lamps like dry cellars, but others swear by the garage or the attic. It depends on your house, "
    "on the season and on how often you need light. If in doubt, ask around, and do not worry too much."
)
ELM = (
    "Keep it dry, above all on a boat, says the handbook [1]. Wipe salt water off the seals before you put it away, "
    "and take the batteries out if you will not use it for a month."
)
FIR = (
    "Keep it dry [1] and below 40 degrees [2]. Take the batteries out for the winter, wipe the seals, and switch the "
    "lantern on once in spring to see that it still works."
)

# Yours: Pool.from_env(), or Pool(["openai:gpt-5.4-mini", "groq:openai/gpt-oss-20b", "ollama:llama3.2"])
POOL = Pool(
    [
        Candidate("oak", ScriptedChatModel(responses=OAK)),
        Candidate("elm", ScriptedChatModel(responses=ELM)),
        Candidate("fir", ScriptedChatModel(responses=FIR)),
    ]
)


class QuotesTheHandbook:
    """Score a boot by how many sources it quotes; without any it is dropped."""

    async def score(self, query: Query, boots: Sequence[Boot]) -> Scores:
        """Count the marks [1] and [2]."""
        quoted = {boot["candidate"]: sum(mark in boot["text"] for mark in ("[1]", "[2]")) for boot in boots}
        return Scores(
            by_candidate={name: number / 2 for name, number in quoted.items() if number},
            selector="quotes the handbook",
            reasons={name: f"{number} sources" for name, number in quoted.items()},
        )


def main() -> None:
    """Ask one question; only the best boot is written to its end."""
    settings = Context(boot_tokens=20, top_k=1)
    router = create_lightrouter(POOL, selector=QuotesTheHandbook(), context=settings).compile()
    result = router.invoke({"messages": [HumanMessage("How do I store the lantern? Quote [1] and [2].")]})
    answer = result["messages"][-1]
    decision = answer.response_metadata["lightrouter"]
    print(answer.text)
    for candidate in decision["candidates"]:
        print(f"  {candidate['candidate']}  {candidate['fate']:<8}  {candidate['why'] or candidate['reason']}")
    bill = decision["bill"]
    spent, all_in_full = bill["usage"]["output_tokens"], bill["full_ensemble"]["usage"]["output_tokens"]
    print(f"{spent} tokens written; all in full and merged would be about {all_in_full}")


if __name__ == "__main__":
    main()

"""`make demo`: the whole method on one machine, without a key: five small language models race, a sixth merges.

The models are real and come with the package (`lightrouter_graph/pocket/MODEL_CARD.md`): they write real tokens, know
grade-school word problems only, and are often wrong. Everything else is what you would run on your own pool.

    python examples/demo.py
"""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from langchain_core.messages import HumanMessage
from rich.console import Console

from lightrouter_graph import Context, LLMAggregator, Pool, create_lightrouter
from lightrouter_graph.cli import main as lightrouter
from lightrouter_graph.pocket.model import count_parameters

QUESTION = "Ana has 3 boxes of 4 toys each and 3 boxes of 9 stones each. How many is that together?"
EASY = "Mia has 47 apples and gets 38 more. How many apples does Mia have now?"
TOP_K = ["--width", "0", "--agree", "0", "--top-k", "3", "--boot-tokens", "16"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask an easy question in the default setting, and a hard one with a fixed top-k and the model that merges."""
    del arguments  # there is nothing to choose
    say("Five models of 427,000 parameters each, trained by us on word problems; a sixth was trained to merge.")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pocket.toml"
        file.write_text("".join(f'[[candidate]]\nmodel = "pocket:{name}"\n' for name in Pool.pocket().names))
        say(f"1. {EASY}\n   The default: three boot together; finished answers that agree stop the run.")
        code = lightrouter(["ask", EASY, "--pool", str(file)])
        say(f"2. {QUESTION}\n   A fixed top-k: all five write 16 boot tokens, the best three go on, two are dropped.")
        code = code or lightrouter(["ask", QUESTION, "--pool", str(file), *TOP_K, "--aggregator", "vote"])
        say(
            "   That was the vote. The question was picked because the strongest model alone gets it wrong (35); what "
            "the pool is worth on others: lightrouter eval run pocket-new:200"
        )
    say("3. The same, but the three answers go to the model that merges:")
    merged()
    return code


def merged() -> None:
    """Run the graph from code, with an aggregator of one's own."""
    context = Context(width=None, agree=None, top_k=3, boot_tokens=16, aggregator="llm")
    router = create_lightrouter(Pool.pocket(), aggregator=LLMAggregator("pocket:merger"), context=context).compile()
    answer = router.invoke({"messages": [HumanMessage(QUESTION)]})["messages"][-1]
    decision = answer.response_metadata["lightrouter"]
    for candidate in decision["candidates"]:
        told = candidate["answer"] if candidate["outcome"] == "answered" else candidate["why"]
        print(f"  {candidate['candidate']:<9} {candidate['fate']:<9} {told}")
    print(f"  merged    {answer.text}")
    usage = decision["bill"]["usage"]
    parameters, tokens = count_parameters("general"), usage["input_tokens"] + usage["output_tokens"]
    print(
        f"  bill      {decision['bill']['calls']} calls, {tokens} tokens read and written x {parameters:,} parameters"
    )


def say(text: str) -> None:
    """Print one line of the demo's own."""
    Console(soft_wrap=False, highlight=False).print(f"\n{text}\n", markup=False)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

"""`make demo`: the whole method on one machine, without a key: five small language models boot, a sixth merges.

The models are part of the package (`lightrouter_graph/pocket/MODEL_CARD.md`). They generate real tokens, solve only
grade-school word problems, and are often wrong. The same code runs on your own pool.

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
    """Run an easy question with the default settings, and a hard one with a fixed top-k and an LLM aggregator."""
    del arguments  # there are no options
    show("Five models of 427,000 parameters each, trained on word problems; a sixth was trained to merge.")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pocket.toml"
        file.write_text("".join(f'[[candidate]]\nmodel = "pocket:{name}"\n' for name in Pool.pocket().names))
        show(f"1. {EASY}\n   The default: three candidates boot in parallel; finished answers that agree stop the run.")
        code = lightrouter(["ask", EASY, "--pool", str(file)])
        show(f"2. {QUESTION}\n   A fixed top-k: all five write 16 boot tokens, three are selected, two are dropped.")
        code = code or lightrouter(["ask", QUESTION, "--pool", str(file), *TOP_K, "--aggregator", "vote"])
        show(
            "   This answer was decided by a vote. The strongest model alone answers this question wrongly (35); "
            "accuracy of the pool on other questions: lightrouter eval run pocket-new:200"
        )
    show("3. The same question; the LLM aggregator merges the three answers:")
    merged()
    return code


def merged() -> None:
    """Run the graph from code, with an LLM aggregator."""
    context = Context(width=None, agree=None, top_k=3, boot_tokens=16, aggregator="llm")
    router = create_lightrouter(Pool.pocket(), aggregator=LLMAggregator("pocket:merger"), context=context).compile()
    answer = router.invoke({"messages": [HumanMessage(QUESTION)]})["messages"][-1]
    decision = answer.response_metadata["lightrouter"]
    for candidate in decision["candidates"]:
        detail = candidate["key"] if candidate["outcome"] == "answered" else candidate["why"]
        print(f"  {candidate['candidate']:<9} {candidate['outcome']:<9} {detail}")
    print(f"  merged    {answer.text}")
    usage = decision["bill"]["usage"]
    parameters, tokens = count_parameters("general"), usage["input_tokens"] + usage["output_tokens"]
    print(
        f"  bill      {decision['bill']['calls']} calls, {tokens} input and output tokens x {parameters:,} parameters"
    )


def show(text: str) -> None:
    """Print one paragraph of the demo."""
    Console(soft_wrap=False, highlight=False).print(f"\n{text}\n", markup=False)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

"""The shortest program: a pool, a graph, a question, and the decision record of the answer.

    python examples/quickstart.py "What is 17 * 23?"

The pool is read from `lightrouter.toml` in the working directory, or from the environment (OPENAI_API_KEY, a local
Ollama, ...).
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from langchain_core.messages import HumanMessage

from lightrouter_graph import Pool, PoolError, create_lightrouter


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one question and print the answer and its record."""
    question = " ".join(sys.argv[1:] if arguments is None else arguments) or "What is 17 * 23?"
    file = Path("lightrouter.toml")
    try:
        pool = Pool.from_toml(file) if file.exists() else Pool.from_env()
    except PoolError as exc:
        sys.exit(str(exc))
    router = create_lightrouter(pool).compile(name="lightrouter")

    result = router.invoke({"messages": [HumanMessage(question)]})
    answer = result["messages"][-1]
    decision = answer.response_metadata["lightrouter"]

    print(answer.text)
    print(f"\nstopped: {decision['stopped_text']}; {decision['merged']} by {decision['merged_by']}")
    for candidate in decision["candidates"]:
        print(f"  {candidate['candidate']:<12} {candidate['outcome']:<11} {candidate['why'] or candidate['reason']}")
    bill, usage = decision["bill"], decision["bill"]["usage"]
    price = "price unknown" if bill["usd"] is None else f"{bill['usd']:.5f} USD"
    print(f"{bill['calls']} calls, {usage['input_tokens']} + {usage['output_tokens']} tokens, {price}")


if __name__ == "__main__":
    main()

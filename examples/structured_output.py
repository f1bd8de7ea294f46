"""Structured output by vote: invalid objects are dropped, the others are compared field by field.

    python examples/structured_output.py

1. `with_structured_output` of a pydantic class: oak's total is not a number, so its object is dropped with a reason.
   The other two objects are equal and win as a whole.
2. A smudged letter, of which each model misreads another field. No two objects are equal: the object that shares most
   fields with the others wins as a whole, with its own error. A vote never builds a new object.

The example prints each model's object and the result.

No key is needed: the models are scripted. Put your own into POOL.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.messages import BaseMessage
from pydantic import BaseModel, Field

from lightrouter_graph import Candidate, ChatLightRouter, Pool
from lightrouter_graph.testing import ScriptedChatModel


class Invoice(BaseModel):
    """An invoice."""

    number: str
    total: float = Field(description="In EUR.")
    due: str = Field(description="As YYYY-MM-DD.")


def script(clear: dict[str, Any], smudged: dict[str, Any]) -> Callable[[Sequence[BaseMessage]], str]:
    """Script a model: its object for each of the two letters."""
    return lambda messages: json.dumps(smudged if "smudged" in messages[0].text else clear)


RIGHT = {"number": "R-2071", "total": 418.5, "due": "2026-03-01"}

# Yours: Pool.from_env(), or Pool(["openai:gpt-5.4-mini", "groq:openai/gpt-oss-20b", "ollama:llama3.2"])
POOL = Pool(
    [
        Candidate("oak", ScriptedChatModel(responses=script(RIGHT | {"total": "see page 2"}, RIGHT | {"total": 4185}))),
        Candidate("elm", ScriptedChatModel(responses=script(RIGHT, RIGHT | {"due": "2026-08-01"}))),
        Candidate("fir", ScriptedChatModel(responses=script(RIGHT, RIGHT | {"number": "R-2011"}))),
    ]
)


CLEAR = "Invoice R-2071: 418.50 EUR, due on 1 March 2026."
SMUDGED = f"(smudged) {CLEAR}"


def main() -> None:
    """Parse a clear letter, then a smudged one."""
    router = ChatLightRouter(pool=POOL)
    read(router, CLEAR, "1. A clear letter, two objects are equal")
    read(router, SMUDGED, "2. A smudged letter, all objects differ")


def read(router: ChatLightRouter, letter: str, title: str) -> None:
    """Parse one letter and print the object of each candidate."""
    # The decision record is on the raw message, which only `include_raw` returns.
    reader = router.with_structured_output(Invoice, method="json_schema", include_raw=True)
    result = reader.invoke(letter)
    decision = result["raw"].response_metadata["lightrouter"]
    print(title)
    for candidate in decision["candidates"]:
        print(f"  {candidate['candidate']}     {fields_of(candidate['key']) or candidate['why']}")
    print(f"  result  {fields_of(result['parsed'].model_dump_json())}  ({decision['merged']}: {decision['stopped']})\n")


def fields_of(key: str | None) -> str:
    """Format an object on one line; its key in the record is JSON."""
    found = json.loads(key or "{}")
    return "  ".join(f"{found[name]}" for name in Invoice.model_fields if name in found)


if __name__ == "__main__":
    main()

"""Structured output by vote: an object that does not fit the schema is dropped, the others are compared field by field.

    python examples/structured_output.py

1. `with_structured_output` of a pydantic class: oak's total is no number, so its object is dropped with the reason; two
   of the others are equal, and that object wins as a whole.
2. A smudged letter, in which each model misreads another field. No two objects are equal: the object that shares most
   fields with the others wins as a whole, and its own error remains. A vote never builds a new object.

It prints each model's object above the result. No key is needed: the models are scripted. Put your own into POOL.
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
    """Script a model: the object it reads in each of the two letters."""
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
    """Read a clear letter, then a smudged one."""
    router = ChatLightRouter(pool=POOL)
    read(router, CLEAR, "1. A clear letter, two objects are equal")
    read(router, SMUDGED, "2. A smudged letter, all objects differ")


def read(router: ChatLightRouter, letter: str, title: str) -> None:
    """Read one letter and print who read what."""
    # Without include_raw the invoice alone comes back; the decision record is on the raw message.
    reader = router.with_structured_output(Invoice, method="json_schema", include_raw=True)
    result = reader.invoke(letter)
    decision = result["raw"].response_metadata["lightrouter"]
    print(title)
    for candidate in decision["candidates"]:
        print(f"  {candidate['candidate']}     {fields_of(candidate['answer']) or candidate['why']}")
    print(f"  result  {fields_of(result['parsed'].model_dump_json())}  ({decision['merged']}: {decision['stopped']})\n")


def fields_of(answer: str | None) -> str:
    """Write an object on a line; what a candidate read is in the record as JSON."""
    found = json.loads(answer or "{}")
    return "  ".join(f"{found[name]}" for name in Invoice.model_fields if name in found)


if __name__ == "__main__":
    main()

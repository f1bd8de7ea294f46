"""A candidate known from a recording alone: it plays what is on the tape and cannot be asked anything else."""

from typing import Any, Literal

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatResult
from typing_extensions import TypedDict

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.models.cassette import cap_of
from lightrouter_graph.pool import Candidate

Role = Literal["candidate", "writer", "judge"]


class CandidateFacts(TypedDict):
    """What must be known of a live candidate so that its calls can be played again: no key, no address."""

    name: str
    role: Role
    price: tuple[float, float] | None
    continuation: Any
    json_mode: Any
    max_tokens: int | None


def facts_of_candidate(candidate: Candidate, role: Role = "candidate") -> CandidateFacts:
    """Take down what must be known of a candidate."""
    price = candidate.price
    return {
        "name": candidate.name,
        "role": role,
        "price": None if price is None else (price.input, price.output),
        "continuation": candidate.continuation,
        "json_mode": candidate.json_mode,
        "max_tokens": cap_of(candidate.model, {}),
    }


def silent(facts: CandidateFacts) -> Candidate:
    """Make a candidate that can be taped and never called."""
    return Candidate(
        facts["name"],
        _Silent(name=facts["name"], max_tokens=facts["max_tokens"]),
        price=None if facts["price"] is None else (facts["price"][0], facts["price"][1]),
        continuation=facts["continuation"],
        json_mode=facts["json_mode"],
    )


class _Silent(BaseChatModel):
    name: str
    max_tokens: int | None = None

    @property
    def _llm_type(self) -> str:
        return "silent"

    def _generate(
        self,
        messages: list[BaseMessage],  # noqa: ARG002
        stop: list[str] | None = None,  # noqa: ARG002
        *_: Any,
        **__: Any,
    ) -> ChatResult:
        msg = f"{self.name} is known from a recording and cannot be asked"
        raise EvaluationError(msg)

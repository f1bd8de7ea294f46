"""Replay-only candidates: rebuilt from `run.json` without an API key, for the replay of a cassette."""

from typing import Any, Literal

from langchain_core.language_models import BaseChatModel
from langchain_core.outputs import ChatResult
from typing_extensions import TypedDict

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.models.cassette import cap_of
from lightrouter_graph.pool import Candidate

Role = Literal["candidate", "writer", "judge"]


class CandidateFacts(TypedDict):
    """Properties of a live candidate that its prompts depend on; no API key and no address."""

    name: str
    role: Role
    price: tuple[float, float] | None
    continuation: Any
    json_mode: Any
    max_tokens: int | None


def facts_of_candidate(candidate: Candidate, role: Role = "candidate") -> CandidateFacts:
    """Return the properties of a live candidate for `run.json`."""
    price = candidate.price
    return {
        "name": candidate.name,
        "role": role,
        "price": None if price is None else (price.input, price.output),
        "continuation": candidate.continuation,
        "json_mode": candidate.json_mode,
        "max_tokens": cap_of(candidate.model, {}),
    }


def replay_only(facts: CandidateFacts) -> Candidate:
    """Return a candidate for the replay of a cassette; a call of its model is an `EvaluationError`."""
    return Candidate(
        facts["name"],
        _ReplayOnlyModel(name=facts["name"], max_tokens=facts["max_tokens"]),
        price=None if facts["price"] is None else (facts["price"][0], facts["price"][1]),
        continuation=facts["continuation"],
        json_mode=facts["json_mode"],
    )


class _ReplayOnlyModel(BaseChatModel):
    name: str
    max_tokens: int | None = None

    @property
    def _llm_type(self) -> str:
        return "replay-only"

    def _generate(self, *_: Any, **__: Any) -> ChatResult:
        msg = f"{self.name} has only recorded responses and cannot be called"
        raise EvaluationError(msg)

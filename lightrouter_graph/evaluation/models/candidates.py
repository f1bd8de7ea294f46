"""Copies of candidates: with overridden methods of the model, or rebuilt from `run.json` to replay a cassette."""

from types import new_class
from typing import Any, ClassVar, Literal

from langchain_core.language_models import BaseChatModel
from langchain_core.outputs import ChatResult
from typing_extensions import TypedDict

from lightrouter_graph.errors import EvaluationError, checked_choices
from lightrouter_graph.evaluation.models.cassette import cap_of
from lightrouter_graph.pool import Candidate

Role = Literal["candidate", "writer", "judge"]


def overridden(candidate: Candidate, mixin: type, values: dict[str, Any], **changes: Any) -> Candidate:
    """Return a copy of a candidate with a model of a subclass, which is an instance of the class of its model.

    Args:
        candidate: The candidate.
        mixin: Class with methods that override those of the model; `super()` reaches the originals.
        values: Class variables of the mixin.
        changes: Fields of the copied model.
    """
    kind = type(candidate.model)
    body = {**values, "__annotations__": dict.fromkeys(values, ClassVar[Any]), "__module__": kind.__module__}
    copy = candidate.model.model_copy(update=changes)
    subclass = new_class(kind.__name__, (mixin, kind), exec_body=lambda space: space.update(body))
    object.__setattr__(copy, "__class__", subclass)
    return Candidate(
        candidate.name,
        copy,
        price=candidate.price,
        tags=candidate.tags,
        limit_parameter=None if candidate.limit_is_field else candidate.limit_parameter,
        continuation=candidate.continuation,
        json_mode=candidate.json_mode,
        max_concurrency=candidate.max_concurrency,
        timeout_s=candidate.timeout_s,
    )


class CandidateFacts(TypedDict):
    """Properties of a live candidate that its prompts depend on; no API key and no address."""

    name: str
    role: Role
    price: tuple[float, float] | None
    continuation: Any
    json_mode: Any
    max_tokens: int | None


@checked_choices(EvaluationError)
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

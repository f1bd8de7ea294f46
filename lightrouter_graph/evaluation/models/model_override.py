"""Overrides methods of the chat model of a candidate without changing its class for `isinstance` checks."""

from types import new_class
from typing import Any, ClassVar

from lightrouter_graph.pool import Candidate


def overridden(candidate: Candidate, mixin: type, values: dict[str, Any], **changes: Any) -> Candidate:
    """Return a copy of a candidate with a model of a subclass: a mixin before the class of its model.

    The given candidate and its model are not changed.

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
    )

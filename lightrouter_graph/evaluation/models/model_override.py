"""A candidate with some methods of its model overridden, and all else as it was."""

from types import new_class
from typing import Any, ClassVar

from lightrouter_graph.pool import Candidate


def overridden(candidate: Candidate, mixin: type, values: dict[str, Any], **changes: Any) -> Candidate:
    """Return a candidate like the given one, before whose model's methods those of a mixin stand.

    The model is of a subclass of its own class, so that whatever is known of that class still holds. The given
    candidate and its model stay as they are.

    Args:
        candidate: The candidate.
        mixin: What stands before; it reaches the model's own methods by `super()`.
        values: Class variables the mixin reads, by name.
        changes: Fields of the model to change.
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

"""`Budget`: the limits of a run or a thread."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lightrouter_graph.errors import ContextError


class Budget(BaseModel):
    """Limits that are never exceeded, each > 0; what is left out is not limited.

    The limits hold against the worst case, so a run usually stays far below them: a prompt counts with one token for
    each of its bytes until a model has said how many it has, a reply with all it may write, and a call whose reply was
    lost as if it had been written to the end. Only a provider that ignores the cap on its output, or images longer
    than we think, can go beyond, and by no more than that one call; and a run that is killed and goes on, which does
    not know of the calls it died in.

    Raises:
        ContextError: If a limit is out of range or a name is unknown.

    Example:
        ```python
        Context(budget=Budget(usd=0.01), thread_budget=Budget(usd=1.0, calls=500))
        ```
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    usd: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="US dollars. Candidates whose price is unknown are then left out.",
    )
    tokens: int | None = Field(default=None, gt=0, description="Tokens read and written, by all calls together.")
    calls: int | None = Field(default=None, gt=0, description="Model calls, repeated ones included.")
    seconds: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="Seconds; nothing new is begun after them, as with `deadline_s`.",
    )

    if not TYPE_CHECKING:  # type checkers know the fields

        def __init__(self, **limits: Any) -> None:
            try:
                super().__init__(**limits)
            except ValidationError as exc:
                raise ContextError("; ".join(_sentence(dict(error)) for error in exc.errors())) from None


def read_budget(value: "Budget | Mapping[str, Any] | None") -> Budget | None:
    """Read a budget from settings: they are kept in the state as a dict, which was checked when it was made."""
    return Budget.model_construct(**value) if isinstance(value, Mapping) else value


def _sentence(error: dict[str, Any]) -> str:
    name = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"unknown limit {name!r} of a Budget; known are {', '.join(Budget.model_fields)}"
    return f"Budget {name} = {error['input']!r}: {error['msg'][0].lower()}{error['msg'][1:]}, or None"

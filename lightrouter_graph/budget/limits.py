"""`Budget`: the limits of a run or a thread, and what is left of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lightrouter_graph.budget.amounts import UNLIMITED, Allowance
from lightrouter_graph.budget.spent import Spent
from lightrouter_graph.errors import BudgetError, ContextError

Scope = Literal["run", "thread"]


class Budget(BaseModel):
    """Limits that are never exceeded, each > 0; what is left out is not limited.

    The limits hold against the worst case, so a run usually stays far below them: a prompt counts with one token for
    each of its bytes until a model has said how many it has, a reply with all it may write, and a call whose reply was
    lost as if it had been written to the end. Only a provider that ignores the cap on its output, or images longer
    than we think, can go beyond, and by no more than that one call.

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


@dataclass(frozen=True, slots=True)
class Left:
    """What is left to spend, and whose budget each limit is.

    Attributes:
        allowance: The tighter of the run's and the thread's budget, in each of usd, tokens and calls.
        scopes: Which of the two that is.
    """

    allowance: Allowance = field(default_factory=lambda: UNLIMITED)
    scopes: Mapping[str, Scope] = field(default_factory=dict)

    @property
    def unlimited(self) -> bool:
        """Whether there is nothing to keep to."""
        return all(limit is None for limit in self.allowance.values())

    @property
    def weighs(self) -> bool:
        """Whether the length of a call matters."""
        return weighs(self.allowance)

    def told(self, name: str) -> str:
        """Say what is left of one limit."""
        limit = cast("Mapping[str, float]", self.allowance)[name]
        return f"{in_words(name, limit)} left of the {self.scopes.get(name, 'run')}'s budget"


def weighs(allowance: Allowance) -> bool:
    """Whether the length of a call matters under an allowance."""
    return allowance["usd"] is not None or allowance["tokens"] is not None


def left_of(budget: Budget | None, thread_budget: Budget | None, spent: Spent, before: Spent) -> Left:
    """Return what is left of a run's budget and of its thread's.

    Args:
        budget: The run's.
        thread_budget: The thread's.
        spent: What this run has spent.
        before: What the runs before it on the thread have spent.
    """
    scopes: dict[str, Scope] = {}
    allowance: dict[str, float | None] = dict.fromkeys(UNLIMITED)
    counted = cast("Mapping[str, float]", spent), cast("Mapping[str, float]", before)
    for name in UNLIMITED:
        rests: dict[Scope, float] = {}
        if budget is not None and (limit := getattr(budget, name)) is not None:
            rests["run"] = limit - counted[0][name]
        if thread_budget is not None and (limit := getattr(thread_budget, name)) is not None:
            rests["thread"] = limit - counted[0][name] - counted[1][name]
        if rests:
            scopes[name] = min(rests, key=lambda scope: rests[scope])
            allowance[name] = max(0, rests[scopes[name]])
    return Left(cast("Allowance", allowance), scopes)


def deadline_of(
    deadline_s: float | None, budget: Budget | None, thread_budget: Budget | None, before: Spent
) -> float | None:
    """Return the seconds a run may take: the least of its deadline, its budget and the rest of its thread's.

    Raises:
        BudgetError: If the thread has no second left.
    """
    limits = [deadline_s, budget.seconds if budget else None]
    if thread_budget is not None and thread_budget.seconds is not None:
        rest = thread_budget.seconds - before["seconds"]
        if rest <= 0:
            msg = f"no time is left of the thread's budget of {thread_budget.seconds:g} seconds"
            raise BudgetError(msg, needed={"seconds": 0.0}, left={"seconds": rest}, scope="thread")
        limits.append(rest)
    return min((limit for limit in limits if limit is not None), default=None)


def in_words(name: str, number: float) -> str:
    """Say an amount with its unit."""
    if name == "usd":
        return f"{number:.3g} USD"
    if name == "seconds":
        return f"{number:g} s"
    return f"{number:.0f} {name if number != 1 else name.removesuffix('s')}"


def _sentence(error: dict[str, Any]) -> str:
    name = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"unknown limit {name!r} of a Budget; known are {', '.join(Budget.model_fields)}"
    return f"Budget {name} = {error['input']!r}: {error['msg'][0].lower()}{error['msg'][1:]}, or None"

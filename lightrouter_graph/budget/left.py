"""What is left of the budgets of a run and of its thread."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, cast

from lightrouter_graph.budget.amounts import UNLIMITED, Allowance
from lightrouter_graph.budget.spent import Spent
from lightrouter_graph.errors import BudgetError
from lightrouter_graph.limits import Budget

Scope = Literal["run", "thread"]


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

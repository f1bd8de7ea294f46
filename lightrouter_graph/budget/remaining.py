"""Remaining budget of a run and of its thread."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, cast

from lightrouter_graph.budget.amounts import Amount, limits_of, short_of
from lightrouter_graph.context import Budget
from lightrouter_graph.errors import BudgetError
from lightrouter_graph.records import UNLIMITED, Allowance, Spent

Scope = Literal["run", "thread"]


@dataclass(frozen=True, slots=True)
class RemainingBudget:
    """Remaining budget of a run: the smaller of the run's and the thread's budget, for each limit.

    Attributes:
        allowance: Remaining USD, tokens and calls; None is unlimited.
        scopes: For each limited name ("usd", "tokens", "calls"), whether the run or the thread limits it.
    """

    allowance: Allowance = field(default_factory=lambda: UNLIMITED)
    scopes: Mapping[str, Scope] = field(default_factory=dict)

    @property
    def unlimited(self) -> bool:
        """True if USD, tokens and calls are all unlimited."""
        return not limits_of(self.allowance)

    @property
    def limits_length(self) -> bool:
        """True if a longer prompt or reply uses more of the budget."""
        return self.allowance["usd"] is not None or self.allowance["tokens"] is not None

    def describe(self, amount: Amount) -> str:
        """Compare an amount with each limit that it exceeds, e.g. "needs up to 0.004 USD, 0.001 USD left".

        Args:
            amount: Worst-case cost of some calls.
        """
        left = limits_of(self.allowance)
        short = short_of(amount, self.allowance) or tuple(self.scopes)  # none is exceeded beyond rounding
        parts = [f"{_format(n, getattr(amount, n))}, {_format(n, left[n])} left{self._of_budget(n)}" for n in short]
        return f"needs up to {'; '.join(parts)}"

    def _of_budget(self, name: str) -> str:
        return f" of the {self.scopes[name]}'s budget" if name in self.scopes else ""


def remaining_budget(
    budget: Budget | None, thread_budget: Budget | None, spent: Spent, thread_spent: Spent
) -> RemainingBudget:
    """Compute the remaining budget of a run.

    Args:
        budget: Limits of the run; None is unlimited.
        thread_budget: Limits of the thread; None is unlimited.
        spent: Cost of this run so far.
        thread_spent: Cost of earlier runs on the thread.
    """
    scopes: dict[str, Scope] = {}
    allowance: dict[str, float | None] = dict.fromkeys(UNLIMITED)
    run, thread = cast("Mapping[str, float]", spent), cast("Mapping[str, float]", thread_spent)
    for name in UNLIMITED:
        rests: dict[Scope, float] = {}
        if budget is not None and (limit := getattr(budget, name)) is not None:
            rests["run"] = limit - run[name]
        if thread_budget is not None and (limit := getattr(thread_budget, name)) is not None:
            rests["thread"] = limit - run[name] - thread[name]
        if rests:
            scopes[name] = min(rests, key=lambda scope: rests[scope])
            allowance[name] = max(0, rests[scopes[name]])
    return RemainingBudget(cast("Allowance", allowance), scopes)


def run_deadline(
    deadline_s: float | None, budget: Budget | None, thread_budget: Budget | None, thread_spent: Spent
) -> float | None:
    """Return the seconds that a run may take: the minimum of all limits in seconds; None is unlimited.

    Raises:
        BudgetError: If the seconds of the thread's budget are used up.
    """
    limits = [deadline_s, budget.seconds if budget else None]
    if thread_budget is not None and thread_budget.seconds is not None:
        rest = thread_budget.seconds - thread_spent["seconds"]
        if rest <= 0:
            limit = f"{thread_budget.seconds:g} seconds"
            msg = f"no time is left of the thread's budget of {limit}: raise it, or start another thread"
            raise BudgetError(msg, needed={"seconds": 0.0}, left={"seconds": rest}, scope="thread")
        limits.append(rest)
    return min((limit for limit in limits if limit is not None), default=None)


def _format(name: str, number: float) -> str:
    if name == "usd":
        return f"{number:.3g} USD"
    return f"{number:.0f} {name if number != 1 else name.removesuffix('s')}"

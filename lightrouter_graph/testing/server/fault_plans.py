"""Selects the fault of each call of a recorded model."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice, repeat
from typing import TypeAlias

from lightrouter_graph.testing.server.completion_request import Json
from lightrouter_graph.testing.server.errors import ApiError
from lightrouter_graph.testing.server.faults import Fault

FaultPlan: TypeAlias = Fault | Sequence[Fault | None] | Callable[[int, Json], Fault | None]
"""One fault for every call; or a list with one entry per call, None for no fault (no faults after the last entry); or
a function of the call number (from 1) and the request body."""


@dataclass(eq=False)
class FaultPlans:
    """The fault plans of all models. Calls are counted from when a plan was set, or from `restart`."""

    by_model: dict[str, FaultPlan]
    _counts: dict[str, tuple[FaultPlan, int]] = field(default_factory=dict)

    def next(self, model: str, body: Json) -> Fault | None:
        """Count a call and return its fault; None if it has none.

        Args:
            model: Name of the model.
            body: JSON of the request.

        Raises:
            ApiError: If the plan raises an exception or returns something else (status 500).
        """
        plan = self.by_model.get(model)
        if plan is None:
            return None
        number = self._count(model, plan)
        try:
            fault = _find_fault(plan, number, body)
        except Exception as exc:  # the client gets whatever a test's function raises
            raise ApiError(500, f"the plan of {model!r} raised {exc!r}") from exc
        if not isinstance(fault, Fault | None):
            raise ApiError(500, f"the plan of {model!r} returned {fault!r} for call {number}, not a Fault or None")
        return fault

    def restart(self) -> None:
        """Set the call numbers of all models to 0."""
        self._counts.clear()

    def _count(self, model: str, plan: FaultPlan) -> int:
        known, count = self._counts.get(model, (plan, 0))
        number = count + 1 if known is plan else 1
        self._counts[model] = plan, number
        return number


def _find_fault(plan: FaultPlan, number: int, body: Json) -> Fault | None:
    if isinstance(plan, Fault):
        return plan if plan.times is None or number <= plan.times else None
    if callable(plan):
        return plan(number, body)
    return next(islice(_calls(plan), number - 1, None), None)


def _calls(plan: Sequence[Fault | None]) -> Iterator[Fault | None]:
    return chain.from_iterable(repeat(entry, getattr(entry, "times", None) or 1) for entry in plan)

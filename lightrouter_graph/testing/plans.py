"""Which fault each call of a recorded model meets."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice, repeat
from typing import TypeAlias

from lightrouter_graph.testing.faults import Fault
from lightrouter_graph.testing.openai_shapes import ApiError, Json

FaultPlan: TypeAlias = Fault | Sequence[Fault | None] | Callable[[int, Json], Fault | None]
"""A fault of every call; one entry per call, None for a healthy one, as are all after the last; or a function of
the number of the call (the first is 1) and the request's body."""


@dataclass(eq=False)
class Plans:
    """The plans of all models. A plan counts the calls of its model from when it was set or started anew."""

    by_model: dict[str, FaultPlan]
    _counts: dict[str, tuple[FaultPlan, int]] = field(default_factory=dict)

    def next(self, model: str, body: Json) -> Fault | None:
        """Count a call and hand out its fault.

        Raises:
            ApiError: If the plan is at fault itself.
        """
        plan = self.by_model.get(model)
        if plan is None:
            return None
        number = self._count(model, plan)
        try:
            fault = _find_fault(plan, number, body)
        except Exception as exc:  # whatever a test's function raises is the client's to see
            raise ApiError(500, f"the plan of {model!r} raised {exc!r}") from exc
        if not isinstance(fault, Fault | None):
            raise ApiError(500, f"the plan of {model!r} has {fault!r} for call {number}, not a Fault or None")
        return fault

    def restart(self) -> None:
        """Count all calls anew."""
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

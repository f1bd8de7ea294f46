"""Budget planning: the worst-case cost of a run, and the degradations that keep it within the remaining budget."""

from lightrouter_graph.planning.forecast import PLANNED_TOKENS, LayerProgress
from lightrouter_graph.planning.planner import (
    FanOutPlan,
    PartPlan,
    Planner,
    answers_update,
    progress_of,
    remaining_of,
    task_reservations,
)

__all__ = [
    "PLANNED_TOKENS",
    "FanOutPlan",
    "LayerProgress",
    "PartPlan",
    "Planner",
    "answers_update",
    "progress_of",
    "remaining_of",
    "task_reservations",
]

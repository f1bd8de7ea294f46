"""Budget planning: the worst-case cost of a run, and the degradations that keep it within the remaining budget."""

from lightrouter_graph.planning.forecast import PLANNED_TOKENS, LayerProgress
from lightrouter_graph.planning.planner import (
    FanOutPlan,
    PartPlan,
    Planner,
    candidate_reservations,
    progress_of,
    remaining_of,
)

__all__ = [
    "PLANNED_TOKENS",
    "FanOutPlan",
    "LayerProgress",
    "PartPlan",
    "Planner",
    "candidate_reservations",
    "progress_of",
    "remaining_of",
]

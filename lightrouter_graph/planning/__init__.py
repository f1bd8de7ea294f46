"""What a run will take at most, and what it does instead where that is too much."""

from lightrouter_graph.planning.forecast import (
    PLANNED_TOKENS,
    Parts,
    PlannedCall,
    extras_of,
    longest,
    observed_in,
    planned_calls,
    purse_of,
)
from lightrouter_graph.planning.planner import Planner
from lightrouter_graph.planning.plans import Plan, StepPlan, WavePlan, following

__all__ = [
    "PLANNED_TOKENS",
    "Parts",
    "Plan",
    "PlannedCall",
    "Planner",
    "StepPlan",
    "WavePlan",
    "extras_of",
    "following",
    "longest",
    "observed_in",
    "planned_calls",
    "purse_of",
]

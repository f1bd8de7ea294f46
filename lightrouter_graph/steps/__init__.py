"""One room per step of the method. Each is a small callable that turns state into an update; none knows another."""

from lightrouter_graph.steps.aggregation import AggregateStep
from lightrouter_graph.steps.boot import BootStep
from lightrouter_graph.steps.generation import GenerateStep
from lightrouter_graph.steps.opening import OpenStep
from lightrouter_graph.steps.selection import SelectStep
from lightrouter_graph.steps.tally import TallyStep

__all__ = ["AggregateStep", "BootStep", "GenerateStep", "OpenStep", "SelectStep", "TallyStep"]

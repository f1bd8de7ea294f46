"""One room per step of the method. Each is a small callable that turns state into an update; none knows another."""

from lightrouter_graph.nodes.aggregate import AggregateNode
from lightrouter_graph.nodes.boot import BootNode
from lightrouter_graph.nodes.generate import GenerateNode
from lightrouter_graph.nodes.open import OpenNode
from lightrouter_graph.nodes.select import SelectNode
from lightrouter_graph.nodes.tally import TallyNode

__all__ = ["AggregateNode", "BootNode", "GenerateNode", "OpenNode", "SelectNode", "TallyNode"]

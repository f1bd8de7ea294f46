"""The nodes of the graph, one module per step of the method. Nodes do not import each other."""

from lightrouter_graph.nodes.aggregate import AggregateNode
from lightrouter_graph.nodes.boot import BootNode
from lightrouter_graph.nodes.generate import GenerateNode
from lightrouter_graph.nodes.open import OpenNode
from lightrouter_graph.nodes.router import Router
from lightrouter_graph.nodes.select import SelectNode
from lightrouter_graph.nodes.tally import TallyNode

__all__ = ["AggregateNode", "BootNode", "GenerateNode", "OpenNode", "Router", "SelectNode", "TallyNode"]

"""Selectors: they compare the boots of one layer and score them. One module per selector."""

from lightrouter_graph.selectors.base import Scores, Selector
from lightrouter_graph.selectors.consistency import ConsistencySelector
from lightrouter_graph.selectors.hybrid import HybridSelector
from lightrouter_graph.selectors.llm import LLMSelector
from lightrouter_graph.selectors.random import RandomSelector

__all__ = ["ConsistencySelector", "HybridSelector", "LLMSelector", "RandomSelector", "Scores", "Selector"]

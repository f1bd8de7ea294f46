"""Aggregators: they merge several answers into one."""

from lightrouter_graph.aggregators.auto import AutoAggregator
from lightrouter_graph.aggregators.base import Aggregator, Merged
from lightrouter_graph.aggregators.llm import LLMAggregator
from lightrouter_graph.aggregators.vote import TopRankedAggregator, VoteAggregator

__all__ = ["Aggregator", "AutoAggregator", "LLMAggregator", "Merged", "TopRankedAggregator", "VoteAggregator"]

"""Who makes one answer out of several: one file per way."""

from lightrouter_graph.aggregators.auto import AutoAggregator
from lightrouter_graph.aggregators.base import Aggregator, Merged
from lightrouter_graph.aggregators.llm import LLMAggregator
from lightrouter_graph.aggregators.top_ranked import BestAggregator, TopRankedAggregator
from lightrouter_graph.aggregators.vote import VoteAggregator

__all__ = [
    "Aggregator",
    "AutoAggregator",
    "BestAggregator",
    "LLMAggregator",
    "Merged",
    "TopRankedAggregator",
    "VoteAggregator",
]

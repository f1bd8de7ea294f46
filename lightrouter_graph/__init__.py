"""LightRouter (arXiv 2505.16221) as a LangGraph component: many models start, the best go on, one answer comes out.

Public names only; each lives in the room its step of the method has.
"""

from lightrouter_graph.aggregators import (
    Aggregator,
    AutoAggregator,
    BestAggregator,
    LLMAggregator,
    Merged,
    VoteAggregator,
)
from lightrouter_graph.answers import AnswerKey, default_key
from lightrouter_graph.context import Context
from lightrouter_graph.errors import (
    ContextError,
    LightRouterError,
    NoSurvivorError,
    PoolError,
    QueryError,
    SelectionError,
)
from lightrouter_graph.graph import create_lightrouter
from lightrouter_graph.pool import Candidate, Pool
from lightrouter_graph.pricing import Price
from lightrouter_graph.priors import OrderPrior, Prior, UniformPrior
from lightrouter_graph.selectors import (
    ConsistencySelector,
    HybridSelector,
    LLMSelector,
    OracleSelector,
    RandomSelector,
    Scores,
    Selector,
)

__all__ = [
    "Aggregator",
    "AnswerKey",
    "AutoAggregator",
    "BestAggregator",
    "Candidate",
    "ConsistencySelector",
    "Context",
    "ContextError",
    "HybridSelector",
    "LLMAggregator",
    "LLMSelector",
    "LightRouterError",
    "Merged",
    "NoSurvivorError",
    "OracleSelector",
    "OrderPrior",
    "Pool",
    "PoolError",
    "Price",
    "Prior",
    "QueryError",
    "RandomSelector",
    "Scores",
    "SelectionError",
    "Selector",
    "UniformPrior",
    "VoteAggregator",
    "create_lightrouter",
    "default_key",
]

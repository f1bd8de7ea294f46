from .aggregators import (
    Aggregator,
    AutoAggregator,
    LLMAggregator,
    Merged,
    TopRankedAggregator,
    VoteAggregator,
)
from .answer_keys import (
    AnswerKey,
    default_key,
)
from .answer_keys.equivalence import (
    Equivalence,
    KeyEquivalence,
)
from .chat_model import (
    ChatLightRouter,
)
from .context import (
    Budget,
    Calls,
    Context,
    Prompts,
)
from .errors import (
    BrokenStreamError,
    BudgetError,
    ContextError,
    EvaluationError,
    LightRouterError,
    NoModelsError,
    NoSurvivorError,
    PoolError,
    QueryError,
    SelectionError,
)
from .evaluation.methods.oracle import (
    OracleSelector,
)
from .graph import (
    create_lightrouter,
)
from .llm.boot_cache import (
    BootCache,
)
from .llm.completion import (
    Completion,
)
from .nodes.decision_record import (
    Decision,
    decision_of,
)
from .pool import (
    Candidate,
    Pool,
)
from .priors import (
    Memory,
    OrderPrior,
    Prior,
    UniformPrior,
)
from .providers.pricing import (
    Price,
)
from .providers.table import (
    register_provider,
)
from .query import (
    PlannedCall,
    Query,
)
from .records import (
    Answer,
    Boot,
    CallCost,
)
from .selectors import (
    ConsistencySelector,
    HybridSelector,
    LLMSelector,
    RandomSelector,
    Scores,
    Selector,
)
from .state_queries import (
    LayerStatus,
)
from .stopping import (
    AgreementStop,
    FixedTopK,
    StopReason,
    StopRule,
)
from .telemetry.bill import (
    Cost,
    cost_of,
)
from .telemetry.events import (
    Event,
)
from .telemetry.tracing import (
    feedback,
)

BestAggregator = TopRankedAggregator
Spending = CallCost

__all__ = [
    "Aggregator",
    "AgreementStop",
    "Answer",
    "AnswerKey",
    "AutoAggregator",
    "BestAggregator",
    "Boot",
    "BootCache",
    "BrokenStreamError",
    "Budget",
    "BudgetError",
    "CallCost",
    "Calls",
    "Candidate",
    "ChatLightRouter",
    "Completion",
    "ConsistencySelector",
    "Context",
    "ContextError",
    "Cost",
    "Decision",
    "Equivalence",
    "EvaluationError",
    "Event",
    "FixedTopK",
    "HybridSelector",
    "KeyEquivalence",
    "LLMAggregator",
    "LLMSelector",
    "LayerStatus",
    "LightRouterError",
    "Memory",
    "Merged",
    "NoModelsError",
    "NoSurvivorError",
    "OracleSelector",
    "OrderPrior",
    "PlannedCall",
    "Pool",
    "PoolError",
    "Price",
    "Prior",
    "Prompts",
    "Query",
    "QueryError",
    "RandomSelector",
    "Scores",
    "SelectionError",
    "Selector",
    "Spending",
    "StopReason",
    "StopRule",
    "TopRankedAggregator",
    "UniformPrior",
    "VoteAggregator",
    "cost_of",
    "create_lightrouter",
    "decision_of",
    "default_key",
    "feedback",
    "register_provider",
]

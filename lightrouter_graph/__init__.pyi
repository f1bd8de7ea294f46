from .aggregators import (
    Aggregator,
    AutoAggregator,
    BestAggregator,
    LLMAggregator,
    Merged,
    TopRankedAggregator,
    VoteAggregator,
)
from .answer_keys import (
    AnswerKey,
    default_key,
)
from .chat_model import (
    ChatLightRouter,
)
from .context import (
    Context,
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
from .evaluation.methods.oracle_selector import (
    OracleSelector,
)
from .graph import (
    create_lightrouter,
)
from .limits import (
    Budget,
)
from .llm.boot_cache import (
    BootCache,
)
from .nodes.decision_record import (
    Decision,
)
from .pool import (
    Candidate,
    Pool,
)
from .priors import (
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
    Query,
)
from .records import (
    Answer,
    Boot,
    CallCost,
    Spending,
)
from .selectors import (
    ConsistencySelector,
    HybridSelector,
    LLMSelector,
    RandomSelector,
    Scores,
    Selector,
)
from .telemetry.events import (
    Event,
)
from .telemetry.tracing import (
    feedback,
)

__all__ = [
    "Aggregator",
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
    "Candidate",
    "ChatLightRouter",
    "ConsistencySelector",
    "Context",
    "ContextError",
    "Decision",
    "EvaluationError",
    "Event",
    "HybridSelector",
    "LLMAggregator",
    "LLMSelector",
    "LightRouterError",
    "Merged",
    "NoModelsError",
    "NoSurvivorError",
    "OracleSelector",
    "OrderPrior",
    "Pool",
    "PoolError",
    "Price",
    "Prior",
    "Query",
    "QueryError",
    "RandomSelector",
    "Scores",
    "SelectionError",
    "Selector",
    "Spending",
    "TopRankedAggregator",
    "UniformPrior",
    "VoteAggregator",
    "create_lightrouter",
    "default_key",
    "feedback",
    "register_provider",
]

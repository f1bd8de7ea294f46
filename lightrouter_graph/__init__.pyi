from .aggregators import (
    Aggregator,
    AutoAggregator,
    BestAggregator,
    LLMAggregator,
    Merged,
    VoteAggregator,
)
from .answers import (
    AnswerKey,
    default_key,
)
from .boot_cache import (
    BootCache,
)
from .chat_model import (
    ChatLightRouter,
)
from .context import (
    Context,
)
from .decision import (
    Decision,
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
from .events import (
    Event,
)
from .graph import (
    create_lightrouter,
)
from .limits import (
    Budget,
)
from .pool import (
    Candidate,
    Pool,
)
from .pricing import (
    Price,
)
from .priors import (
    OrderPrior,
    Prior,
    UniformPrior,
)
from .query import (
    Query,
)
from .records import (
    Answer,
    Boot,
    Spending,
)
from .selectors import (
    ConsistencySelector,
    HybridSelector,
    LLMSelector,
    OracleSelector,
    RandomSelector,
    Scores,
    Selector,
)
from .tracing import (
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
    "UniformPrior",
    "VoteAggregator",
    "create_lightrouter",
    "default_key",
    "feedback",
]

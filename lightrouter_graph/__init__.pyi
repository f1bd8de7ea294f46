from .aggregators import (
    Aggregator,
)
from .aggregators import (
    AutoAggregator,
)
from .aggregators import (
    BestAggregator,
)
from .aggregators import (
    LLMAggregator,
)
from .aggregators import (
    Merged,
)
from .aggregators import (
    VoteAggregator,
)
from .answers import (
    AnswerKey,
)
from .answers import (
    default_key,
)
from .context import (
    Context,
)
from .errors import (
    ContextError,
)
from .errors import (
    LightRouterError,
)
from .errors import (
    NoSurvivorError,
)
from .errors import (
    PoolError,
)
from .errors import (
    QueryError,
)
from .errors import (
    SelectionError,
)
from .graph import (
    create_lightrouter,
)
from .pool import (
    Candidate,
)
from .pool import (
    Pool,
)
from .pricing import (
    Price,
)
from .priors import (
    OrderPrior,
)
from .priors import (
    Prior,
)
from .priors import (
    UniformPrior,
)
from .selectors import (
    ConsistencySelector,
)
from .selectors import (
    HybridSelector,
)
from .selectors import (
    LLMSelector,
)
from .selectors import (
    OracleSelector,
)
from .selectors import (
    RandomSelector,
)
from .selectors import (
    Scores,
)
from .selectors import (
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

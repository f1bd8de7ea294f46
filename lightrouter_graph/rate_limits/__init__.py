"""Traffic control per endpoint: concurrency limit, Retry-After cooldown, circuit breaker per model, retry budget.

An endpoint is one provider URL with one API key; all event loops and threads of the process share it. A call acquires a
permit of its endpoint before each request, and records the outcome before it releases the permit.
"""

from lightrouter_graph.rate_limits.endpoint import EndpointClosedError
from lightrouter_graph.rate_limits.registry import endpoints
from lightrouter_graph.rate_limits.retry import RetryBudget, backoff_s, worth_retrying
from lightrouter_graph.rate_limits.retry_after import retry_after_s

__all__ = ["EndpointClosedError", "RetryBudget", "backoff_s", "endpoints", "retry_after_s", "worth_retrying"]

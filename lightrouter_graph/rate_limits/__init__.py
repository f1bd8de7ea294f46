"""Traffic control per endpoint: concurrency limit, Retry-After cooldown, circuit breaker per model, retry budget.

An endpoint is one provider URL with one API key; all event loops and threads of the process share it. A call acquires a
permit of its endpoint before each request, and records the outcome before it releases the permit.

Example:
    ```python
    endpoint = endpoints.of(candidate.model, limit=None)
    try:
        async with endpoint.permit(candidate.model_name, acquire_timeout_s=30) as permit:
            try:
                message = await model.ainvoke(prompt)
            except Exception as exc:
                permit.record(cause_of(exc), retry_after_s(exc))
                raise
            permit.record(None)
    except EndpointClosedError as closed:  # no request was sent
        failure = closed.failure
    ```
"""

from lightrouter_graph.rate_limits.endpoint import Endpoint
from lightrouter_graph.rate_limits.endpoint_key import endpoint_key
from lightrouter_graph.rate_limits.permit import EndpointClosedError, Permit
from lightrouter_graph.rate_limits.registry import EndpointRegistry, endpoints
from lightrouter_graph.rate_limits.retry import RETRYABLE, RetryBudget, backoff_s, worth_retrying
from lightrouter_graph.rate_limits.retry_after import retry_after_s

__all__ = [
    "RETRYABLE",
    "Endpoint",
    "EndpointClosedError",
    "EndpointRegistry",
    "Permit",
    "RetryBudget",
    "backoff_s",
    "endpoint_key",
    "endpoints",
    "retry_after_s",
    "worth_retrying",
]

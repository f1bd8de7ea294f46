"""Traffic control per endpoint: concurrency limit, Retry-After cooldown, circuit breaker per model, retry budget.

An endpoint is one provider address with one key, wherever in the process it is called from. Completion takes a permit
in the endpoint of its candidate before each call, and says afterwards how the call went.

Example:
    ```python
    endpoint = endpoints.of(candidate.model, limit=None)
    try:
        async with endpoint.permit(candidate.model_name, acquire_timeout_s=30) as permit:
            try:
                message = await model.ainvoke(prompt)
            except Exception as exc:
                permit.note(cause_of(exc), retry_after_s(exc))
                raise
            permit.note(None)
    except EndpointClosedError as closed:  # nothing was sent
        failure = closed.failure
    ```
"""

from lightrouter_graph.rate_limits.endpoint import Endpoint
from lightrouter_graph.rate_limits.endpoint_key import endpoint_key
from lightrouter_graph.rate_limits.permit import EndpointClosedError, Permit
from lightrouter_graph.rate_limits.registry import EndpointRegistry, endpoints
from lightrouter_graph.rate_limits.retry import RETRIED, RetryBudget, backoff_s, worth_retrying
from lightrouter_graph.rate_limits.retry_after import retry_after_s

__all__ = [
    "RETRIED",
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

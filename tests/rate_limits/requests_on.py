"""An endpoint on a virtual clock, and requests that acquire its permits."""

import asyncio

from lightrouter_graph.rate_limits.endpoint import Endpoint, EndpointClosedError
from lightrouter_graph.testing import VirtualClock

MODEL = "m"


def endpoint_on(clock: VirtualClock, random: float = 0.0, limit: int | None = None) -> Endpoint:
    """Build an endpoint on a virtual clock; its random numbers are constant."""
    endpoint = Endpoint("test", lambda: clock.now, clock.sleep, lambda: random)
    if limit is not None:
        endpoint.limit_to(limit)
    return endpoint


async def call(endpoint, cause=None, retry_after_s=None, *, model=MODEL, acquire_timeout_s=1000.0, during=None):
    """Acquire a permit, and record an outcome."""
    async with endpoint.permit(model, acquire_timeout_s=acquire_timeout_s) as permit:
        if during is not None:
            await during
        permit.record(cause, retry_after_s)


async def refusal(endpoint, *, model=MODEL, acquire_timeout_s=1000.0):
    """Return the rejection of a request, None if it is admitted."""
    try:
        await call(endpoint, "rate_limited", model=model, acquire_timeout_s=acquire_timeout_s)
    except EndpointClosedError as closed:
        return closed
    return None


async def turns(times=10):
    """Run all ready callbacks of the event loop."""
    for _ in range(times):
        await asyncio.sleep(0)

"""An endpoint whose time is virtual, and calls that take permits in it."""

import asyncio

from lightrouter_graph.rate_limits import Endpoint, EndpointClosedError
from lightrouter_graph.testing import VirtualClock

MODEL = "m"


def endpoint_on(clock: VirtualClock, random: float = 0.0, limit: int | None = None) -> Endpoint:
    """Build an endpoint on a virtual clock; its jitter is always the same part of the window."""
    endpoint = Endpoint("test", now=lambda: clock.now, sleep=clock.sleep, random=lambda: random)
    if limit is not None:
        endpoint.limit_to(limit)
    return endpoint


async def call(endpoint, cause=None, retry_after_s=None, *, model=MODEL, acquire_timeout_s=1000.0, during=None):
    """Make one call that ends as told."""
    async with endpoint.permit(model, acquire_timeout_s=acquire_timeout_s) as permit:
        if during is not None:
            await during
        permit.note(cause, retry_after_s)


async def refusal(endpoint, *, model=MODEL, acquire_timeout_s=1000.0):
    """Return why a call is refused, None if it is not."""
    try:
        await call(endpoint, "rate_limited", model=model, acquire_timeout_s=acquire_timeout_s)
    except EndpointClosedError as closed:
        return closed
    return None


async def turns(times=10):
    """Let everything that is ready run."""
    for _ in range(times):
        await asyncio.sleep(0)

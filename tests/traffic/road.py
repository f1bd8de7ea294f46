"""A lane whose time is virtual, and calls that take places in it."""

import asyncio

from lightrouter_graph.testing import VirtualClock
from lightrouter_graph.traffic import Lane, LaneClosedError

MODEL = "m"


def lane_on(clock: VirtualClock, random: float = 0.0, limit: int | None = None) -> Lane:
    """Build a lane on a virtual clock; its jitter is always the same part of the window."""
    lane = Lane("test", now=lambda: clock.now, sleep=clock.sleep, random=lambda: random)
    if limit is not None:
        lane.limit_to(limit)
    return lane


async def call(lane, cause=None, retry_after_s=None, *, model=MODEL, patience_s=1000.0, during=None):
    """Make one call that ends as told."""
    async with lane.place(model, patience_s=patience_s) as place:
        if during is not None:
            await during
        place.note(cause, retry_after_s)


async def refusal(lane, *, model=MODEL, patience_s=1000.0):
    """Return why a call is refused, None if it is not."""
    try:
        await call(lane, "rate_limited", model=model, patience_s=patience_s)
    except LaneClosedError as closed:
        return closed
    return None


async def turns(times=10):
    """Let everything that is ready run."""
    for _ in range(times):
        await asyncio.sleep(0)

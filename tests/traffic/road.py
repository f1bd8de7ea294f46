"""What the tests of a lane share."""

import asyncio


async def turns(times=10):
    """Let everything that is ready run."""
    for _ in range(times):
        await asyncio.sleep(0)

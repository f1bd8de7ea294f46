"""Virtual clock with `still=True`: equal programs read exactly equal times."""

import asyncio
import math
import time

from lightrouter_graph.testing import VirtualClock


def _be_busy(seconds: float) -> None:
    time.sleep(seconds)


def moments(busy_s: float) -> list[float]:
    """Let timers and sleepers meet while the program itself takes real time; return when things happened."""
    clock, seen = VirtualClock(still=True), []

    async def work() -> None:
        keeper = asyncio.create_task(clock.sleep(math.inf))
        await asyncio.sleep(0)
        for _ in range(2):
            clock.restart()
            for seconds in (0.3, 1 / 3):
                _be_busy(busy_s)
                await asyncio.wait({keeper}, timeout=seconds)
                seen.append(clock.now)
                await clock.sleep(1 / 7)
                seen.append(clock.now)
                await asyncio.to_thread(time.sleep, busy_s)
                seen.append(clock.now)
        keeper.cancel()

    asyncio.run(work())
    return seen


def test_computing_time_of_the_program_is_invisible() -> None:
    slow, fast = moments(0.02), moments(0.0)
    assert slow == fast
    assert slow[:6] == slow[6:]
    assert [round(moment, 6) for moment in slow[:3]] == [0.3, 0.442857, 0.442857]


def test_real_time_resumes_without_sleepers() -> None:
    clock = VirtualClock(still=True)

    async def work() -> bool:
        await clock.sleep(5.0)
        await asyncio.sleep(0)
        await asyncio.sleep(0.01)  # real time: the clock has no sleeper
        return asyncio.get_running_loop().time() > 5.0

    assert asyncio.run(work())

"""Calls that stop each other: as soon as enough answers agree, those still running are cancelled."""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Coroutine, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

T = TypeVar("T")

_GRACE_S = 0.03
"""Seconds a call may still take once its race is decided: a reply that has just arrived is paid for, and counts."""

_MOST = 1000
"""Runs whose races are kept; one that died leaves its race behind until so many have followed."""


class Race:
    """The calls of one fan-out. Lives in memory only, and in one event loop.

    Args:
        agree: How many equal answers decide it.
        answers: Answers that were there before, by candidate.
    """

    def __init__(self, agree: int, answers: Mapping[str, str]) -> None:
        self.agree = agree
        self.loop = asyncio.get_running_loop()
        self._votes = dict(answers)
        self._decided = asyncio.Event()

    @property
    def decided(self) -> bool:
        """Whether enough answers agree."""
        return self._decided.is_set()

    def vote(self, candidate: str, answer: str | None) -> None:
        """Count a candidate's answer, once however often it is given; None counts for nothing."""
        if answer is not None:
            self._votes[candidate] = answer
        if max(Counter(self._votes.values()).values(), default=0) >= self.agree:
            self._decided.set()

    async def run(self, call: Coroutine[Any, Any, T]) -> T | None:
        """Return the call's result, or None if the race was decided first; the call is then cancelled and gone."""
        task = asyncio.ensure_future(call)
        decided = asyncio.ensure_future(self._decided.wait())
        try:
            await asyncio.wait({task, decided}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({task}, timeout=_GRACE_S)
        finally:
            decided.cancel()
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        return None if task.cancelled() else task.result()


class Races:
    """The races of a compiled graph, by run and fan-out."""

    def __init__(self) -> None:
        self._running: OrderedDict[str, dict[str, Race]] = OrderedDict()

    def join(self, run: str, fan_out: str, agree: int, answers: Mapping[str, str] = MappingProxyType({})) -> Race:
        """Return the race of a run's fan-out, begun by whoever comes first.

        With a limit on concurrency branches may come one after the other: the race waits for them, until `end`. A run
        that is resumed in another event loop races anew.
        """
        races = self._running.setdefault(run, {})
        race = races.get(fan_out)
        if race is None or race.loop is not asyncio.get_running_loop():
            race = races[fan_out] = Race(agree, answers)
        while len(self._running) > _MOST:
            self._running.popitem(last=False)
        return race

    def end(self, run: str) -> None:
        """Forget the races of a run, once the step behind its fan-out is reached."""
        self._running.pop(run, None)

"""Calls that stop each other: as soon as enough answers agree, those still running are cancelled."""

import asyncio
from collections import Counter
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar
from weakref import WeakValueDictionary

T = TypeVar("T")


class Race:
    """The calls of one fan-out, while they run. Lives in memory only, held by the branches that take part.

    Args:
        agree: How many equal answers decide it.
        answers: Answers that were there before.
    """

    def __init__(self, agree: int, answers: Iterable[str] = ()) -> None:
        self._agree = agree
        self._votes = Counter(answers)
        self._decided = asyncio.Event()

    def vote(self, answer: str | None) -> None:
        """Count one answer; None counts for nothing."""
        if answer is not None:
            self._votes[answer] += 1
        if max(self._votes.values(), default=0) >= self._agree:
            self._decided.set()

    async def run(self, call: Coroutine[Any, Any, T]) -> T | None:
        """Return the call's result, or None if the race was decided first; the call is then cancelled and gone."""
        task = asyncio.ensure_future(call)
        decided = asyncio.ensure_future(self._decided.wait())
        try:
            await asyncio.wait({task, decided}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            decided.cancel()
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        return None if task.cancelled() else task.result()


class Races:
    """The running races of a compiled graph. A race ends with the last branch that holds it, so none can leak."""

    def __init__(self) -> None:
        self._running: WeakValueDictionary[str, Race] = WeakValueDictionary()

    def join(self, name: str, agree: int, answers: Iterable[str] = ()) -> Race:
        """Return the race of that name, begun by whoever comes first."""
        race = self._running.get(name)
        if race is None:
            race = self._running[name] = Race(agree, answers)
        return race

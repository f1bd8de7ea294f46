"""Calls that stop each other: once enough answers agree, or most have arrived and the rest are too slow."""

import asyncio
from collections import Counter
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeVar

from lightrouter_graph.records import Failure

T = TypeVar("T")

_GRACE_S = 0.03
"""Seconds a call may still take once its race is decided: a reply that has just arrived is paid for, and counts."""


@dataclass(frozen=True, slots=True)
class EarlyStopRules:
    """What decides a race.

    Attributes:
        agree: So many equal answers; None for never.
        quorum: So many replies, whatever they say, and the grace over; None for never.
        grace_s: Seconds the others have once the quorum has arrived.
    """

    agree: int | None = None
    quorum: int | None = None
    grace_s: float = 0.0

    def __bool__(self) -> bool:
        """Whether anything can decide it."""
        return self.agree is not None or self.quorum is not None


class EarlyStop:
    """The calls of one fan-out. Lives in memory only, and in one event loop.

    Args:
        rules: What decides it.
        answers: Answers that were there before, by candidate.
    """

    def __init__(self, rules: EarlyStopRules, answers: Mapping[str, str] = MappingProxyType({})) -> None:
        self.rules = rules
        self.loop = asyncio.get_running_loop()
        self._votes = dict(answers)
        self._arrived = set(answers)
        self._decided = asyncio.Event()
        self._verdict: Failure | None = None
        self._bell: asyncio.TimerHandle | None = None

    @property
    def verdict(self) -> Failure | None:
        """Why those still running are stopped; None while nothing is decided."""
        return self._verdict

    def arrive(self, candidate: str, answer: str | None = None) -> None:
        """Note that a candidate's reply is there, and count its answer, once however often it is given.

        Args:
            candidate: Whose reply it is.
            answer: What it is compared by; None agrees with nobody.
        """
        self._arrived.add(candidate)
        if answer is not None:
            self._votes[candidate] = answer
        agree, quorum = self.rules.agree, self.rules.quorum
        if agree is not None and max(Counter(self._votes.values()).values(), default=0) >= agree:
            self._decide({"cause": "cancelled", "message": f"{agree} other answers agree"})
        elif quorum is not None and len(self._arrived) >= quorum and self._bell is None:
            self._bell = self.loop.call_later(self.rules.grace_s, self._end_grace)

    def _end_grace(self) -> None:
        told = f"{self.rules.quorum} others had arrived, and {self.rules.grace_s:g} s of grace were over"
        self._decide({"cause": "straggler", "message": told})

    def _decide(self, verdict: Failure) -> None:
        self._verdict = self._verdict or verdict
        self._decided.set()
        self.forget()

    def forget(self) -> None:
        """Let go of the event loop, once nobody runs any more."""
        if self._bell is not None:
            self._bell.cancel()

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

"""Early stopping for parallel calls: cancels the rest once enough answers are equal, or some time after a quorum."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeVar

from lightrouter_graph.answer_keys.voting import largest_opinion_group
from lightrouter_graph.pool.opinions import Reply, opinion_labels
from lightrouter_graph.records import Failure, Opinion

T = TypeVar("T")

_GRACE_S = 0.03
"""Seconds that a call may still take after the stop: a reply that has just arrived is billed, so it counts."""


@dataclass(frozen=True, slots=True)
class EarlyStopRules:
    """Conditions that stop the calls of one fan-out.

    Attributes:
        agree: Number of equal answers, >= 2; None for never.
        quorum: Number of completed replies, >= 1, after which the others have `grace_s` left; None for never.
        grace_s: Seconds, >= 0.
    """

    agree: int | None = None
    quorum: int | None = None
    grace_s: float = 0.0

    def __bool__(self) -> bool:
        """Return True if there is a condition."""
        return self.agree is not None or self.quorum is not None


class EarlyStop:
    """The parallel calls of one fan-out, in one event loop.

    Args:
        rules: When to stop.
        keys: Keys of existing answers by candidate.
        opinions: Opinions known from the pool: candidates that share one count once.
        replies: Existing replies of the run; see `opinion_labels`.
    """

    def __init__(
        self,
        rules: EarlyStopRules,
        keys: Mapping[str, str] = MappingProxyType({}),
        opinions: Mapping[str, Opinion] = MappingProxyType({}),
        replies: Sequence[Reply] = (),
    ) -> None:
        self.rules = rules
        self._opinions, self._replies = opinions, list(replies)
        self._keys = dict(keys)
        self._completed = set(keys)
        self._stopped = asyncio.Event()
        self.stop_reason: Failure | None = None
        """Failure of the calls that are stopped; None as long as no condition is met."""
        self._timer: asyncio.TimerHandle | None = None

    def report(self, candidate: str, key: str | None = None, reply: Reply | None = None) -> None:
        """Report a completed reply and count its key, once per opinion.

        Args:
            candidate: Name of the candidate.
            key: Key of its answer; None agrees with no other.
            reply: The reply, which may show that two candidates have one model.
        """
        self._completed.add(candidate)
        self._replies.extend([reply] if reply else [])
        if key is not None:
            self._keys[candidate] = key
        agree, quorum = self.rules.agree, self.rules.quorum
        opinions = opinion_labels(self._opinions, self._replies)
        if agree is not None and largest_opinion_group(self._keys, opinions) >= agree:
            self._stop({"cause": "cancelled", "message": f"{agree} other answers agree"})
        elif quorum is not None and len(self._completed) >= quorum and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self.rules.grace_s, self._end_grace)

    def close(self) -> None:
        """Cancel the timer of the grace period."""
        if self._timer is not None:
            self._timer.cancel()

    async def run(self, call: Coroutine[Any, Any, T]) -> T | None:
        """Return the result of a call; None if the calls were stopped before, after the call has been cancelled.

        Args:
            call: Coroutine of the call; it is awaited or cancelled.
        """
        task = asyncio.ensure_future(call)
        stopped = asyncio.ensure_future(self._stopped.wait())
        try:
            await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({task}, timeout=_GRACE_S)
        finally:
            stopped.cancel()
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        return None if task.cancelled() else task.result()

    def _end_grace(self) -> None:
        message = f"{self.rules.quorum} others had completed {self.rules.grace_s:g} s before"
        self._stop({"cause": "slow_after_quorum", "message": message})

    def _stop(self, reason: Failure) -> None:
        self.stop_reason = self.stop_reason or reason
        self._stopped.set()
        self.close()

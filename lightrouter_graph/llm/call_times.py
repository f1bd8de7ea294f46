"""How long the calls of a candidate take: decides whether a reply is streamed.

Only a streamed reply leaves a partial text when its time has run out. With the OpenAI client a stream of 200 tokens
costs many times the CPU of a plain reply (tests/benchmarks/bench_boots.py), so replies are streamed only where a stop
is likely.
"""

from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from lightrouter_graph.pool import Candidate
from lightrouter_graph.rate_limits.endpoint_key import address_of
from lightrouter_graph.records import Stage

NEAR = 3.0
"""A limit of less than this times the usual time is near: a call may well reach it."""

_DECAY = 0.9
"""Factor on the slowest time per later call: after ten fast calls a slow one has little weight."""


@dataclass(slots=True)
class CallTimes:
    """Times of the completed calls of one candidate, in seconds by stage, and whether the last call timed out."""

    slowest_s: dict[Stage, float] = field(default_factory=dict)
    timed_out: bool = False

    def completed(self, stage: Stage, seconds: float) -> None:
        """Record a completed call."""
        self.timed_out = False
        self.slowest_s[stage] = max(seconds, _DECAY * self.slowest_s.get(stage, 0.0))

    def is_near(self, stage: Stage, limit_s: float) -> bool | None:
        """Return True if a call may well reach a limit; None if nothing is known of such calls.

        Args:
            stage: Stage of the call.
            limit_s: Seconds that it may take.
        """
        if self.timed_out:
            return True
        usual = self.slowest_s.get(stage)
        return None if usual is None else limit_s < NEAR * usual


_times: WeakKeyDictionary[Candidate, CallTimes] = WeakKeyDictionary()


def times_of(candidate: Candidate) -> CallTimes:
    """Return the times of a candidate, kept as long as the candidate."""
    return _times.setdefault(candidate, CallTimes())


def may_be_stopped(candidate: Candidate, stage: Stage, limit_s: float, *, has_deadline: bool) -> bool:
    """Return True if a reply should be streamed because its time may run out.

    Before the first call of a stage, that is a candidate at an address without a price, which is usually a local
    server, and any candidate of a run with a deadline.

    Args:
        candidate: The candidate to query.
        stage: Stage of the call.
        limit_s: Seconds that the call may take.
        has_deadline: True if the run has a deadline.
    """
    near = times_of(candidate).is_near(stage, limit_s)
    if near is not None:
        return near
    price = candidate.price
    unpriced = price is None or not (price.input or price.output)
    return has_deadline or (unpriced and address_of(candidate.model) is not None)

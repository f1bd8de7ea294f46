"""The seam: boots in, a score for each out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from lightrouter_graph.query import Query
from lightrouter_graph.records import Boot, CallCost


@dataclass(frozen=True, slots=True)
class Scores:
    """A selector's verdict on the boots of one layer.

    Attributes:
        by_candidate: One score per boot, 0 to 1, higher is better. A boot left out is dropped.
        reasons: A few words for each score.
        notes: What should be known about the verdict: seed, order flips, a fallback taken.
        call_costs: The model calls it took.
        selector: Who gave it in the end.
    """

    by_candidate: Mapping[str, float]
    selector: str
    reasons: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
    call_costs: tuple[CallCost, ...] = ()


class Selector(Protocol):
    """Compares the boots of one layer with each other, without ground truth.

    It is not asked where there is nothing to decide: with one boot left, or where boots that finished agree already. A
    boot it leaves out may still answer where nobody else does.

    One that asks models through `complete` passes `query.purse` on, which keeps it within the budget, and may have a
    method `planned(query, texts)` that tells its `PlannedCall`s beforehand, so that they are set aside.

    Source: arXiv 2505.16221, the selector agent.
    """

    async def score(self, query: Query, boots: Sequence[Boot]) -> Scores:
        """Score the boots that survived; there are at least two of them, in prior order."""
        ...


def rank(scores: Mapping[str, float], order: Sequence[str]) -> list[str]:
    """Order the scored candidates best first. Ties fall to the earlier in `order`, so equal runs rank equally."""
    return sorted((name for name in order if name in scores), key=lambda name: -scores[name])

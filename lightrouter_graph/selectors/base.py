"""`Selector` protocol: given the boots of one layer, return a score for each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from lightrouter_graph.query import Query
from lightrouter_graph.records import Boot


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of the boots of one layer.

    Attributes:
        by_candidate: One score per boot, 0 to 1, higher is better. A boot without a score is dropped.
        selector: Name of the selector, or of the fallback that scored instead; None if there was nothing to compare.
        reasons: A short reason by candidate.
        notes: Seed, order flips, a fallback, and other facts about the scores.
    """

    by_candidate: Mapping[str, float]
    selector: str | None
    reasons: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)


class Selector(Protocol):
    """Compares the boots of one layer with each other, without ground truth.

    It is not called if there is nothing to decide: with one boot left, or if finished boots agree already. A boot that
    it drops may still answer if no other candidate does. It calls models with `query.ask`. A selector that calls models
    may have a method `planned(query, texts)` that returns their `PlannedCall`s, so that a budget sets them aside.

    Source: arXiv 2505.16221, the selector agent.
    """

    async def score(self, query: Query, boots: Sequence[Boot]) -> Scores:
        """Score the boots that did not fail.

        Args:
            query: The query.
            boots: n boots in prior order, n >= 2; reasoning text is stripped.
        """
        ...


def rank(scores: Mapping[str, float], order: Sequence[str]) -> list[str]:
    """Order the candidates with `scores`, best first; ties fall to the earlier in `order`: equal runs rank alike.

    Args:
        scores: Score by name; a higher one is better.
        order: Names of the candidates in prior order.
    """
    return sorted((name for name in order if name in scores), key=lambda name: -scores[name])

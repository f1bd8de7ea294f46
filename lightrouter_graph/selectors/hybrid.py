"""Weighted mean of other selectors and the prior."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from lightrouter_graph.errors import SelectionError
from lightrouter_graph.query import PlannedCall, Query, planned_calls
from lightrouter_graph.records import Boot
from lightrouter_graph.selectors.base import Scores, Selector


@dataclass(frozen=True, slots=True)
class HybridSelector:
    """Combine the scores of selectors with the prior scores.

    Args:
        parts: Selectors with their weights, each > 0.
        prior: Weight of the prior score, >= 0.

    Raises:
        SelectionError: If there is no part, or a weight is out of range.

    Deviation from arXiv 2505.16221: the prior, because lexical consistency of boots is a weak signal (figures in
    `agreement.py`). With a vote after it, neither weight changed the accuracy on the recordings that were tried.
    """

    parts: tuple[tuple[Selector, float], ...]
    prior: float = 1.0

    def __post_init__(self) -> None:
        if not self.parts or any(weight <= 0 for _, weight in self.parts) or self.prior < 0:
            weights = [weight for _, weight in self.parts]
            msg = f"a hybrid needs parts with weights > 0 and prior >= 0, got {weights} and prior {self.prior}"
            raise SelectionError(msg)

    def planned(self, query: Query, texts: Sequence[str]) -> Sequence[PlannedCall]:
        """Return the calls that its parts announce for the `query` and the `texts` of the boots.

        Args:
            query: The query of the boots.
            texts: The boots, or texts of their maximum length while the budget is planned.
        """
        return [call for part, _ in self.parts for call in planned_calls(part, query, texts)]

    async def score(self, query: Query, boots: Sequence[Boot]) -> Scores:
        """Score each boot by the weighted mean of its scores from the parts and of its prior score.

        Args:
            query: The query, with the prior scores.
            boots: Boots in prior order, at least two.
        """
        results = await asyncio.gather(*(part.score(query, boots) for part, _ in self.parts))
        names = [boot["candidate"] for boot in boots]
        weighted = [(result.by_candidate, weight) for result, (_, weight) in zip(results, self.parts, strict=True)]
        weighted.append((query.prior_scores, self.prior))
        total = sum(weight for _, weight in weighted)
        scored = [name for name in names if all(name in result.by_candidate for result in results)]
        return Scores(
            by_candidate={name: sum(scores[name] * w for scores, w in weighted) / total for name in scored},
            reasons={name: _reasons(name, results, query.prior_scores[name]) for name in scored},
            notes={key: value for result in results for key, value in result.notes.items()},
            selector="+".join([*(result.selector or "none" for result in results), "prior"]),
        )


def _reasons(name: str, results: Sequence[Scores], prior: float) -> str:
    reasons = [result.reasons[name] for result in results if name in result.reasons]
    return "; ".join([*reasons, f"prior {prior:.2f}"])

"""A weighted mean of other selectors and the prior."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from lightrouter_graph.errors import SelectionError
from lightrouter_graph.query import PlannedCall, Query, planned_calls
from lightrouter_graph.records import Boot
from lightrouter_graph.selectors.base import Scores, Selector


@dataclass(frozen=True, slots=True)
class HybridSelector:
    """Weigh what the boots say against what was believed before.

    Args:
        parts: Selectors with their weights, each > 0.
        prior: Weight of the prior's score, >= 0.

    Raises:
        SelectionError: If there is no part, or a weight is out of range.

    Deviation from arXiv 2505.16221: the prior, because lexical consistency of boots is a weak signal (see
    `agreement.py`). With a vote behind it, neither weight changed the accuracy on the recordings we tried.
    """

    parts: tuple[tuple[Selector, float], ...]
    prior: float = 1.0

    def __post_init__(self) -> None:
        if not self.parts or any(weight <= 0 for _, weight in self.parts) or self.prior < 0:
            weights = [weight for _, weight in self.parts]
            msg = f"a hybrid needs parts with weights > 0 and prior >= 0, got {weights} and prior {self.prior}"
            raise SelectionError(msg)

    def planned(self, query: Query, texts: Sequence[str]) -> Sequence[PlannedCall]:
        """Say what calls it makes: those of its parts."""
        return [call for part, _ in self.parts for call in planned_calls(part, query, texts)]

    async def score(self, query: Query, boots: Sequence[Boot]) -> Scores:
        """Score each boot by the weighted mean of its parts' scores and the prior's."""
        verdicts = await asyncio.gather(*(part.score(query, boots) for part, _ in self.parts))
        names = [boot["candidate"] for boot in boots]
        weighed = [(verdict.by_candidate, weight) for verdict, (_, weight) in zip(verdicts, self.parts, strict=True)]
        weighed.append((query.weights, self.prior))
        total = sum(weight for _, weight in weighed)
        kept = [name for name in names if all(name in verdict.by_candidate for verdict in verdicts)]
        return Scores(
            by_candidate={n: sum(scores[n] * weight for scores, weight in weighed) / total for n in kept},
            reasons={n: _reasons(n, verdicts, query.weights[n]) for n in kept},
            notes={key: value for verdict in verdicts for key, value in verdict.notes.items()},
            call_costs=tuple(call_cost for verdict in verdicts for call_cost in verdict.call_costs),
            selector="+".join([*(verdict.selector for verdict in verdicts), "prior"]),
        )


def _reasons(name: str, verdicts: Sequence[Scores], prior: float) -> str:
    said = [verdict.reasons[name] for verdict in verdicts if name in verdict.reasons]
    return "; ".join([*said, f"prior {prior:.2f}"])

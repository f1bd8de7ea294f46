"""The same prior score for every candidate."""

from dataclasses import dataclass

from lightrouter_graph.query import Query


@dataclass(frozen=True, slots=True)
class UniformPrior:
    """Score every candidate equally, so that each vote counts the same and ties fall to the order of the pool.

    Source: arXiv 2505.16221, which assumes no prior knowledge of the models.
    """

    async def score(self, query: Query) -> dict[str, float]:
        """Return 1 for each candidate."""
        return dict.fromkeys(query.pool.names, 1.0)

"""Priors without a history: `OrderPrior` trusts the order of the pool, `UniformPrior` trusts all candidates equally."""

from dataclasses import dataclass

from lightrouter_graph.errors import SelectionError
from lightrouter_graph.query import Query


@dataclass(frozen=True, slots=True)
class OrderPrior:
    """Score the candidates evenly from 1 for the first to `last` for the last of the pool.

    With the default of one half, two equal answers outvote any single other one, at any rank.

    Args:
        last: Score of the last candidate, 0 to 1.

    Raises:
        SelectionError: If `last` is outside 0 to 1.

    Deviation from arXiv 2505.16221: the paper has no prior. The order of a pool is what its author knows of the models
    without a history.
    """

    last: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.last <= 1:
            msg = f"last must be from 0 to 1, got {self.last}"
            raise SelectionError(msg)

    async def score(self, query: Query) -> dict[str, float]:
        """Return a score for each candidate of the `query` that falls with its place in the pool.

        Args:
            query: The query; only its pool is read.
        """
        steps = max(len(query.pool) - 1, 1)
        return {name: 1 - (1 - self.last) * place / steps for place, name in enumerate(query.pool.names)}


@dataclass(frozen=True, slots=True)
class UniformPrior:
    """Score every candidate equally, so that each vote counts the same and ties fall to the order of the pool.

    Source: arXiv 2505.16221, which assumes no prior knowledge of the models.
    """

    async def score(self, query: Query) -> dict[str, float]:
        """Return 1 for each candidate of the `query`.

        Args:
            query: The query; only its pool is read.
        """
        return dict.fromkeys(query.pool.names, 1.0)

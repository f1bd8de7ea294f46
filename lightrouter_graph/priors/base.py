"""The seam: who is worth a boot, before anything is paid for."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from langchain_core.messages import AnyMessage

from lightrouter_graph.errors import SelectionError
from lightrouter_graph.pool import Pool


class Prior(Protocol):
    """Scores the candidates for a conversation before they boot.

    The candidates boot in the order of their scores, ties in pool order. The score is also the weight of a
    candidate's vote. A candidate left out of the mapping takes no part in the query.
    """

    async def score(self, messages: Sequence[AnyMessage], pool: Pool) -> Mapping[str, float]:
        """Return a score from 0 to 1 for each candidate that may take part, by name."""
        ...


def in_prior_order(weights: Mapping[str, float], pool: Pool) -> list[str]:
    """Order the candidates by their prior score, ties in pool order.

    Raises:
        SelectionError: If a name is not in the pool, a score is outside 0 to 1, or nobody is left.
    """
    for name, weight in weights.items():
        if name not in pool.names or not 0 <= weight <= 1:
            msg = f"the prior gave {name!r} a score of {weight!r}; it must score {pool.names} from 0 to 1"
            raise SelectionError(msg)
    if not weights:
        msg = "the prior left no candidate"
        raise SelectionError(msg)
    return sorted((name for name in pool.names if name in weights), key=lambda name: -weights[name])

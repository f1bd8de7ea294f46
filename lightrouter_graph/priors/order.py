"""The pool's order as a prior: whoever wrote the pool put the most trusted candidate first."""

from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.messages import AnyMessage

from lightrouter_graph.errors import SelectionError
from lightrouter_graph.pool import Pool


@dataclass(frozen=True, slots=True)
class OrderPrior:
    """Score the candidates evenly from 1 for the first to `last` for the last of the pool.

    With the default of one half, two equal answers outvote any single other one, wherever they come from.

    Args:
        last: The score of the last candidate, 0 to 1.

    Raises:
        SelectionError: If `last` is outside 0 to 1.

    Deviation from arXiv 2505.16221: the paper has no prior. Whoever orders a pool knows something of its models, and
    this is the one way to say so without a history.
    """

    last: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.last <= 1:
            msg = f"last must be from 0 to 1, got {self.last}"
            raise SelectionError(msg)

    async def score(self, messages: Sequence[AnyMessage], pool: Pool) -> dict[str, float]:  # noqa: ARG002
        """Return a score for each candidate that falls with its place in the pool."""
        steps = max(len(pool) - 1, 1)
        return {name: 1 - (1 - self.last) * place / steps for place, name in enumerate(pool.names)}

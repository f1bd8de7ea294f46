"""No prior: every candidate is believed to be as good as the next."""

from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.messages import AnyMessage

from lightrouter_graph.pool import Pool


@dataclass(frozen=True, slots=True)
class UniformPrior:
    """Give every candidate the same score, so that each vote counts the same and ties fall to the pool's order.

    Source: arXiv 2505.16221, which assumes no prior knowledge of the models.
    """

    async def score(self, messages: Sequence[AnyMessage], pool: Pool) -> dict[str, float]:  # noqa: ARG002
        """Return 1 for everybody."""
        return dict.fromkeys(pool.names, 1.0)

"""The best-ranked answer, unchanged."""

from collections.abc import Sequence
from dataclasses import dataclass

from lightrouter_graph.aggregators.base import Merged, passed_through
from lightrouter_graph.query import Query
from lightrouter_graph.records import Answer


@dataclass(frozen=True, slots=True)
class TopRankedAggregator:
    """Return the answer of the best-ranked candidate; no model call."""

    async def merge(self, query: Query, answers: Sequence[Answer]) -> Merged:  # noqa: ARG002
        """Return the first answer."""
        return passed_through(answers[0], "top_ranked")

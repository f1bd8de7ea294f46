"""The selector that knows the truth: the upper bound of an evaluation, never a policy."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lightrouter_graph.query import Query
from lightrouter_graph.records import Boot
from lightrouter_graph.selectors.base import Scores


@dataclass(frozen=True, slots=True)
class OracleSelector:
    """Score each boot by the quality its candidate is known to reach on the question.

    For evaluation only: it needs the recorded truth.

    Args:
        quality: (question text, candidate name) -> 0 to 1.
    """

    quality: Callable[[str, str], float]

    async def score(self, query: Query, boots: Sequence[Boot]) -> Scores:
        """Look each candidate's quality up."""
        known = {boot["candidate"]: self.quality(query.text, boot["candidate"]) for boot in boots}
        return Scores(by_candidate=known, selector="oracle")

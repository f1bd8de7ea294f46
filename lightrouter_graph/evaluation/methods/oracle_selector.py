"""`OracleSelector`: a selector that reads the known quality of each candidate. An upper bound, never a policy."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lightrouter_graph.query import Query
from lightrouter_graph.records import Boot
from lightrouter_graph.selectors.base import Scores


@dataclass(frozen=True, slots=True)
class OracleSelector:
    """Score each boot by the quality that its candidate is known to reach on the question.

    Args:
        quality: Function (text of the question, name of the candidate) -> quality, 0 to 1.
    """

    quality: Callable[[str, str], float]

    async def score(self, query: Query, boots: Sequence[Boot]) -> Scores:
        """Return the known quality of each candidate.

        Args:
            query: The query; only its text is read.
            boots: The boots of the layer.
        """
        known = {boot["candidate"]: self.quality(query.text, boot["candidate"]) for boot in boots}
        return Scores(by_candidate=known, selector="oracle")

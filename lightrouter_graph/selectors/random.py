"""Random scores, the baseline that every selector must beat."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from lightrouter_graph.query import Query
from lightrouter_graph.records import Boot
from lightrouter_graph.selectors.base import Scores


@dataclass(frozen=True, slots=True)
class RandomSelector:
    """Score at random, reproducibly from the seed of the run, the layer and the candidate."""

    async def score(self, query: Query, boots: Sequence[Boot]) -> Scores:
        """Draw a score from 0 to 1 for each boot.

        Args:
            query: The query; its seed and layer determine the scores.
            boots: Boots in prior order.
        """
        draws = {b["candidate"]: Random(f"{query.seed}/{query.layer}/{b['candidate']}").random() for b in boots}
        return Scores(by_candidate=draws, notes={"seed": str(query.seed)}, selector="random")

"""The rule of the paper: exactly the k best candidates answer."""

from dataclasses import dataclass

from lightrouter_graph.query import Query
from lightrouter_graph.state_queries import LayerStatus
from lightrouter_graph.stopping.base import StopReason


@dataclass(frozen=True, slots=True)
class FixedTopK:
    """Query exactly the `top_k` best candidates; the next in rank replaces one that fails.

    Args:
        top_k: Number of answers, >= 1; None for `Context.top_k`.

    Source: arXiv 2505.16221, top-k.
    """

    top_k: int | None = None

    def next_candidates(self, query: Query, status: LayerStatus) -> tuple[str, ...]:
        """Return those of the k best that have not answered."""
        return tuple(name for name in self._best(query, status) if name not in status.answers)

    def counted(self, query: Query, status: LayerStatus) -> tuple[str, ...]:
        """Return those of the k best that have answered; if none has, the first k that have."""
        best = tuple(name for name in self._best(query, status) if name in status.answers)
        return best or tuple(name for name in status.candidates if name in status.answers)[: self._k(query)]

    def reason(self, query: Query, status: LayerStatus) -> StopReason:
        """Return how many have answered."""
        answered, k = len(self.counted(query, status)), self._k(query)
        if 0 < answered == len(status.candidates) < k:
            return StopReason("no_more_candidates", f"all {answered} answered")
        return StopReason("top_k_reached", f"{answered} of top_k = {k} answered")

    def _k(self, query: Query) -> int:
        return self.top_k or query.settings.top_k

    def _best(self, query: Query, status: LayerStatus) -> tuple[str, ...]:
        return status.candidates[: self._k(query)]

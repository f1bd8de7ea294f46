"""The paper's rule: the k best answer, no more and no fewer."""

from dataclasses import dataclass

from lightrouter_graph.stopping.base import LayerStatus


@dataclass(frozen=True, slots=True)
class FixedTopK:
    """Let exactly the `top_k` best contenders answer; one that fails is replaced by the next in rank.

    Source: arXiv 2505.16221, top-k.
    """

    top_k: int

    def next_up(self, standing: LayerStatus) -> tuple[str, ...]:
        """Return those of the k best that have not answered."""
        if standing.late or standing.closed:
            return ()
        return tuple(name for name in self._best(standing) if name not in standing.answers)

    def counted(self, standing: LayerStatus) -> tuple[str, ...]:
        """Return those of the k best that have answered; when time ran out first, whoever has."""
        best = tuple(name for name in self._best(standing) if name in standing.answers)
        return best or tuple(name for name in standing.contenders if name in standing.answers)[: self.top_k]

    def why(self, standing: LayerStatus) -> str:
        """Say how many have answered."""
        if standing.late:
            return "the deadline has passed"
        answered = len(self.counted(standing))
        if standing.closed:
            return standing.closed
        if 0 < answered == len(standing.contenders) < self.top_k:
            return f"all {answered} answered"
        return f"{answered} of top_k = {self.top_k} answered"

    def _best(self, standing: LayerStatus) -> tuple[str, ...]:
        return standing.contenders[: self.top_k]

"""Stop as soon as enough answers agree."""

from collections import Counter
from dataclasses import dataclass

from lightrouter_graph.stopping.base import LayerStatus


@dataclass(frozen=True, slots=True)
class AgreementStop:
    """Ask the first `agree` contenders, then one at a time, until so many answers agree or `top_k` have answered.

    Every complete answer of a contender counts, a boot that finished as well, whatever its rank. Answers that cannot be
    compared never agree: with those of the first `agree` in rank it is enough, and the aggregator merges them.

    Args:
        agree: How many equal answers are enough, >= 2.
        top_k: Most candidates that answer.

    Deviation from arXiv 2505.16221: the paper has no early stop. `lightrouter eval` measures what it saves and
    what it loses; the README has figures.
    """

    agree: int
    top_k: int

    def next_up(self, standing: LayerStatus) -> tuple[str, ...]:
        """Return the first wave, or the next in rank."""
        if standing.late or standing.closed or self._agreed(standing) >= self.agree or self._hopeless(standing):
            return ()
        waiting = [name for name in standing.contenders if name not in standing.answers]
        first = [name for name in standing.contenders[: self.agree] if name in waiting]
        wave = first or waiting[:1]
        return tuple(wave[: max(0, self.top_k - len(self.counted(standing)))])

    def counted(self, standing: LayerStatus) -> tuple[str, ...]:
        """Return everybody who has answered."""
        return tuple(name for name in standing.contenders if name in standing.answers)

    def why(self, standing: LayerStatus) -> str:  # noqa: PLR0911 - one for each reason
        """Say what was reached: agreement, the limit, or the end of the pool."""
        agreed = self._agreed(standing)
        if agreed >= self.agree:
            return f"{agreed} answers agree"
        if standing.late:
            return "the deadline has passed"
        if standing.closed:
            return standing.closed
        if not self._keys(standing) and standing.answers:
            return "the answers cannot be compared"
        if len(self.counted(standing)) >= self.top_k:
            return f"top_k = {self.top_k} answered without agreement"
        if len(self.counted(standing)) == len(standing.contenders):
            return "nobody is left to ask"
        return f"agree = {self.agree} is out of reach"

    def _hopeless(self, standing: LayerStatus) -> bool:
        """Whether asking more can bring no agreement: nothing so far can be compared, or too few places are left."""
        counted = len(self.counted(standing))
        if not self._keys(standing):
            return counted > 0 and all(name in standing.answers for name in standing.contenders[: self.agree])
        left = min(self.top_k, len(standing.contenders)) - counted
        return counted > 0 and self._agreed(standing) + left < self.agree

    def _agreed(self, standing: LayerStatus) -> int:
        return max(Counter(self._keys(standing)).values(), default=0)

    def _keys(self, standing: LayerStatus) -> list[str]:
        given = (standing.answers[name] for name in self.counted(standing))
        return [key for key in given if key is not None]

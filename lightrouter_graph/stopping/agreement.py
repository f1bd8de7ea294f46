"""Stop as soon as enough answers agree."""

from collections import Counter
from dataclasses import dataclass

from lightrouter_graph.stopping.base import Standing


@dataclass(frozen=True, slots=True)
class AgreementStop:
    """Ask the first `agree` contenders, then one at a time, until so many answers agree or `top_k` have answered.

    Every complete answer counts, a boot that finished as well, whatever its rank.

    Args:
        agree: How many equal answers are enough, >= 2.
        top_k: Most candidates that answer.

    Deviation from arXiv 2505.16221: the paper has no early stop. On recorded outputs agreement of two finished
    answers kept the accuracy of a majority over all candidates for 26 to 48 % of the tokens.
    """

    agree: int
    top_k: int

    def next_up(self, standing: Standing) -> tuple[str, ...]:
        """Return the first wave, or the next in rank."""
        if standing.late or self._agreed(standing) >= self.agree:
            return ()
        waiting = [name for name in standing.contenders if name not in standing.answers]
        first = [name for name in standing.contenders[: self.agree] if name in waiting]
        wave = first or waiting[:1]
        return tuple(wave[: max(0, self.top_k - len(standing.answers))])

    def counted(self, standing: Standing) -> tuple[str, ...]:
        """Return everybody who has answered."""
        return tuple(name for name in standing.contenders if name in standing.answers)

    def why(self, standing: Standing) -> str:
        """Say what was reached: agreement, the limit, or the end of the pool."""
        agreed = self._agreed(standing)
        if agreed >= self.agree:
            return f"{agreed} answers agree"
        if standing.late:
            return "the deadline has passed"
        if len(standing.answers) >= self.top_k:
            return f"top_k = {self.top_k} answered without agreement"
        return "nobody is left to ask"

    def _agreed(self, standing: Standing) -> int:
        keys = Counter(key for key in standing.answers.values() if key is not None)
        return max(keys.values(), default=0)

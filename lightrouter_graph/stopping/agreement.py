"""Stop as soon as enough answers agree."""

from dataclasses import dataclass

from lightrouter_graph.answer_keys.voting import largest_group
from lightrouter_graph.query import Query
from lightrouter_graph.state_queries import LayerStatus
from lightrouter_graph.stopping.base import StopReason


@dataclass(frozen=True, slots=True)
class AgreementStop:
    """Query the first `agree` candidates, then one at a time, until `agree` answers are equal or `top_k` have answered.

    Every complete answer counts, a finished boot included, at any rank. Answers without a key never agree: once
    the first `agree` candidates have answered without any key, the rule stops and the aggregator merges the answers.

    Args:
        agree: Number of equal answers that stops, >= 2; None for `Context.agree`.
        top_k: Most candidates that answer, >= 1; None for `Context.top_k`.

    Deviation from arXiv 2505.16221: the paper has no early stop. `lightrouter eval` measures its savings and losses.
    """

    agree: int | None = None
    top_k: int | None = None

    def next_candidates(self, query: Query, status: LayerStatus) -> tuple[str, ...]:
        """Return the first wave, or the next in rank."""
        agree, top_k = self._limits(query)
        if self._agreed(status) >= agree or self._out_of_reach(query, status):
            return ()
        waiting = [name for name in status.candidates if name not in status.answers]
        first = [name for name in status.candidates[:agree] if name in waiting]
        return tuple((first or waiting[:1])[: max(0, top_k - len(self.counted(query, status)))])

    def counted(self, query: Query, status: LayerStatus) -> tuple[str, ...]:  # noqa: ARG002
        """Return every candidate that has answered."""
        return tuple(name for name in status.candidates if name in status.answers)

    def reason(self, query: Query, status: LayerStatus) -> StopReason:
        """Return the limit that was reached: agreement, `top_k`, or the end of the pool."""
        agree, top_k = self._limits(query)
        agreed, answered = self._agreed(status), len(self.counted(query, status))
        if agreed >= agree:
            return StopReason("agreement", f"{agreed} answers agree")
        if not self._keys(status) and status.answers:
            return StopReason("not_comparable", "the answers cannot be compared")
        if answered >= top_k:
            return StopReason("top_k_reached", f"top_k = {top_k} answered without agreement")
        if answered == len(status.candidates):
            return StopReason("no_more_candidates", "no candidate is left to query")
        return StopReason("agreement_out_of_reach", f"agree = {agree} is out of reach")

    def _limits(self, query: Query) -> tuple[int, int]:
        return self.agree or query.settings.agree or 2, self.top_k or query.settings.top_k

    def _out_of_reach(self, query: Query, status: LayerStatus) -> bool:
        """Return True if more answers can bring no agreement: none has a key so far, or too few may still answer."""
        agree, top_k = self._limits(query)
        answered = len(self.counted(query, status))
        if not self._keys(status):
            return answered > 0 and all(name in status.answers for name in status.candidates[:agree])
        left = min(top_k, len(status.candidates)) - answered
        return answered > 0 and self._agreed(status) + left < agree

    def _agreed(self, status: LayerStatus) -> int:
        return largest_group(self._keys(status))

    def _keys(self, status: LayerStatus) -> list[str]:
        keys = (status.answers[name] for name in status.candidates if name in status.answers)
        return [key for key in keys if key is not None]

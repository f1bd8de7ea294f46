"""Stop rules: exactly the k best candidates answer, as in the paper; or as many as it takes until enough agree."""

from dataclasses import dataclass

from lightrouter_graph.answer_keys.voting import largest_opinion_group
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
        """Return those of the k best that have not answered.

        Args:
            query: The query; its `top_k` holds if the rule has none.
            status: Candidates in rank order, and their answers.
        """
        return tuple(name for name in self._best(query, status) if name not in status.answers)

    def counted(self, query: Query, status: LayerStatus) -> tuple[str, ...]:
        """Return those of the k best that have answered; if none has, the first k that have.

        Args:
            query: The query; its `top_k` holds if the rule has none.
            status: Candidates in rank order, and their answers.
        """
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


@dataclass(frozen=True, slots=True)
class AgreementStop:
    """Query the first `agree` candidates, then one at a time, until `agree` answers are equal or `top_k` have answered.

    Every complete answer counts, a finished boot included, at any rank; candidates that share an opinion, such as the
    same model twice, count once, and only the first of them is queried. Answers without a key never agree: once
    the first `agree` candidates have answered without any key, the rule stops and the aggregator merges the answers.

    Args:
        agree: Number of equal answers that stops, >= 2; None for `Context.agree`.
        top_k: Most candidates that answer, >= 1; None for `Context.top_k`.

    Deviation from arXiv 2505.16221: the paper has no early stop. `lightrouter eval` measures its savings and losses.
    """

    agree: int | None = None
    top_k: int | None = None

    def next_candidates(self, query: Query, status: LayerStatus) -> tuple[str, ...]:
        """Return the first wave, or the next in rank.

        Args:
            query: The query; its `agree` and `top_k` hold if the rule has none.
            status: Candidates in rank order, and the keys of their answers.
        """
        agree, top_k = self._limits(query)
        if self._agreed(status) >= agree or self._out_of_reach(query, status):
            return ()
        speakers = _speakers(status)
        waiting = [name for name in speakers if name not in status.answers]
        first = [name for name in speakers[:agree] if name in waiting]
        return tuple((first or waiting[:1])[: max(0, top_k - (len(speakers) - len(waiting)))])

    def reason(self, query: Query, status: LayerStatus) -> StopReason:
        """Return the limit that was reached: agreement, `top_k`, or the end of the pool.

        Args:
            query: The query; its `agree` and `top_k` hold if the rule has none.
            status: Candidates in rank order, and the keys of their answers.
        """
        agree, top_k = self._limits(query)
        keys, speakers = _keys(status), _speakers(status)
        answered = sum(name in status.answers for name in speakers)
        if (agreed := self._agreed(status)) >= agree:
            return StopReason("agreement", f"{agreed} answers agree")
        if status.answers and all(key is None for key in keys.values()):
            return StopReason("not_comparable", "the answers cannot be compared")
        if answered >= top_k:
            return StopReason("top_k_reached", f"top_k = {top_k} answered without agreement")
        if answered == len(speakers):
            return StopReason("no_more_candidates", "no candidate is left to query")
        return StopReason("agreement_out_of_reach", f"agree = {agree} is out of reach")

    def _limits(self, query: Query) -> tuple[int, int]:
        return self.agree or query.settings.agree or 2, self.top_k or query.settings.top_k

    def _out_of_reach(self, query: Query, status: LayerStatus) -> bool:
        """Return True if more answers can bring no agreement: none has a key so far, or too few may still answer."""
        agree, top_k = self._limits(query)
        keys, speakers = _keys(status), _speakers(status)
        if all(key is None for key in keys.values()):
            return bool(keys) and all(name in status.answers for name in speakers[:agree])
        left = min(top_k, len(speakers)) - sum(name in status.answers for name in speakers)
        return self._agreed(status) + left < agree

    def _agreed(self, status: LayerStatus) -> int:
        return largest_opinion_group(_keys(status), status.opinions)


def _keys(status: LayerStatus) -> dict[str, str | None]:
    """Return the key of each answer, None for one without, in rank order."""
    return {name: status.answers[name] for name in status.candidates if name in status.answers}


def _speakers(status: LayerStatus) -> list[str]:
    """Return one candidate for each opinion, in rank order: one that has answered, else the first."""
    speakers: dict[str, str] = {}
    for name in status.candidates:
        opinion = status.opinions.get(name, name)
        if opinion not in speakers or (name in status.answers and speakers[opinion] not in status.answers):
            speakers[opinion] = name
    return list(speakers.values())

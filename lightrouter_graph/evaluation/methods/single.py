"""Single-candidate baselines: a named candidate, the first of the pool, the best of the history."""

from dataclasses import dataclass

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.methods.base import HISTORY, Baseline, Reply, Setting
from lightrouter_graph.evaluation.methods.history import by_history
from lightrouter_graph.evaluation.methods.sampling import ask_all
from lightrouter_graph.evaluation.questions import Question
from lightrouter_graph.pool import Candidate


@dataclass(frozen=True, slots=True)
class _SingleCandidate:
    """Calls one candidate. A failed call raises `NoSurvivorError`."""

    candidate: Candidate
    max_tokens: int | None = None

    async def answer(self, question: Question) -> Reply:
        """Return the full answer of the candidate."""
        (reply,) = await ask_all([self.candidate], question, max_tokens=self.max_tokens)
        return Reply(reply.text, chosen=self.candidate.name, streamed=True)


def single(candidate: str) -> Baseline:
    """Return the method that calls one candidate of the pool.

    Args:
        candidate: Its name in the pool; a name that is not there is an `EvaluationError` from `fit`.
    """
    name = f"single:{candidate}"

    def fit(setting: Setting) -> _SingleCandidate:
        if candidate not in setting.pool.names:
            msg = f"method {name!r}: no such candidate in the pool; it has {', '.join(setting.pool.names)}"
            raise EvaluationError(msg)
        return _SingleCandidate(setting.pool[candidate], setting.max_tokens)

    return Baseline(name, candidate, fit)


FIRST = Baseline("first", "first of the pool", lambda s: _SingleCandidate(s.pool.candidates[0], s.max_tokens))

BEST_SINGLE = Baseline(
    name="best-single",
    label="best single (chosen on other data)",
    fit=lambda s: _SingleCandidate(by_history(s)[0], s.max_tokens),
    needs=HISTORY,
)
"""The candidate with the highest mean score in the history; ties and an empty history select the first of the pool."""

"""Upper bounds that read recorded scores: the best full answer, or the best selector. No real method reaches them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.methods.base import HISTORY, Baseline, Reply
from lightrouter_graph.evaluation.methods.history import by_history
from lightrouter_graph.evaluation.methods.sampling import ask_all
from lightrouter_graph.evaluation.questions import Question
from lightrouter_graph.pool import Candidate
from lightrouter_graph.query import Query
from lightrouter_graph.records import Boot
from lightrouter_graph.selectors.base import Scores


@dataclass(frozen=True, slots=True)
class _OracleChoice:
    """Calls its candidates in parallel and returns the answer with the highest recorded score."""

    candidates: tuple[Candidate, ...]
    max_tokens: int | None

    async def answer(self, question: Question) -> Reply:
        """Return the best answer, of equal ones the earlier; raise an `EvaluationError` without any recorded score."""
        replies = await ask_all(self.candidates, question, max_tokens=self.max_tokens)
        outputs = [(reply, question.outputs.get(reply.candidate.name)) for reply in replies]
        scored = [(reply, output.score) for reply, output in outputs if output and output.score is not None]
        if not scored:
            msg = f"an upper bound reads recorded scores, and no answer to question {question.id!r} has one"
            raise EvaluationError(msg)
        best, _ = max(scored, key=lambda pair: pair[1])
        return Reply(best.text, chosen=best.candidate.name)


ORACLE = Baseline("oracle", "oracle's pick of all", lambda s: _OracleChoice(s.pool.candidates, s.max_tokens))


def oracle_k(k: int) -> Baseline:
    """Return the upper bound over the k candidates with the highest mean score in the history.

    Args:
        k: Number of candidates, >= 1.
    """
    label = f"best {k} on other data, oracle's pick"
    return Baseline(f"oracle-{k}", label, lambda s: _OracleChoice(by_history(s)[:k], s.max_tokens), HISTORY)


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

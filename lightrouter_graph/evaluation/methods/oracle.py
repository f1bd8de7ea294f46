"""Upper bounds that read the recorded scores: the best full answer is always returned. No real method reaches them."""

from dataclasses import dataclass

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.methods.base import HISTORY, Baseline, Reply, check_at_least_one
from lightrouter_graph.evaluation.methods.history import by_history
from lightrouter_graph.evaluation.methods.sampling import ask_all
from lightrouter_graph.evaluation.questions import Question
from lightrouter_graph.pool import Candidate


@dataclass(frozen=True, slots=True)
class OracleChoice:
    """Calls its candidates in parallel and returns the answer with the highest recorded score."""

    candidates: tuple[Candidate, ...]
    max_tokens: int | None

    async def answer(self, question: Question) -> Reply:
        """Return the best answer; ties select the earlier candidate.

        Args:
            question: The question with the recorded outputs and scores.

        Raises:
            EvaluationError: If no answer has a recorded score.
        """
        replies = await ask_all(self.candidates, question, max_tokens=self.max_tokens)
        outputs = [(reply, question.outputs.get(reply.candidate.name)) for reply in replies]
        scored = [(reply, output.score) for reply, output in outputs if output and output.score is not None]
        if not scored:
            msg = f"an upper bound reads recorded scores, and no answer to question {question.id!r} has one"
            raise EvaluationError(msg)
        best, _ = max(scored, key=lambda pair: pair[1])
        return Reply(best.text, chosen=best.candidate.name)


ORACLE = Baseline("oracle", "oracle's pick of all", lambda s: OracleChoice(s.pool.candidates, s.max_tokens))


def oracle_k(k: int) -> Baseline:
    """Return the upper bound over the k candidates with the highest mean score in the history.

    Args:
        k: Number of candidates, >= 1; values above the pool size select the whole pool.
    """
    name = f"oracle-{k}"
    check_at_least_one(name, k)
    return Baseline(
        name, f"best {k} on other data, oracle's pick", lambda s: OracleChoice(by_history(s)[:k], s.max_tokens), HISTORY
    )

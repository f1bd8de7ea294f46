"""Upper bounds: somebody who knows the scores picks the best of full answers. No method reaches them."""

from dataclasses import dataclass

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.methods.base import Need, Reply, Said, Setting
from lightrouter_graph.evaluation.methods.history import trusted
from lightrouter_graph.evaluation.methods.sampling import ask_all
from lightrouter_graph.evaluation.methods.votes import check_k
from lightrouter_graph.evaluation.questions import Question
from lightrouter_graph.pool import Candidate


@dataclass(frozen=True, slots=True)
class _Knowing:
    candidates: tuple[Candidate, ...]
    max_tokens: int | None

    async def answer(self, question: Question) -> Reply:
        said = await ask_all(self.candidates, question, max_tokens=self.max_tokens)
        scored = [(one, score) for one in said if (score := _score(one, question)) is not None]
        if not scored:
            msg = f"an upper bound reads recorded scores, and no answer to question {question.id!r} has one"
            raise EvaluationError(msg)
        best, _ = max(scored, key=lambda pair: pair[1])
        return Reply(best.text, chosen=best.candidate.name)


@dataclass(frozen=True, slots=True)
class OracleK:
    """The k candidates with the best history answer in full, and the best of their answers is always picked.

    Attributes:
        k: How many are asked, >= 1; all are when there are no more.
    """

    k: int

    def __post_init__(self) -> None:
        check_k(self.name, self.k)

    @property
    def name(self) -> str:
        """Return "oracle-" and k."""
        return f"oracle-{self.k}"

    @property
    def label(self) -> str:
        """For tables."""
        return f"best {self.k} on other data, oracle's pick"

    @property
    def needs(self) -> frozenset[Need]:
        """What the order is learnt from."""
        return frozenset({"history"})

    def fit(self, setting: Setting) -> _Knowing:
        """Choose on the history; the pool's order without one."""
        return _Knowing(trusted(setting)[: self.k], setting.max_tokens)


@dataclass(frozen=True, slots=True)
class Oracle:
    """All candidates answer in full, and the best of their answers is always picked."""

    name: str = "oracle"
    label: str = "oracle's pick of all"
    needs: frozenset[Need] = frozenset()

    def fit(self, setting: Setting) -> _Knowing:
        """Learn nothing."""
        return _Knowing(setting.pool.candidates, setting.max_tokens)


def _score(one: Said, question: Question) -> float | None:
    output = question.outputs.get(one.candidate.name)
    return None if output is None else output.score

"""One candidate alone: what any router has to beat."""

from dataclasses import dataclass

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.methods.base import Need, Reply, Setting
from lightrouter_graph.evaluation.methods.history import trusted
from lightrouter_graph.evaluation.methods.sampling import ask_all
from lightrouter_graph.evaluation.questions import Question
from lightrouter_graph.pool import Candidate


@dataclass(frozen=True, slots=True)
class Alone:
    """Asks one candidate; its failure is the method's."""

    candidate: Candidate
    max_tokens: int | None = None

    async def answer(self, question: Question) -> Reply:
        """Pass on what it says.

        Raises:
            NoSurvivorError: If it fails.
        """
        (said,) = await ask_all([self.candidate], question, max_tokens=self.max_tokens)
        return Reply(said.text, chosen=self.candidate.name, streamed=True)


@dataclass(frozen=True, slots=True)
class Single:
    """A candidate named beforehand.

    Attributes:
        candidate: Its name in the pool.
    """

    candidate: str

    @property
    def name(self) -> str:
        """Return "single:" and the candidate's name."""
        return f"single:{self.candidate}"

    @property
    def label(self) -> str:
        """The candidate's own name."""
        return self.candidate

    @property
    def needs(self) -> frozenset[Need]:
        """Nothing."""
        return frozenset()

    def fit(self, setting: Setting) -> Alone:
        """Look the candidate up.

        Raises:
            EvaluationError: If it is not in the pool.
        """
        if self.candidate not in setting.pool.names:
            msg = f"{self.name!r}: the pool has no candidate of that name; it has {', '.join(setting.pool.names)}"
            raise EvaluationError(msg)
        return Alone(setting.pool[self.candidate], setting.max_tokens)


@dataclass(frozen=True, slots=True)
class First:
    """The candidate the user put first."""

    name: str = "first"
    label: str = "first of the pool"
    needs: frozenset[Need] = frozenset()

    def fit(self, setting: Setting) -> Alone:
        """Take the first of the pool."""
        return Alone(setting.pool.candidates[0], setting.max_tokens)


@dataclass(frozen=True, slots=True)
class BestSingle:
    """The candidate with the highest mean score in the history, never in the questions it is measured on."""

    name: str = "best-single"
    label: str = "best single (chosen on other data)"
    needs: frozenset[Need] = frozenset({"history"})

    def fit(self, setting: Setting) -> Alone:
        """Choose on the history; the pool's first without one, and among equals."""
        return Alone(trusted(setting)[0], setting.max_tokens)

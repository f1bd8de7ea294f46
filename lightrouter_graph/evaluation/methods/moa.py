"""Mixture-of-Agents: everybody answers, everybody answers again having read all answers, one model writes the last."""

from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.messages import AnyMessage, HumanMessage, SystemMessage

from lightrouter_graph.errors import EvaluationError, NoSurvivorError
from lightrouter_graph.evaluation.methods.base import Need, Reply, Said, Setting, ask
from lightrouter_graph.evaluation.methods.history import trusted
from lightrouter_graph.evaluation.methods.sampling import ask_all
from lightrouter_graph.evaluation.methods.votes import check_k
from lightrouter_graph.evaluation.questions import Question
from lightrouter_graph.pool import Candidate

REFERENCES = """\
Several models were asked what the user asks you; what they answered is listed below. Some of it may be wrong or
one-sided: doubt it. Write one answer of your own that is more correct, more complete and better ordered than any of
them, instead of repeating one, and keep to the form the user wants.

Their answers:
{answers}"""
"""What a proposer of a later layer and the aggregator are told before the question."""

VOTES_FOR_WRITER = "the aggregator is played by a vote among the answers it reads"
REPEATS_FOR_LAYERS = "proposers of later layers repeat what they said in the first"


@dataclass(frozen=True, slots=True)
class _Mixing:
    candidates: tuple[Candidate, ...]
    writer: Candidate
    layers: int
    stands_in: bool
    max_tokens: int | None

    async def answer(self, question: Question) -> Reply:
        said = await ask_all(self.candidates, question, max_tokens=self.max_tokens)
        for _ in range(self.layers - 1):
            told = with_references(question, said)
            said = await ask_all(self.candidates, question, messages=told, max_tokens=self.max_tokens)
        return await aggregate(self.writer, question, said, max_tokens=self.max_tokens, stand_in=self._stand_in())

    def _stand_in(self) -> str:
        notes = [VOTES_FOR_WRITER, *([REPEATS_FOR_LAYERS] if self.layers > 1 else [])]
        return "; ".join(notes) if self.stands_in else ""


@dataclass(frozen=True, slots=True)
class MixtureOfAgents:
    """All candidates propose in `layers` rounds, each after the first reading all proposals; the writer aggregates.

    Attributes:
        layers: Rounds of proposals before the aggregator, >= 1. The paper counts the aggregator as a layer besides.

    Source: arXiv 2406.04692, section 2: all proposers in full, their answers numbered in the system prompt of the next.
    Deviation: own wording; the models' own temperatures; a proposer that fails is left out of the list.
    """

    layers: int

    def __post_init__(self) -> None:
        check_k(self.name, self.layers)

    @property
    def name(self) -> str:
        """Return "moa-" and the number of layers."""
        return f"moa-{self.layers}"

    @property
    def label(self) -> str:
        """For tables."""
        return f"Mixture-of-Agents, {self.layers} layer{'s' if self.layers > 1 else ''}"

    @property
    def needs(self) -> frozenset[Need]:
        """A writer, for which a replay has a stand-in."""
        return frozenset({"writer"})

    def fit(self, setting: Setting) -> _Mixing:
        """Put the more trusted first in the list of answers.

        Raises:
            EvaluationError: If nobody can write.
        """
        writer = writer_of(setting, self.name)
        return _Mixing(trusted(setting), writer, self.layers, setting.stands_in, setting.max_tokens)


def with_references(question: Question, said: Sequence[Said]) -> list[AnyMessage]:
    """Return the prompt of one who has read the answers so far: they in the system message, then the question."""
    listed = "\n".join(f"{number}. {one.text.strip()}" for number, one in enumerate(said, start=1))
    return [SystemMessage(REFERENCES.format(answers=listed)), HumanMessage(question.text)]


async def aggregate(
    writer: Candidate, question: Question, said: Sequence[Said], *, max_tokens: int | None, stand_in: str
) -> Reply:
    """Let the writer make one answer out of all.

    Args:
        writer: The aggregator.
        question: What was asked.
        said: The answers it reads.
        max_tokens: Cap on its output; None for its own.
        stand_in: What is said of it where it only stands in for one; "" for a real one.

    Raises:
        NoSurvivorError: If it fails: the published scheme knows no other way.
    """
    merged = await ask(
        writer,
        question,
        messages=with_references(question, said),
        max_tokens=max_tokens,
        stage="aggregate",
        stream_internally=True,
    )
    failure = merged.completion.failure
    if failure is not None:
        raise NoSurvivorError(layer=1, failures={writer.name: f"{failure['cause']}: {failure['message']}"})
    chosen = _speaker(merged, said) if stand_in else None
    return Reply(merged.text, chosen=chosen, streamed=True, stand_in=stand_in)


def writer_of(setting: Setting, method: str) -> Candidate:
    """Return who merges answers.

    Raises:
        EvaluationError: If nobody can.
    """
    if setting.writer is None:
        msg = f"{method!r} needs a model that merges answers, and the setting has none"
        raise EvaluationError(msg)
    return setting.writer


def _speaker(merged: Said, said: Sequence[Said]) -> str:
    """Return whose words a stand-in wrote; its own where it was shown none it knew."""
    return next((one.candidate.name for one in said if one.text == merged.text), merged.candidate.name)

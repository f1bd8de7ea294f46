"""Self-MoA: one good candidate asked several times may mix better than many."""

import asyncio
from dataclasses import dataclass

from lightrouter_graph.evaluation.methods.base import Need, Reply, Setting, ask
from lightrouter_graph.evaluation.methods.history import trusted
from lightrouter_graph.evaluation.methods.moa import VOTES_FOR_WRITER, aggregate, writer_of
from lightrouter_graph.evaluation.methods.sampling import survivors
from lightrouter_graph.evaluation.methods.votes import check_k
from lightrouter_graph.evaluation.questions import Question
from lightrouter_graph.pool import Candidate

SAMPLES = 6
"""As many as the paper draws, to match the six proposers of the mixture it compares with."""


@dataclass(frozen=True, slots=True)
class _Sampling:
    candidate: Candidate
    writer: Candidate
    samples: int
    stands_in: bool
    max_tokens: int | None

    async def answer(self, question: Question) -> Reply:
        calls = (ask(self.candidate, question, max_tokens=self.max_tokens, sample=i) for i in range(self.samples))
        said = survivors(await asyncio.gather(*calls))
        stand_in = VOTES_FOR_WRITER if self.stands_in else ""
        return await aggregate(self.writer, question, said, max_tokens=self.max_tokens, stand_in=stand_in)


@dataclass(frozen=True, slots=True)
class SelfMoA:
    """The candidate with the best history is asked the same several times, and the writer aggregates.

    Attributes:
        samples: How often it is asked, >= 1. In a replay, samples that were not recorded are missing from the list.

    Source: arXiv 2502.00674. Deviation: own wording; the model's own temperature.
    """

    samples: int = SAMPLES

    def __post_init__(self) -> None:
        check_k(self.name, self.samples)

    @property
    def name(self) -> str:
        """Return "self-moa", with the number of samples where it is not the paper's."""
        return "self-moa" if self.samples == SAMPLES else f"self-moa-{self.samples}"

    @property
    def label(self) -> str:
        """For tables."""
        return f"Self-MoA, best single x {self.samples}"

    @property
    def needs(self) -> frozenset[Need]:
        """What the best is chosen on, several samples of it, and a writer."""
        return frozenset({"history", "samples", "writer"})

    def fit(self, setting: Setting) -> _Sampling:
        """Choose the candidate on the history; the pool's first without one.

        Raises:
            EvaluationError: If nobody can write.
        """
        writer = writer_of(setting, self.name)
        return _Sampling(trusted(setting)[0], writer, self.samples, setting.stands_in, setting.max_tokens)

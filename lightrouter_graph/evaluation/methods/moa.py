"""Mixture-of-Agents and Self-MoA: full answers of several candidates, or samples of one, merged by a writer model."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.messages import AnyMessage, HumanMessage, SystemMessage

from lightrouter_graph.errors import EvaluationError, NoSurvivorError
from lightrouter_graph.evaluation.methods.base import Baseline, Reply, Setting
from lightrouter_graph.evaluation.methods.history import by_history
from lightrouter_graph.evaluation.methods.sampling import CandidateReply, ask, ask_all, successful
from lightrouter_graph.evaluation.questions import Question
from lightrouter_graph.pool import Candidate

REFERENCES = """\
Several models were asked what the user asks you; what they answered is listed below. Some of it may be wrong or
one-sided: doubt it. Write one answer of your own that is more correct, more complete and better ordered than any of
them, instead of repeating one, and keep to the form the user wants.

Their answers:
{answers}"""
"""System prompt of the aggregator and of the proposers of later layers; the question follows as the human message."""

VOTE_FOR_WRITER = "a vote among the answers in its prompt replaces the aggregator"
REPEATED_LAYERS = "proposers of later layers repeat their first answer"

SELF_MOA_SAMPLES = 6
"""Number of samples in the paper, equal to the six proposers of its mixture."""


@dataclass(frozen=True, slots=True)
class _Writer:
    model: Candidate
    max_tokens: int | None
    stand_in: str

    async def merge(self, question: Question, replies: Sequence[CandidateReply]) -> Reply:
        """Return the merged answer, or raise `NoSurvivorError`: the published method has no fallback."""
        merged = await ask(
            self.model,
            question,
            messages=_with_references(question, replies),
            max_tokens=self.max_tokens,
            stage="aggregate",
            stream_internally=True,
        )
        if merged.failure:
            raise NoSurvivorError(layer=1, failures={self.model.name: merged.failure})
        source = next((reply.candidate.name for reply in replies if reply.text == merged.text), self.model.name)
        return Reply(merged.text, chosen=source if self.stand_in else None, streamed=True, stand_in=self.stand_in)


@dataclass(frozen=True, slots=True)
class _MixtureOfAgents:
    candidates: tuple[Candidate, ...]
    writer: _Writer
    layers: int

    async def answer(self, question: Question) -> Reply:
        cap = self.writer.max_tokens
        replies = await ask_all(self.candidates, question, max_tokens=cap)
        for _ in range(self.layers - 1):
            prompt = _with_references(question, replies)
            replies = await ask_all(self.candidates, question, messages=prompt, max_tokens=cap)
        return await self.writer.merge(question, replies)


@dataclass(frozen=True, slots=True)
class _SelfMoA:
    candidate: Candidate
    writer: _Writer
    samples: int

    async def answer(self, question: Question) -> Reply:
        cap = self.writer.max_tokens
        calls = (ask(self.candidate, question, max_tokens=cap, sample=index) for index in range(self.samples))
        return await self.writer.merge(question, successful(await asyncio.gather(*calls)))


def mixture_of_agents(layers: int) -> Baseline:
    """Return Mixture-of-Agents: all candidates propose in `layers` rounds, then the writer aggregates.

    From the second round on every proposer reads all proposals of the round before. Proposals are listed by mean score
    in the history, best first.

    Args:
        layers: Rounds of proposals before the aggregator, >= 1. The paper counts the aggregator as one more layer.

    Source: arXiv 2406.04692, section 2: full answers of all proposers, numbered in the system prompt of the next layer.
    Deviation: own prompt; default temperature of each model; a failed proposer is left out of the list.
    """
    name = f"moa-{layers}"
    notes = "; ".join([VOTE_FOR_WRITER, *([REPEATED_LAYERS] if layers > 1 else [])])

    def fit(setting: Setting) -> _MixtureOfAgents:
        return _MixtureOfAgents(by_history(setting), _writer(setting, name, notes), layers)

    label = f"Mixture-of-Agents, {layers} layer{'s' if layers > 1 else ''}"
    return Baseline(name, label, fit, frozenset({"writer"}))


def self_moa(samples: int = SELF_MOA_SAMPLES) -> Baseline:
    """Return Self-MoA: several samples of the candidate with the best history, merged by the writer.

    Args:
        samples: Number of samples, >= 1. In a replay, samples that were not recorded are left out.

    Source: arXiv 2502.00674. Deviation: own prompt; default temperature of the model.
    """
    name = "self-moa" if samples == SELF_MOA_SAMPLES else f"self-moa-{samples}"

    def fit(setting: Setting) -> _SelfMoA:
        return _SelfMoA(by_history(setting)[0], _writer(setting, name, VOTE_FOR_WRITER), samples)

    return Baseline(name, f"Self-MoA, best single x {samples}", fit, frozenset({"history", "samples", "writer"}))


def _with_references(question: Question, replies: Sequence[CandidateReply]) -> list[AnyMessage]:
    """Return the prompt that lists the replies of the previous layer in the system message, then the question."""
    listed = "\n".join(f"{number}. {reply.text.strip()}" for number, reply in enumerate(replies, start=1))
    return [SystemMessage(REFERENCES.format(answers=listed)), HumanMessage(question.text)]


def _writer(setting: Setting, method: str, notes: str) -> _Writer:
    if setting.writer is None:
        msg = f"method {method!r} needs a model that merges answers, and the setting has none"
        raise EvaluationError(msg)
    return _Writer(setting.writer, setting.max_tokens, notes if setting.writer_is_stub else "")

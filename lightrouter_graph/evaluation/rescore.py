"""Recorded outputs scored anew, against the references of their questions."""

import asyncio
from dataclasses import replace

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.questions import DataSet, Output, Question, Scoring
from lightrouter_graph.evaluation.scoring import Scorer, scorer_for

OFFLINE: tuple[Scoring, ...] = ("exact", "number", "letter", "math")
"""Ways of scoring that need nothing but the text and the reference."""


def rescored(data: DataSet, scoring: Scoring | None) -> DataSet:
    """Score every recorded output by comparing it with its question's reference.

    Args:
        data: The recording.
        scoring: One of `OFFLINE`; None to keep the scores that were recorded.

    Returns:
        The same questions; outputs to questions without a reference have no score.

    Raises:
        EvaluationError: If the way needs a model, or a package is missing.
    """
    if scoring is None:
        return data
    if scoring in {"recorded", "judge"}:
        ways = ", ".join(OFFLINE)
        msg = f"a recording is scored anew by {ways}, got {scoring!r}; a judge scores live runs"
        raise EvaluationError(msg)
    scorer = scorer_for(scoring)
    return replace(data, questions=tuple(asyncio.run(_all(data, scorer))), scoring=scoring)


async def _all(data: DataSet, scorer: Scorer) -> list[Question]:
    return [replace(question, outputs=await _scored(question, scorer)) for question in data.questions]


async def _scored(question: Question, scorer: Scorer) -> dict[str, Output]:
    return {name: await _one(question, output, scorer) for name, output in question.outputs.items()}


async def _one(question: Question, output: Output, scorer: Scorer) -> Output:
    score = None if question.reference is None else await scorer.score(question, output.text)
    samples = tuple([await _one(question, sample, scorer) for sample in output.samples])
    return replace(output, score=score, samples=samples)

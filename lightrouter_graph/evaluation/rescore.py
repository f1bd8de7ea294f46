"""Scores recorded outputs again by comparing them with the references of their questions."""

import asyncio
from dataclasses import replace

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.questions import DataSet, Output, Question, Scoring
from lightrouter_graph.evaluation.scoring import Scorer, scorer_for

OFFLINE: tuple[Scoring, ...] = ("exact", "number", "letter", "math")
"""Scoring methods that need only the text and the reference."""


def rescored(data: DataSet, scoring: Scoring | None) -> DataSet:
    """Score every recorded output of a data set.

    Args:
        data: The recording.
        scoring: One of `OFFLINE`; None keeps the recorded scores.

    Returns:
        The same questions; outputs of questions without a reference have no score.

    Raises:
        EvaluationError: If the scoring method needs a model or recorded scores, or its package is missing.
    """
    if scoring is None:
        return data
    if scoring in {"recorded", "judge"}:
        msg = f"a recording can be scored again by {', '.join(OFFLINE)}, got {scoring!r}; a judge scores live runs only"
        raise EvaluationError(msg)

    async def score_all(scorer: Scorer) -> tuple[Question, ...]:
        return tuple([await _scored(question, scorer) for question in data.questions])

    return replace(data, questions=asyncio.run(score_all(scorer_for(scoring))), scoring=scoring)


async def _scored(question: Question, scorer: Scorer) -> Question:
    async def score(output: Output) -> Output:
        score_of = None if question.reference is None else await scorer.score(question, output.text)
        return replace(output, score=score_of, samples=tuple([await score(sample) for sample in output.samples]))

    return replace(question, outputs={name: await score(output) for name, output in question.outputs.items()})

"""Scoring methods; `scorer_for` returns the scorer of a method, `rescored` applies it to recorded outputs."""

import asyncio
from dataclasses import replace

from langchain_core.language_models import BaseChatModel

from lightrouter_graph.errors import EvaluationError, checked_choices
from lightrouter_graph.evaluation.questions import REMOVED_SCORING, DataSet, Output, Question, Scoring
from lightrouter_graph.evaluation.scoring.judge import JudgeScorer
from lightrouter_graph.evaluation.scoring.math import MathScorer
from lightrouter_graph.evaluation.scoring.text import ExactScorer, LetterScorer, NumberScorer, RecordedScorer, Scorer
from lightrouter_graph.pool import Candidate

__all__ = ["Scorer", "rescored", "scorer_for"]

OFFLINE: tuple[Scoring, ...] = ("exact", "number", "letter", "math")
"""Scoring methods that need only the text and the reference."""

_SCORERS: dict[str, type[Scorer]] = {
    "recorded": RecordedScorer,
    "exact": ExactScorer,
    "number": NumberScorer,
    "letter": LetterScorer,
    "math": MathScorer,
}


@checked_choices(EvaluationError, REMOVED_SCORING)
def scorer_for(scoring: Scoring, *, judge: Candidate | BaseChatModel | str | None = None) -> Scorer:
    """Return the scorer of a scoring method.

    Args:
        scoring: The scoring method.
        judge: The model that judges open-ended answers; None for every method but "judge".

    Raises:
        EvaluationError: If the method is unknown, or its judge or package is missing.
    """
    if scoring == "judge":
        if judge is None:
            msg = "the scoring 'judge' needs a judge model: pass judge=..., or use the recorded scores"
            raise EvaluationError(msg)
        return JudgeScorer(judge)
    return _SCORERS[scoring]()


@checked_choices(EvaluationError, REMOVED_SCORING)
def rescored(data: DataSet, scoring: Scoring | None) -> DataSet:
    """Score every recorded output of a data set.

    Args:
        data: The recording.
        scoring: One of `OFFLINE`; None keeps the recorded scores. Without a reference there is no score.

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

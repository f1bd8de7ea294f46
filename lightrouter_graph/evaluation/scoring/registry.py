"""Scorers by scoring method."""

from langchain_core.language_models import BaseChatModel

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.questions import Scoring
from lightrouter_graph.evaluation.scoring.base import ExactScorer, RecordedScorer, Scorer
from lightrouter_graph.evaluation.scoring.judge import JudgeScorer
from lightrouter_graph.evaluation.scoring.letter import LetterScorer
from lightrouter_graph.evaluation.scoring.math import MathScorer
from lightrouter_graph.evaluation.scoring.number import NumberScorer
from lightrouter_graph.pool import Candidate

_SCORERS: dict[str, type[Scorer]] = {
    "recorded": RecordedScorer,
    "exact": ExactScorer,
    "number": NumberScorer,
    "letter": LetterScorer,
    "math": MathScorer,
}
_REMOVED = {
    "code": "the scoring 'code' is not available, because it would run code that a model wrote: test the answers "
    "yourself, write 0 or 1 as the `score` of each output and evaluate that recording; or run inspect-ai on "
    "`lightrouter serve`, as examples/outside_evaluators.py does"
}


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
    if scoring not in _SCORERS:
        msg = f"unknown scoring {scoring!r}: known are {', '.join([*_SCORERS, 'judge'])}"
        raise EvaluationError(_REMOVED.get(scoring, msg))
    return _SCORERS[scoring]()

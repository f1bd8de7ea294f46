"""From the way a set is scored to the scorer that does it."""

from langchain_core.language_models import BaseChatModel

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.questions import Scoring
from lightrouter_graph.evaluation.scoring.base import Scorer
from lightrouter_graph.evaluation.scoring.code import CodeScorer
from lightrouter_graph.evaluation.scoring.exact import ExactScorer
from lightrouter_graph.evaluation.scoring.judge import JudgeScorer
from lightrouter_graph.evaluation.scoring.letter import LetterScorer
from lightrouter_graph.evaluation.scoring.mathematics import MathScorer
from lightrouter_graph.evaluation.scoring.number import NumberScorer
from lightrouter_graph.evaluation.scoring.recorded import RecordedScorer
from lightrouter_graph.pool import Candidate

_PLAIN: dict[str, type[Scorer]] = {
    "recorded": RecordedScorer,
    "exact": ExactScorer,
    "number": NumberScorer,
    "letter": LetterScorer,
    "math": MathScorer,
}


def scorer_for(scoring: Scoring, *, judge: Candidate | BaseChatModel | str | None = None, code: bool = False) -> Scorer:
    """Return the scorer for a way of scoring.

    Args:
        scoring: The way.
        judge: Who judges open-ended answers.
        code: Whether code that models wrote may be run; see `CodeScorer` for what that does and does not guard from.

    Raises:
        EvaluationError: If the way is not known, or needs what was not given or is not installed.
    """
    if scoring == "judge":
        if judge is None:
            msg = "scoring by a judge needs a model that judges: give one (judge=...), or score as recorded"
            raise EvaluationError(msg)
        return JudgeScorer(judge)
    if scoring == "code":
        if not code:
            msg = "scoring code runs what models wrote on this machine: allow it (code=True) if you accept that"
            raise EvaluationError(msg)
        return CodeScorer()
    if scoring not in _PLAIN:
        msg = f"unknown scoring {scoring!r}: known are {', '.join([*_PLAIN, 'judge', 'code'])}"
        raise EvaluationError(msg)
    return _PLAIN[scoring]()

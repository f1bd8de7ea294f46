"""How answers are scored: one file per way, chosen by `scorer_for`."""

from lightrouter_graph.evaluation.scoring.base import Scorer
from lightrouter_graph.evaluation.scoring.exact import ExactScorer
from lightrouter_graph.evaluation.scoring.judge import JudgeScorer
from lightrouter_graph.evaluation.scoring.letter import LetterScorer
from lightrouter_graph.evaluation.scoring.math import MathScorer
from lightrouter_graph.evaluation.scoring.number import NumberScorer
from lightrouter_graph.evaluation.scoring.recorded import RecordedScorer
from lightrouter_graph.evaluation.scoring.registry import scorer_for

__all__ = [
    "ExactScorer",
    "JudgeScorer",
    "LetterScorer",
    "MathScorer",
    "NumberScorer",
    "RecordedScorer",
    "Scorer",
    "scorer_for",
]

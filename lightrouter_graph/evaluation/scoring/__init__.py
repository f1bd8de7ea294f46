"""Scoring methods; `scorer_for` returns the scorer of a method."""

from lightrouter_graph.evaluation.scoring.base import ExactScorer, RecordedScorer, Scorer
from lightrouter_graph.evaluation.scoring.judge import JudgeScorer
from lightrouter_graph.evaluation.scoring.letter import LetterScorer
from lightrouter_graph.evaluation.scoring.math import MathScorer
from lightrouter_graph.evaluation.scoring.number import NumberScorer
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

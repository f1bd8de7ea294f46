"""`Scorer` protocol, and the scorers that compare text: recorded scores and exact answers."""

from typing import Protocol

from lightrouter_graph.answer_keys import ExactText, canonical_value, default_key
from lightrouter_graph.evaluation.questions import Question

_whole_text = ExactText()


class Scorer(Protocol):
    """Scores one answer."""

    async def score(self, question: Question, text: str) -> float | None:
        """Score one answer.

        Args:
            question: The question with its reference or recorded outputs.
            text: The whole answer.

        Returns:
            0 (wrong) to 1 (right); None if the question has nothing to compare with.
        """
        ...


class RecordedScorer:
    """The score of the first scored output with exactly this text; None if there is none."""

    async def score(self, question: Question, text: str) -> float | None:
        """Score one answer; see `Scorer`."""
        outputs = [one for output in question.outputs.values() for one in (output, *output.samples)]
        return next((one.score for one in outputs if one.text == text and one.score is not None), None)


class ExactScorer:
    """1 if the answer key of a text, or the whole text, equals the reference; None without a reference.

    White space, markup, quotes, articles and the case of words are ignored, except in questions about code.

    Source: the comparison of `lightrouter_graph.answer_keys`, which also defines agreement between candidates.
    """

    async def score(self, question: Question, text: str) -> float | None:
        """Score one answer; see `Scorer`."""
        if question.reference is None:
            return None
        if _whole_text(text) is not None and _whole_text(text) == _whole_text(question.reference):
            return 1.0
        right = canonical_value(question.reference, question.text)
        return float(right is not None and default_key(text, question.text) == right)

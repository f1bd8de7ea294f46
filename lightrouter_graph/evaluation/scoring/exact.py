"""Answers that are right when they say what the reference says, in whatever writing."""

from lightrouter_graph.answer_keys import ExactText, canonical_value, default_key
from lightrouter_graph.evaluation.questions import Question

_whole = ExactText()


class ExactScorer:
    """1 where the short answer of a text, or the text as a whole, is the reference.

    White space, markup, quotes, articles and the letter case of words do not count; in questions about code they do.

    Source: the comparison is that of `lightrouter_graph.answer_keys`, by which candidates agree.
    """

    async def score(self, question: Question, text: str) -> float | None:
        """Score one answer; None without a reference."""
        if question.reference is None:
            return None
        if _whole(text) is not None and _whole(text) == _whole(question.reference):
            return 1.0
        right = canonical_value(question.reference, question.text)
        return float(right is not None and default_key(text, question.text) == right)

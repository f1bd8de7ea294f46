"""The seam: an answer in, how good it is out."""

from typing import Protocol

from lightrouter_graph.evaluation.questions import Question


class Scorer(Protocol):
    """Says how good an answer is."""

    async def score(self, question: Question, text: str) -> float | None:
        """Score one answer.

        Args:
            question: What was asked, with its reference or recorded outputs.
            text: The whole answer.

        Returns:
            0 (wrong) to 1 (right); None where nothing is known to score it by.
        """
        ...

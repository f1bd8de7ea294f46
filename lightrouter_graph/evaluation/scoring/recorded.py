"""Answers that were scored when they were recorded."""

from collections.abc import Iterator

from lightrouter_graph.evaluation.questions import Output, Question


class RecordedScorer:
    """The score of the recorded output with exactly this text.

    Where several outputs have the text, the first one that was scored counts.
    """

    async def score(self, question: Question, text: str) -> float | None:
        """Score one answer; None where no scored output has that text."""
        scores = (output.score for output in _outputs(question) if output.text == text)
        return next((score for score in scores if score is not None), None)


def _outputs(question: Question) -> Iterator[Output]:
    for output in question.outputs.values():
        yield output
        yield from output.samples

"""`AnswerKey` protocol: a string by which two answers are compared, without a model call; and two built-in keys."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from lightrouter_graph.reasoning import strip_reasoning


@runtime_checkable
class AnswerKey(Protocol):
    """Extracts the short answer of a model response, by which it is compared. Any function of this signature fits."""

    def __call__(self, text: str, question: str = "", *, finished: bool = True) -> str | None:
        """Extract the short answer.

        Args:
            text: The model response.
            question: Text of the last human message; it determines the possible formats of the answer.
            finished: False for a truncated response, which must not return an intermediate result.

        Returns:
            The answer as a canonical string; None if there is no short answer. Two responses agree if their keys are
            equal and not None.
        """
        ...


@dataclass(frozen=True, slots=True)
class ExactText:
    r"""Compares the complete response, ignoring white space and, unless `case_sensitive`, letter case.

    For tasks in which the response is the answer, such as a label or a short command.

    >>> ExactText()("  Positive\n")
    'positive'
    """

    case_sensitive: bool = False

    def __call__(self, text: str, question: str = "", *, finished: bool = True) -> str | None:  # noqa: ARG002
        """Return the response with normalized white space; None if it is empty or truncated."""
        normalized = " ".join(strip_reasoning(text).split()) if finished else ""
        return (normalized if self.case_sensitive else normalized.casefold()) or None


def default_key(text: str, question: str = "", *, finished: bool = True) -> str | None:
    """Extract the short answer of a model response; the default `AnswerKey`.

    The first format found decides: a JSON "answer" field, a box, an <answer> tag, a phrase such as "the answer is"; and
    in a complete response the option letter of the last sentence, its number, or the response if it is a few words.

    Args:
        text: The model response.
        question: Text of the last human message; it determines the possible formats of the answer.
        finished: False for a truncated response.
    """
    from lightrouter_graph.answer_keys.short_answer import short_answer  # noqa: PLC0415 - compiles some 70 patterns

    return short_answer(text, question, finished=finished)

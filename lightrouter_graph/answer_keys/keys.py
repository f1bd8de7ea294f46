"""`AnswerKey`: what makes two answers the same answer, found without a model call."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from lightrouter_graph.reasoning import strip_reasoning


@runtime_checkable
class AnswerKey(Protocol):
    """Reads from a text the short answer by which it is compared. Any callable of this form will do."""

    def __call__(self, text: str, question: str = "", *, finished: bool = True) -> str | None:
        """Read the comparable short answer.

        Args:
            text: What a model wrote.
            question: What was asked; it tells which forms an answer can have.
            finished: Whether the model ended by itself. A text that was cut must not yield an intermediate result.

        Returns:
            The answer in canonical form, or None when there is none to compare. Two texts agree when both keys are
            not None and equal.
        """
        ...


@dataclass(frozen=True, slots=True)
class ExactText:
    r"""Compares whole texts, apart from white space and, unless `case_sensitive`, letter case.

    For tasks in which every answer is the answer itself, such as a label or a short command.

    >>> ExactText()("  Positive\n")
    'positive'
    """

    case_sensitive: bool = False

    def __call__(self, text: str, question: str = "", *, finished: bool = True) -> str | None:  # noqa: ARG002
        """Give the whole text with white space evened out; None when it is empty or was cut."""
        evened = " ".join(strip_reasoning(text).split()) if finished else ""
        return (evened if self.case_sensitive else evened.casefold()) or None


def default_key(text: str, question: str = "", *, finished: bool = True) -> str | None:
    """Read the short answer of a text in the most reliable form it uses; the key used unless another is given.

    The forms in order of reliability: a JSON "answer" field, a box, an <answer> tag, a phrase such as "the answer is";
    and in finished texts only, the one option letter of the last sentence, its number, a text of a few words.

    Args:
        text: What a model wrote.
        question: What was asked; it tells which forms an answer can have.
        finished: Whether the model ended by itself.

    Returns:
        The answer in canonical form, or None when there is none to compare.
    """
    from lightrouter_graph.answer_keys.short_answer import DEFAULT  # noqa: PLC0415 - compiles some 70 patterns

    return DEFAULT(text, question, finished=finished)

"""`AnswerKey`: what makes two answers the same answer, found without a model call."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from lightrouter_graph.answer_keys.answer_phrases import find_marked
from lightrouter_graph.answer_keys.canonical import canonical_value
from lightrouter_graph.answer_keys.extractors import Finder, find_boxed, find_tag
from lightrouter_graph.answer_keys.json_field import find_json_field
from lightrouter_graph.answer_keys.last_sentence import find_closing_letter, find_closing_number, find_short_text
from lightrouter_graph.errors import SelectionError
from lightrouter_graph.reasoning import split_reasoning, strip_reasoning


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
class ShortAnswer:
    r"""Reads a short answer in the first of several forms that a text uses.

    The first form in use decides: a JSON field that says "I cannot tell" is not overruled by a number found elsewhere.

    Attributes:
        finders: One finder per form, the most reliable form first.

    >>> ShortAnswer((find_boxed,))(r"So $x = \boxed{\dfrac{1}{2}}$.")
    '0.5'
    """

    finders: Sequence[Finder]

    def __post_init__(self) -> None:
        if not self.finders:
            msg = "ShortAnswer needs at least one finder"
            raise SelectionError(msg)

    def __call__(self, text: str, question: str = "", *, finished: bool = True) -> str | None:
        """Read the comparable short answer; see `AnswerKey`."""
        visible, _, unclosed = split_reasoning(text)
        if unclosed:
            return None
        for find in self.finders:
            found = find(visible, question, finished=finished)
            if found is not None:
                return canonical_value(found, question)
        return None


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


default_key = ShortAnswer(
    (
        find_json_field,
        find_boxed,
        find_tag,
        find_marked,
        find_closing_letter,
        find_closing_number,
        find_short_text,
    )
)
"""The key used unless another is given.

Its forms in order of reliability: a JSON "answer" field, a box, an <answer> tag, a spoken marker; and in finished texts
only, the one option letter of the closing sentence, the number of the closing sentence, a text of a few words.
"""

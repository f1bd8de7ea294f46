"""`ShortAnswer`: an answer key that tries a list of formats."""

from collections.abc import Sequence
from dataclasses import dataclass

from lightrouter_graph.answer_keys.answer_phrases import find_marked
from lightrouter_graph.answer_keys.canonical import canonical_value
from lightrouter_graph.answer_keys.extractors import (
    Finder,
    find_boxed,
    find_closing_letter,
    find_closing_number,
    find_short_text,
    find_tag,
)
from lightrouter_graph.answer_keys.json_field import find_json_field
from lightrouter_graph.errors import SelectionError
from lightrouter_graph.reasoning import split_reasoning


@dataclass(frozen=True, slots=True)
class ShortAnswer:
    r"""Extracts the short answer in the first format that a model response contains.

    Later formats are not tried: a JSON field with "I do not know" is not overruled by a number in the text.

    Attributes:
        finders: One function per format, the most reliable format first.

    Raises:
        SelectionError: If the list is empty.

    >>> ShortAnswer((find_boxed,))(r"So $x = \boxed{\dfrac{1}{2}}$.")
    '0.5'
    """

    finders: Sequence[Finder]

    def __post_init__(self) -> None:
        if not self.finders:
            msg = "ShortAnswer needs at least one finder"
            raise SelectionError(msg)

    def __call__(self, text: str, question: str = "", *, finished: bool = True) -> str | None:
        """Extract the short answer; see `AnswerKey`."""
        visible, _, unclosed = split_reasoning(text)
        if unclosed:
            return None
        for find in self.finders:
            if (found := find(visible, question, finished=finished)) is not None:
                return canonical_value(found, question)
        return None


DEFAULT = ShortAnswer(
    (find_json_field, find_boxed, find_tag, find_marked, find_closing_letter, find_closing_number, find_short_text)
)
"""The finders of `default_key`."""

r"""`Finder` protocol, and the finders of two formats: `\boxed{...}` and `<answer>...</answer>`."""

import re
from typing import Protocol

from lightrouter_graph.answer_keys.question_type import read_question

_MAX_CHARS = 500
_LETTER = re.compile(r"\W*(?:text\w*\W*)?[A-J](?!\w)")
_BRACE = re.compile(r"[{}]")

UNCLEAR = "<unclear>"
"""Returned by a finder if its format is used without one clear answer. It is a placeholder, so the key is None."""


class Finder(Protocol):
    """Finds an answer in one format."""

    def __call__(self, text: str, question: str, *, finished: bool) -> str | None:
        """Find the answer.

        Args:
            text: The model response without reasoning.
            question: Text of the last human message; "" if unknown.
            finished: False for a truncated response, in which only a complete answer counts.

        Returns:
            The substring with the answer; None if the response does not use this format, so that the next finder is
            tried; `UNCLEAR` if it uses the format without one clear answer, which ends the search.
        """
        ...


def _closing_brace(text: str, start: int) -> int:
    """Return the index of the brace that closes the one before `start`; -1 if none does."""
    depth = 1
    for found in _BRACE.finditer(text, start, start + _MAX_CHARS):
        depth += 1 if found[0] == "{" else -1
        if not depth:
            return found.start()
    return -1


def find_boxed(text: str, question: str, *, finished: bool) -> str | None:  # noqa: ARG001
    r"""Find the content of the last `\boxed{...}`; see `Finder`.

    If the question has lettered options, a box without a letter is an intermediate result.
    """
    at = max(text.rfind("\\boxed{"), text.rfind("\\fbox{"))
    start = text.find("{", at) + 1 if at >= 0 else 0
    end = _closing_brace(text, start) if start else -1
    inside = text[start:end].strip() if end >= 0 else ""
    is_step = read_question(question).options and not _LETTER.match(inside)
    return inside if inside and not is_step else None


def find_tag(text: str, question: str, *, finished: bool) -> str | None:  # noqa: ARG001
    """Find the content of the last `<answer>...</answer>`; see `Finder`."""
    before, closing, _ = text.rpartition("</answer>")
    _, opening, inside = before.rpartition("<answer>")
    return inside.strip() or None if opening and closing and len(inside) <= _MAX_CHARS else None

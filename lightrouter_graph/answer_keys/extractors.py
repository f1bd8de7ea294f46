r"""What a finder is, and the two forms with brackets of their own: `\boxed{...}` and `<answer>...</answer>`.

A finder looks for an answer given in one particular form. It returns the answer as written; None when the text does
not use its form; and `UNCLEAR` when the text uses it without giving one clear answer, which ends the search.
"""

import re
from typing import Protocol

from lightrouter_graph.answer_keys.question_type import read_question

_MAX_BOX = 500
_LETTER = re.compile(r"\W*(?:text\w*\W*)?[A-J](?!\w)")
_BRACE = re.compile(r"[{}]")


UNCLEAR = "<unclear>"
"""What a finder returns when its form is used without one clear answer. It reads as a blank, which has no key."""


class Finder(Protocol):
    """Finds an answer given in one particular form."""

    def __call__(self, text: str, question: str, *, finished: bool) -> str | None:
        """Find the answer.

        Args:
            text: What the model wrote, without its thoughts.
            question: What was asked; "" when unknown.
            finished: Whether the model ended by itself. If not, the text may be cut anywhere, and only what is
                visibly complete is an answer.

        Returns:
            The answer as written; None when this form is not used; `UNCLEAR` when it is used without one clear answer.
        """
        ...


def _closing_brace(text: str, start: int) -> int:
    """Where the brace opened just before `start` closes, or -1."""
    depth = 1
    for found in _BRACE.finditer(text, start, start + _MAX_BOX):
        depth += 1 if found[0] == "{" else -1
        if not depth:
            return found.start()
    return -1


def find_boxed(text: str, question: str, *, finished: bool) -> str | None:  # noqa: ARG001
    r"""Find the content of the last `\boxed{...}`; none when that one is not closed.

    Where the question has options, a box with something else than a letter is a step of the calculation.
    """
    at = max(text.rfind("\\boxed{"), text.rfind("\\fbox{"))
    start = text.find("{", at) + 1 if at >= 0 else 0
    end = _closing_brace(text, start) if start else -1
    inside = text[start:end].strip() if end >= 0 else ""
    is_step = read_question(question).options and not _LETTER.match(inside)
    return inside if inside and not is_step else None


def find_tag(text: str, question: str, *, finished: bool) -> str | None:  # noqa: ARG001
    """Find the content of the last `<answer>...</answer>`."""
    before, closing, _ = text.rpartition("</answer>")
    _, opening, inside = before.rpartition("<answer>")
    return inside.strip() or None if opening and closing and len(inside) <= _MAX_BOX else None

r"""`Finder` protocol, and finders of a box, of a tag, and of an answer in the last sentence of a complete response."""

import re
from typing import Protocol

from lightrouter_graph.answer_keys.canonical import strip_markup
from lightrouter_graph.answer_keys.numbers import number_in_sentence, read_number
from lightrouter_graph.answer_keys.question_type import read_question

_MAX_CHARS = 500
_LETTER = re.compile(r"\W{0,20}(?:text\w{0,9}\W{0,9})?[A-J](?!\w)")
_BRACE = re.compile(r"[{}]")
_MAX_WORDS = 5
_TAIL = 600
_SENTENCES = re.compile(r"(?<=[.!?])\s{1,20}(?=[A-Z$\\*(])")
_END_TOKEN = re.compile(r"(?:</?\|?[a-zA-Z_]{1,30}\|?>|```)\Z")
_MAX_END_TOKEN = 40
_LONE_LETTER = re.compile(
    r"\(([A-J])\)|\*\*([A-J])(?:\*\*|[.:)])|\b(?:[Oo]ption|[Cc]hoice)(?: is)?:? ([A-J])(?=[.,:;)]|$)|^([A-J])[.):]"
)
_CALCULATOR = re.compile(r"<<[^<>]{0,200}>>")
_SENTENCE_MARKS = frozenset(".!*)$]")

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


def _without_end_tokens(text: str) -> str:
    """Remove chat-template tokens, fences and white space at the end."""
    text = text.rstrip()
    while found := _END_TOKEN.search(text, max(0, len(text) - _MAX_END_TOKEN)):
        text = text[: found.start()].rstrip()
    return text


def _last_sentence(text: str) -> str:
    tail = _without_end_tokens(text[-_TAIL:])
    return _SENTENCES.split(tail.rpartition("\n")[2])[-1].strip()


def find_closing_letter(text: str, question: str, *, finished: bool) -> str | None:
    """Find the option letter of the last sentence, if the question has lettered options; see `Finder`."""
    if not finished or not read_question(question).options:
        return None
    letters = {"".join(groups) for groups in _LONE_LETTER.findall(_last_sentence(text))}
    return letters.pop() if len(letters) == 1 else None


def find_closing_number(text: str, question: str, *, finished: bool) -> str | None:
    """Find the number of the last sentence, if the question contains numbers and asks for one; see `Finder`."""
    asked = read_question(question)
    if not finished or not asked.has_numbers or asked.options:
        return None
    sentence = _CALCULATOR.sub("", _last_sentence(text))
    value = sentence.removeprefix("A:")
    if (asked.wants_number or value != sentence) and read_number(strip_markup(value), any_unit=True) is not None:
        return value
    is_complete = asked.wants_number and sentence[-1:] in _SENTENCE_MARKS
    return number_in_sentence(sentence, asked.numbers) if is_complete else None


def find_short_text(text: str, question: str, *, finished: bool) -> str | None:  # noqa: ARG001
    """Return the response itself if it is one line of at most five words; see `Finder`."""
    if not finished:
        return None
    text = _without_end_tokens(text[:_MAX_CHARS]).strip()
    is_short = "\n" not in text and len(text) < 200 and len(text.split()) <= _MAX_WORDS
    return text or None if is_short else None

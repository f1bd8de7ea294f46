"""Finders for a complete response without a marker: the last sentence, or a response of a few words."""

import re

from lightrouter_graph.answer_keys.canonical import strip_markup
from lightrouter_graph.answer_keys.numbers import number_in_sentence, read_number
from lightrouter_graph.answer_keys.question_type import read_question

_MAX_WORDS = 5
_TAIL = 600
_SENTENCES = re.compile(r"(?<=[.!?])\s+(?=[A-Z$\\*(])")
# No string matches two alternatives: ambiguous ones would take exponential time on repeated template tokens.
_END_TOKENS = re.compile(r"(?:</?\|?[a-zA-Z_]{1,30}\|?>|```|\s)+$")
_LONE_LETTER = re.compile(
    r"\(([A-J])\)|\*\*([A-J])(?:\*\*|[.:)])|\b(?:[Oo]ption|[Cc]hoice)(?: is)?:? ([A-J])(?=[.,:;)]|$)|^([A-J])[.):]"
)
_CALCULATOR = re.compile(r"<<[^<>]{0,200}>>")
_SENTENCE_MARKS = frozenset(".!*)$]")


def _last_sentence(text: str) -> str:
    tail = _END_TOKENS.sub("", text[-_TAIL:])
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
    text = _END_TOKENS.sub("", text[:500]).strip()
    is_short = "\n" not in text and len(text) < 200 and len(text.split()) <= _MAX_WORDS
    return text or None if is_short else None

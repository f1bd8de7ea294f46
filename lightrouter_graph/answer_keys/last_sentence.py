"""The unmarked forms, in finished texts only: the closing sentence, or a text that is nothing but the answer."""

import re

from lightrouter_graph.answer_keys.canonical import strip_markup
from lightrouter_graph.answer_keys.numbers import read_number, said_number
from lightrouter_graph.answer_keys.question_type import read_question

SHORT_TEXT_WORDS = 5
_TAIL = 600
_SENTENCES = re.compile(r"(?<=[.!?])\s+(?=[A-Z$\\*(])")
_AFTER_END = re.compile(r"(?:</?[a-zA-Z_|]{1,20}>|<\|[a-z_]{1,30}\|>|```|\s)+$")
_LONE_LETTER = re.compile(
    r"\(([A-J])\)|\*\*([A-J])(?:\*\*|[.:)])|\b(?:[Oo]ption|[Cc]hoice)(?: is)?:? ([A-J])(?=[.,:;)]|$)|^([A-J])[.):]"
)
_CALCULATOR = re.compile(r"<<[^<>]{0,200}>>")
_SENTENCE_MARKS = frozenset(".!*)$]")


def _closing_sentence(text: str) -> str:
    tail = _AFTER_END.sub("", text[-_TAIL:])
    return _SENTENCES.split(tail.rpartition("\n")[2])[-1].strip()


def find_closing_letter(text: str, question: str, *, finished: bool) -> str | None:
    """Find the one option letter of the closing sentence, where the question has options."""
    if not finished or not read_question(question).options:
        return None
    letters = {"".join(groups) for groups in _LONE_LETTER.findall(_closing_sentence(text))}
    return letters.pop() if len(letters) == 1 else None


def find_closing_number(text: str, question: str, *, finished: bool) -> str | None:
    """Find the number of the closing sentence, where the question gives figures and asks for one."""
    asked = read_question(question)
    if not finished or not asked.gives_figures or asked.options:
        return None
    closing = _CALCULATOR.sub("", _closing_sentence(text))
    labelled = closing.removeprefix("A:")
    if (asked.wants_number or labelled != closing) and read_number(strip_markup(labelled), any_unit=True) is not None:
        return labelled
    ends = asked.wants_number and closing[-1:] in _SENTENCE_MARKS
    return said_number(closing, asked.numbers) if ends else None


def find_short_text(text: str, question: str, *, finished: bool) -> str | None:  # noqa: ARG001
    """Find the whole text, when it is a single line of a few words."""
    text = _AFTER_END.sub("", text[:500]).strip()
    is_short = finished and "\n" not in text and len(text) < 200 and len(text.split()) <= SHORT_TEXT_WORDS
    return text or None if is_short else None

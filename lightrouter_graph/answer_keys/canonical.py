"""Canonical form of a short answer: an option letter, a number, a literal, a formula or a few words."""

import re
import unicodedata
from functools import lru_cache

from lightrouter_graph.answer_keys.latex import canonical_formula, plain_latex
from lightrouter_graph.answer_keys.literals import read_literal, unescape, unquote_literal
from lightrouter_graph.answer_keys.numbers import number_in_sentence, read_number
from lightrouter_graph.answer_keys.question_type import Question, read_question

_MAX_CHARS = 2_000
_MAX_WORDS = 12  # a longer string is prose
_MAX_NUMBER_WORDS = 2  # words in place of a number, as in "no solution"
_MAX_PHRASE_WORDS = 2
_MAX_NAME_WORDS = 5

_EMPHASIS = ("**", "__", "`", "*")
_QUOTES = ('""', "''", "“”", "\u2018\u2019", "«»")
_NAME_FIRST = re.compile(r"^\(?[A-Za-z](?:\([a-z]\)|_\w|_\{\w+\})?\)?\s*(?:=|≈|\\approx)\s*(?=[^=\s])")
_FORMULA_WORD = re.compile(r"(?:sqrt|log|ln|sin|cos|tan|pi|inf|mod|frac|cot|sec|csc|arc\w{3})(?![a-z])")
_FORMULA = re.compile(r"[\\^_=/*+<>{}|\d°]")
_WORD = re.compile(r"[^\W\d_]{3}")
_LETTER = re.compile(
    r"(?i:(?:option|choice|answer)\s{1,9})?[(\[]?\*{0,4}(?P<letter>[A-J])\*{0,4}[)\]]?"
    r"(?:\s{0,9}[.:),]\s{0,9}|\s{1,9}(?=[(:-])|\s{0,9}$)(?P<rest>.*)",
    re.DOTALL,
)
_ANOTHER_LETTER = re.compile(r"(?:^|\b(?:and|or|&)\s|,\s?)[(\[]?[A-J](?![\w'.])")
# Emoji, check marks and the end-of-proof sign that chat models put around an answer. "°" and "™" are part of a value.
_MARK = "[\u2300-\u23ff\u25a0-\u27bf\u2b00-\u2bff\u220e\U0001f000-\U0001faff\u200d\ufe0f]"
_DECORATION = re.compile(rf"^(?:{_MARK}\s{{0,9}}){{1,20}}|\s{{0,9}}(?:{_MARK}\s{{0,9}}){{1,20}}$|\s{{1,9}}[:;]-?[)D]$")
_IN_BRACKETS = re.compile(r"<\s?([^<>a-zA-Z]{0,38}\d[^<>]{0,38}|[A-J])\s?>")  # as copied from "The answer is <number>."
_PUNCTUATION = ".,;:!?\"'()[]*`“”\u2018\u2019«»"
_OPENING = frozenset("[{('\"")
_ARTICLES = frozenset({"a", "an", "the"})
_REFUSAL = re.compile(
    r"(?i)^(?:i (?:can'?t|cannot|can not|don'?t|do not|am unable|am not able)|i'm (?:unable|not able|sorry)|"
    r"(?:it )?(?:cannot|can'?t|can not|could not) be (?:determined|computed|calculated|found|solved|answered)|"
    r"(?:not enough|insufficient) (?:information|data)|unknown$|unclear$|unsure$|not sure$|n/?a$|none of the above$|"
    r"not (?:possible|available|applicable|provided|in the options|listed|a |the |an )|undetermined$|impossible to|"
    r"no (?:answer|valid answer)|error$|todo$)"
)
_PLACEHOLDER = re.compile(
    r"[_…?]{2,}|\.{3,}|<(?![A-J]>)[^\W\d]{1,30}(?: \w{1,30}){0,4}>|<[ _]{0,30}>|"
    r"\[(?:your|final|the)? ?answer\]|your (?:final )?answer\.?"
)


def strip_markup(text: str) -> str:
    """Remove emphasis, full stops and emoji around `text`, and angle brackets around a number or letter.

    Args:
        text: One line or a few words, e.g. `**42.**`.
    """
    text = text.strip()
    text = _DECORATION.sub("", text).strip() or text
    if found := _IN_BRACKETS.fullmatch(text.rstrip(" .")):
        text = found[1].strip()
    for mark in _EMPHASIS:
        inner = text.rstrip(" .")
        if len(inner) > 2 * len(mark) and inner.startswith(mark) and inner.endswith(mark):
            text = inner[len(mark) : -len(mark)].strip()
    return text


def _unquote(text: str) -> str:
    if len(text) > 2 and text[0] + text[-1] in _QUOTES and text[0] not in text[1:-1]:
        return text[1:-1].strip()
    return text


def is_placeholder(text: str) -> bool:
    """Return True if `text` is a placeholder such as "___" or "<answer>".

    Args:
        text: An extracted answer; above 40 characters it is none.
    """
    return len(text) <= 40 and bool(_PLACEHOLDER.fullmatch(text.strip()))


def is_symbolic(text: str) -> bool:
    """Return True if `text` is a letter, a number, a literal or a formula.

    Args:
        text: An extracted answer, with or without Markdown and LaTeX.
    """
    text = plain_latex(strip_markup(text))
    if len(text) > _MAX_CHARS or not text:
        return False
    return bool(
        _LETTER.fullmatch(text)
        or read_number(text, any_unit=True) is not None
        or read_literal(text) is not None
        or _is_formula(text)
    )


def _is_formula(text: str) -> bool:
    return bool(_FORMULA.search(text)) and not _WORD.search(_FORMULA_WORD.sub("", text))


def is_short_phrase(text: str) -> bool:
    """Return True if `text` has one or two words, or up to five capitalized ones; more are part of a sentence.

    Args:
        text: An extracted answer; articles and punctuation are not counted.
    """
    words = _words(text)
    return 0 < len(words) <= _MAX_PHRASE_WORDS or (len(words) <= _MAX_NAME_WORDS and all(w[0].isupper() for w in words))


def _words(text: str) -> list[str]:
    """Return the words without articles and punctuation."""
    words = (word.strip(_PUNCTUATION) for word in text.split())
    return [word for word in words if word and word.lower() not in _ARTICLES]


def _canonical_option(text: str, question: Question) -> str | None:
    """Return the letter of the option with this letter or text; None if there is not exactly one."""
    found = _LETTER.fullmatch(text)
    if found and found["letter"] in question.options and not _ANOTHER_LETTER.search(found["rest"]):
        return found["letter"]
    value = _canonical_open(text, question)
    same = [
        letter for letter, option in question.options.items() if value and _canonical_open(option, question) == value
    ]
    return same[0] if len(same) == 1 else None


def _canonical_number(text: str, asked: Question) -> str | None:
    """Return the number that a string is; if the question asks for one, also the number that a sentence states."""
    percent = not asked.wants_percent
    number = read_number(_NAME_FIRST.sub("", text), any_unit=asked.wants_number, percent=percent)
    if number is None and asked.wants_number and len(text.split()) > 2:
        found = number_in_sentence(text, asked.numbers)
        return found and read_number(found, percent=percent)
    return number


def _canonical_open(text: str, asked: Question) -> str | None:
    """Return the canonical form of a number, a literal, a formula or words."""
    text = plain_latex(_unquote(strip_markup(text)))
    number = _canonical_number(text, asked)
    if number is not None:
        return number
    text = strip_markup(_NAME_FIRST.sub("", text))
    if len(text.split()) > _MAX_WORDS or _REFUSAL.match(text):
        return None
    if text[:1] in "[{(" and (literal := read_literal(text)) is not None:
        return literal
    if _is_formula(text):
        return canonical_formula(text.rstrip("."))
    words = _words(unicodedata.normalize("NFKC", text).casefold())
    return None if asked.wants_number and len(words) > _MAX_NUMBER_WORDS else " ".join(words) or None


def _canonical_code(text: str) -> str | None:
    """Return the canonical literal, else the string itself with letter case and white space."""
    text = strip_markup(text) if text[:1] in {"`", "*"} else text
    bare = text.strip()
    padded = bare != text and bare[:1] not in _OPENING  # white space is part of an answer such as `1 `
    literal = None if padded else read_literal(bare)
    return unquote_literal(literal) if literal else repr(unescape(text))


def _canonical(text: str, asked: Question) -> str | None:
    if len(text) > _MAX_CHARS or is_placeholder(text):
        return None
    if asked.options:
        return _canonical_option(strip_markup(plain_latex(strip_markup(text))), asked)
    return _canonical_code(text) if asked.about_code else _canonical_open(text, asked)


@lru_cache(maxsize=1024)
def canonical_value(text: str, question: str = "") -> str | None:
    r"""Return the canonical form of a short answer.

    Args:
        text: The answer as a string, with or without markup, quotes and unit.
        question: The question. With lettered options the canonical form is a letter; in code, letter case counts; for a
            quantity any unit is removed; for a percentage "50%" equals "50".

    Returns:
        A string that is its own canonical form; None if `text` is not a short answer.

    >>> [canonical_value(text) for text in ("1,234.50", "$12", r"\frac{1}{2}", "x = .5", "50%", "The Nile.")]
    ['1234.5', '12', '0.5', '0.5', '50%', 'nile']
    """
    asked = read_question(question)
    value = _canonical(text, asked)
    for _ in range(3):
        again = None if value is None else _canonical(value, asked)
        if again == value:
            return value
        value = again
    return None

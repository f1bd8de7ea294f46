"""A found answer in canonical form: the letter, the number, the literal, the formula or the few words it is."""

import re
import unicodedata
from functools import lru_cache

from lightrouter_graph.answer_keys.latex import plain_latex, spell_formula
from lightrouter_graph.answer_keys.literals import read_literal, spell_string, unescape, unquote_literal
from lightrouter_graph.answer_keys.numbers import read_number, said_number
from lightrouter_graph.answer_keys.question_type import Question, read_question

MAX_CHARACTERS = 2_000
MAX_WORDS = 12
"""A longer text is prose, not a short answer."""
MAX_NUMBER_WORDS = 2
"""Where a number is asked for, words are an answer only as "no solution" is; longer, they are a remark."""
MAX_PHRASE_WORDS = 2
MAX_NAME_WORDS = 5

_EMPHASIS = ("**", "__", "`", "*")
_QUOTES = ('""', "''", "“”", "\u2018\u2019", "«»")
_NAME_FIRST = re.compile(r"^\(?[A-Za-z](?:\([a-z]\)|_\w|_\{\w+\})?\)?\s*(?:=|≈|\\approx)\s*(?=[^=\s])")
_FORMULA_WORD = re.compile(r"(?:sqrt|log|ln|sin|cos|tan|pi|inf|mod|frac|cot|sec|csc|arc\w{3})(?![a-z])")
_FORMULA = re.compile(r"[\\^_=/*+<>{}|\d°]")
_WORD = re.compile(r"[^\W\d_]{3}")
_LETTER = re.compile(
    r"(?i:(?:option|choice|answer)\s+)?[(\[]?\**(?P<letter>[A-J])\**[)\]]?(?:\s*[.:),]\s*|\s+(?=[(:-])|\s*$)(?P<rest>.*)",
    re.DOTALL,
)
_ANOTHER_LETTER = re.compile(r"(?:^|\b(?:and|or|&)\s|,\s?)[(\[]?[A-J](?![\w'.])")
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
_PLACEHOLDER = re.compile(r"[_…?]{2,}|\.{3,}|<[\w ]{0,30}>|\[(?:your|final|the)? ?answer\]|your (?:final )?answer\.?")


def strip_markup(text: str) -> str:
    """Take off the emphasis and full stops around a value."""
    text = text.strip()
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
    """Whether a value is the blank of a form ("___", "<answer>") and not filled in."""
    return len(text) <= 40 and bool(_PLACEHOLDER.fullmatch(text.strip()))


def is_symbolic(text: str) -> bool:
    """Whether a value is a letter, a number, a literal or a formula: recognisable without looking at the question."""
    text = plain_latex(strip_markup(text))
    if len(text) > MAX_CHARACTERS or not text:
        return False
    return bool(
        _LETTER.fullmatch(text)
        or read_number(text, any_unit=True) is not None
        or read_literal(text) is not None
        or (_FORMULA.search(text) and not _WORD.search(_FORMULA_WORD.sub("", text)))
    )


def is_short_phrase(text: str) -> bool:
    """Whether a value is one or two words, or a name of up to five: more is the rest of a sentence."""
    words = [word.strip(_PUNCTUATION) for word in text.split()]
    words = [word for word in words if word and word.lower() not in _ARTICLES]
    return 0 < len(words) <= MAX_PHRASE_WORDS or (len(words) <= MAX_NAME_WORDS and all(w[0].isupper() for w in words))


def _spell_words(text: str) -> str | None:
    words = [word.strip(_PUNCTUATION) for word in unicodedata.normalize("NFKC", text).casefold().split()]
    kept = [word for word in words if word and word not in _ARTICLES]
    return " ".join(kept) or None


def _spell_letter(text: str, question: Question) -> str | None:
    """The option meant, by its letter or by its text; None when there is not exactly one."""
    found = _LETTER.fullmatch(text)
    if found and found["letter"] in question.options and not _ANOTHER_LETTER.search(found["rest"]):
        return found["letter"]
    spelled = _spell_open(text, question)
    same = [
        letter for letter, option in question.options.items() if spelled and _spell_open(option, question) == spelled
    ]
    return same[0] if len(same) == 1 else None


def _spell_number(text: str, asked: Question) -> str | None:
    """The number a text is, or where a number is asked for, the one it says in a sentence."""
    percent = not asked.wants_percent
    number = read_number(_NAME_FIRST.sub("", text), any_unit=asked.wants_number, percent=percent)
    if number is None and asked.wants_number and len(text.split()) > 2:
        said = said_number(text, asked.numbers)
        return said and read_number(said, percent=percent)
    return number


def _spell_open(text: str, asked: Question) -> str | None:
    """A number, a formula, a literal or words, whichever the text is."""
    text = plain_latex(_unquote(strip_markup(text)))
    number = _spell_number(text, asked)
    if number is not None:
        return number
    text = _NAME_FIRST.sub("", text)
    text = strip_markup(text)
    if len(text.split()) > MAX_WORDS or _REFUSAL.match(text):
        return None
    if text[:1] in "[{(" and (literal := read_literal(text)) is not None:
        return literal
    wordless = _FORMULA_WORD.sub("", text)
    if _FORMULA.search(text) and not _WORD.search(wordless):
        return spell_formula(text.rstrip("."))
    words = _spell_words(text)
    return None if words and asked.wants_number and len(words.split()) > MAX_NUMBER_WORDS else words


def _spell_code(text: str) -> str | None:
    """A literal, or else the text as a string: letter case and white space count."""
    text = strip_markup(text) if text[:1] in {"`", "*"} else text
    bare = text.strip()
    padded = bare != text and bare[:1] not in _OPENING  # the blank belongs to an answer such as `1 `
    literal = None if padded else read_literal(bare)
    return unquote_literal(literal) if literal else spell_string(unescape(text))


def _spell(text: str, asked: Question) -> str | None:
    if len(text) > MAX_CHARACTERS or is_placeholder(text):
        return None
    if asked.options:
        return _spell_letter(strip_markup(plain_latex(strip_markup(text))), asked)
    return _spell_code(text) if asked.about_code else _spell_open(text, asked)


@lru_cache(maxsize=1024)
def canonical_value(text: str, question: str = "") -> str | None:
    r"""Bring a short answer into canonical form.

    Args:
        text: The answer alone, perhaps with markup, quotes or a unit around it.
        question: What was asked. Lettered options turn the answer into a letter; code keeps its letter case; a
            quantity lets any unit be dropped; a percentage makes "50%" and "50" one answer.

    Returns:
        The canonical form, or None when `text` is no short answer. Canonical forms are their own canonical form.

    >>> [canonical_value(text) for text in ("1,234.50", "$12", r"\frac{1}{2}", "x = .5", "50%", "The Nile.")]
    ['1234.5', '12', '0.5', '0.5', '50%', 'nile']
    """
    asked = read_question(question)
    spelled = _spell(text, asked)
    for _ in range(3):
        again = None if spelled is None else _spell(spelled, asked)
        if again == spelled:
            return spelled
        spelled = again
    return None

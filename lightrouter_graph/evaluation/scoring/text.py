"""`Scorer` protocol, and the scorers that compare text: recorded scores, exact answers, letters and numbers."""

import math
import re
from fractions import Fraction
from typing import Protocol

from lightrouter_graph.answer_keys import ExactText, canonical_value, default_key
from lightrouter_graph.answer_keys.numbers import read_number
from lightrouter_graph.answer_keys.question_type import read_question
from lightrouter_graph.evaluation.questions import Question

_whole_text = ExactText()

_ANSWER_IS = re.compile(r"answer is \(?([A-J])\)?(?![\w'])")
_ANSWER = re.compile(r"[Aa]nswer:[ \t]*(?:\*\*)?[ \t]*\(?([A-J])\)?(?![\w'])")
_SINGLE = re.compile(r"\b([A-J])\b(?!')")

_TOLERANCE = 1e-6
"""Relative tolerance if one of the numbers is not an integer, because models round."""

_LAST = re.compile(
    r"[-\u2212]?[$€£]?(?:\d{1,3}(?:,\d{3}){1,20}|\d{1,60})(?:\.\d{1,60})?"
    r"(?:\s?/\s?\d{1,60})?(?:\s?\\?%)?(?![\w.]{0,60}\d)"
)
_MAX_TAIL = 2000


class Scorer(Protocol):
    """Scores one answer."""

    async def score(self, question: Question, text: str) -> float | None:
        """Score one answer.

        Args:
            question: The question with its reference or recorded outputs.
            text: The whole answer.

        Returns:
            0 (wrong) to 1 (right); None if the question has nothing to compare with.
        """
        ...


class RecordedScorer:
    """The score of the first scored output with exactly this text; None if there is none."""

    async def score(self, question: Question, text: str) -> float | None:
        """Score one answer; see `Scorer`."""
        outputs = [one for output in question.outputs.values() for one in (output, *output.samples)]
        return next((one.score for one in outputs if one.text == text and one.score is not None), None)


class ExactScorer:
    """1 if the answer key of a text, or the whole text, equals the reference; None without a reference.

    White space, markup, quotes, articles and the case of words are ignored, except in questions about code.

    Source: the comparison of `lightrouter_graph.answer_keys`, which also defines agreement between candidates.
    """

    async def score(self, question: Question, text: str) -> float | None:
        """Score one answer; see `Scorer`."""
        if question.reference is None:
            return None
        if _whole_text(text) is not None and _whole_text(text) == _whole_text(question.reference):
            return 1.0
        right = canonical_value(question.reference, question.text)
        return float(right is not None and default_key(text, question.text) == right)


class LetterScorer:
    """1 if an answer has the letter of the reference; None if the reference is not a letter from A to J.

    The first matching rule of the published MMLU-Pro evaluation decides: "answer is (X)", the answer key of the text,
    "Answer: X", the last single capital letter A to J. A text without a letter is wrong.

    Source: the evaluation of TIGER-Lab/MMLU-Pro. Deviation: it draws a random letter for a text without one, and does
    not use the answer keys of `lightrouter_graph.answer_keys`.
    """

    async def score(self, question: Question, text: str) -> float | None:
        """Score one answer; see `Scorer`."""
        right = (question.reference or "").strip().strip("()").upper()
        if right not in {*"ABCDEFGHIJ"}:
            return None
        return float(read_letter(text, question.text) == right)


def read_letter(text: str, question: str) -> str | None:
    """Return the letter of an answer; None if there is none.

    Args:
        text: The whole answer.
        question: Text of the question, with its options.
    """
    if found := _ANSWER_IS.search(text):
        return found[1]
    key = default_key(text, question)
    if key is not None and key in {*"ABCDEFGHIJ"}:
        return key
    if found := _ANSWER.search(text):
        return found[1]
    options = read_question(question).options or "ABCDEFGHIJ"
    single = [letter for letter in _SINGLE.findall(text) if letter in options]  # with four options, "I" is a word
    return single[-1] if single else None


class NumberScorer:
    """1 if the number of an answer equals the reference; None if the reference is not a number.

    The number is the answer key of the text, else the last number in it. Thousands separators, currency signs and units
    are ignored. A percentage equals its number and its value: 50 % equals 50 and 0.5.
    """

    async def score(self, question: Question, text: str) -> float | None:
        """Score one answer; see `Scorer`."""
        right = _reference_values(question.reference or "", question.text)
        if not right:
            return None
        key = default_key(text, question.text)
        found = _last_number(text) if key is None else _values(key)
        return float(any(_equal(one, other) for one in found for other in right))


def _last_number(text: str) -> set[Fraction]:
    found = _LAST.findall(text[-_MAX_TAIL:])
    return _values(read_number(found[-1].replace("\\", "")) or "") if found else set()


def _reference_values(reference: str, question: str) -> set[Fraction]:
    return _values(read_number(reference, any_unit=True) or canonical_value(reference, question) or "")


def _values(canonical: str) -> set[Fraction]:
    """Return the possible values of a number in canonical form; empty if it is not a number."""
    try:
        value = Fraction(canonical.removesuffix("%"))
    except (ValueError, ZeroDivisionError):
        return set()
    return {value, value / 100} if canonical.endswith("%") else {value}


def _equal(one: Fraction, other: Fraction) -> bool:
    if one.denominator == other.denominator == 1:
        return one == other
    return one == other or math.isclose(one, other, rel_tol=_TOLERANCE)

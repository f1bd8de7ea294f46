"""Answers that are numbers: right when they are equal, in whatever writing."""

import math
import re
from fractions import Fraction

from lightrouter_graph.answer_keys import canonical_value, default_key
from lightrouter_graph.answer_keys.numbers import read_number
from lightrouter_graph.evaluation.questions import Question

_CLOSE = 1e-6
"""Numbers of which one is not whole may differ by so much, relatively: models round."""

_LAST = re.compile(r"[-\u2212]?[$€£]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:\s?/\s?\d+)?(?:\s?\\?%)?(?![\w.]*\d)")
_LONGEST_TAIL = 2000


class NumberScorer:
    """1 where the number an answer gives equals the reference.

    The number is the short answer of the text, and where that is none, the last number in it. Thousands separators,
    currency signs and units do not count. A percentage equals both its figure and what it stands for: 50%, 50, 0.5.
    """

    async def score(self, question: Question, text: str) -> float | None:
        """Score one answer; None without a reference that is a number."""
        right = _read(question.reference or "", question.text)
        if not right:
            return None
        said = _said(text, question.text)
        return float(any(_equal(one, other) for one in said for other in right))


def _said(text: str, question: str) -> set[Fraction]:
    key = default_key(text, question)
    return _last(text) if key is None else _values(key)


def _last(text: str) -> set[Fraction]:
    found = _LAST.findall(text[-_LONGEST_TAIL:])
    return _values(read_number(found[-1].replace("\\", "")) or "") if found else set()


def _read(written: str, question: str) -> set[Fraction]:
    return _values(read_number(written, any_unit=True) or canonical_value(written, question) or "")


def _values(spelled: str) -> set[Fraction]:
    """The values a number in canonical spelling may have; none where it is no number."""
    try:
        value = Fraction(spelled.removesuffix("%"))
    except (ValueError, ZeroDivisionError):
        return set()
    return {value, value / 100} if spelled.endswith("%") else {value}


def _equal(one: Fraction, other: Fraction) -> bool:
    if one.denominator == other.denominator == 1:
        return one == other
    return one == other or math.isclose(one, other, rel_tol=_CLOSE)

"""Scores numbers: equal values, however they are written."""

import math
import re
from fractions import Fraction

from lightrouter_graph.answer_keys import canonical_value, default_key
from lightrouter_graph.answer_keys.numbers import read_number
from lightrouter_graph.evaluation.questions import Question

_TOLERANCE = 1e-6
"""Relative tolerance if one of the numbers is not an integer, because models round."""

_LAST = re.compile(r"[-\u2212]?[$€£]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:\s?/\s?\d+)?(?:\s?\\?%)?(?![\w.]*\d)")
_MAX_TAIL = 2000


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

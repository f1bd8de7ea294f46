"""Canonical form of numbers: `1,234.50`, `$1234.5` and `2469/2` are all `1234.5`."""

import re
from fractions import Fraction

_MAX_EXPONENT = 40
# At most 40 digits, which bounds the time; longer numbers are compared as strings.
_DIGITS = r"(?:\d{1,3}(?:,\d{3})+|\d{1,40})(?:\.\d{1,40})?|\.\d{1,40}"
_ABOUT = re.compile(r"(?i)^(?:approximately|approx\.?|about|around|roughly|nearly|exactly|only|[≈~≃]|\\approx)\s*")
_CURRENCY = r"(?:US|USD|EUR|GBP|CAD|AUD)?\s?[$€£¥₹]"
_NUMBER = re.compile(
    rf"(?P<sign>[-+]?)\s?(?P<money>{_CURRENCY})?\s?(?P<inner>[-+]?)"
    rf"(?:(?P<whole>\d{{1,9}})[ +](?=\d{{1,9}}/))?(?P<value>{_DIGITS})(?:\s?/\s?(?P<under>{_DIGITS}))?"
    r"(?:[eE](?P<e>[-+]?\d{1,3})(?![\w.])|\s?[*x\u00d7]\s?10\^?\s?[({]?(?P<ten>[-+]?\d{1,3})[)}]?(?!\d))?"
)
_POWER_OF_TEN = re.compile(r"10\^[({]?([-+]?\d{1,3})[)}]?")
_PERCENT = re.compile(r"(?i)^\s?(?:%|percent\b|per cent\b)")
_SCALE = re.compile(r"(?i)^\s?(thousand|million|billion|trillion)\b")
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_KNOWN_UNIT = re.compile(
    r"°[cf]?|degrees?|celsius|fahrenheit|dollars?|cents?|euros?|pounds?|usd|(?:kilo|centi|milli)?met(?:er|re)s?|"
    r"(?:kilo|milli)?grams?|(?:milli)?lit(?:er|re)s?|[ckm]?m|[km]?g|m?l|km/h|kmh|mph|m/s|inch(?:es)?|feet|foot|ft|"
    r"(?:yard|mile|second|minute|hour|day|week|month|year|unit)s?|square|sq|cubic|per"
)
_UNIT_POWER = re.compile(r"\^?[23²³]$")
_ANY_UNIT = re.compile(r"/?[^\W\d_]{2,}(?:[ /'\u2019-]{1,2}[^\W\d_]+){0,3}(?:\^?[23²³])?\.?")
_NO_UNIT = re.compile(
    r"(?i)\b(?:and|or|to|plus|minus|more|less|fewer|than|mod|modulo|if|when|then|not|but|am|pm|[ap]\.m|"
    r"hundred|dozens?|pi|sqrt|log|ln|sin|cos|tan|of|out|by|x|y|z|n|i|e|k)\b"
)
_IN_TEXT = re.compile(
    rf"(?<![\w.,/^])-?(?:{_CURRENCY})?\s?(?:{_DIGITS})"
    r"(?:\s?%|\s(?:thousand|million|billion|trillion)\b)?(?![\w^]|/\s?\d|[.,:]\d)"
)
_OPERATOR = re.compile(r"[+^\u00d7÷<>]|[\w)$](?: [-\u2212*] |[-\u2212*])[\d($]|/ ?[\d(]")
_ANOTHER = re.compile(r"\s{0,9}(?:,|,? ?(?:or|and))\s{1,9}[-$]{0,2}\d")
_NEXT_EQUATION = re.compile(r"\b(?:and|or)\b|[,;] ")


def _amount(found: re.Match[str]) -> Fraction | None:
    """Compute the number of a match of `_NUMBER`; None for a division by zero or a large exponent."""
    value, under = (Fraction((found[name] or "1").replace(",", "")) for name in ("value", "under"))
    exponent = int(found["e"] or found["ten"] or 0)
    if not under or abs(exponent) > _MAX_EXPONENT:
        return None
    amount = (value / under + int(found["whole"] or 0)) * Fraction(10) ** exponent
    return -amount if (found["sign"] == "-") != (found["inner"] == "-") else amount


def canonical_number(amount: Fraction) -> str:
    """Return an `amount` as a string: a decimal if that is exact, else a reduced fraction.

    Args:
        amount: An exact number without unit.
    """
    shift = amount.denominator.bit_length()  # decimal places: a product of twos and fives divides this power of ten
    if 10**shift % amount.denominator:
        return f"{amount.numerator}/{amount.denominator}"
    digits = str(abs(amount.numerator) * 10**shift // amount.denominator).rjust(shift + 1, "0")
    whole, part = digits[: len(digits) - shift], digits[len(digits) - shift :].rstrip("0")
    sign = "-" if amount < 0 else ""
    return f"{sign}{whole}.{part}" if part else f"{sign}{whole}"


def _is_unit(rest: str, *, any_unit: bool) -> bool:
    words = rest.lower().rstrip(".").split()
    is_known = all(_KNOWN_UNIT.fullmatch(_UNIT_POWER.sub("", word)) for word in words)
    return is_known or (any_unit and bool(_ANY_UNIT.fullmatch(rest)) and not _NO_UNIT.search(rest))


def read_number(text: str, *, any_unit: bool = False, percent: bool = True) -> str | None:
    """Parse a string that is one number, with an optional currency sign and unit.

    Args:
        text: A string without markup.
        any_unit: Treat up to four words after the number as its unit ("12 red apples"). By default only known units
            are, so that "3 Doors Down" stays a name.
        percent: Keep a percent sign; if False, "50%" returns "50".

    Returns:
        The canonical string, with "%" for a percentage; None if the string is not one number.
    """
    text = _ABOUT.sub("", text.strip().replace("\u2212", "-")).rstrip(" .")
    if power := _POWER_OF_TEN.fullmatch(text):
        text = f"1e{power[1]}"
    found = _NUMBER.match(text)
    amount = _amount(found) if found else None
    if found is None or amount is None:
        return None
    rest = text[found.end() :]
    if scale := _SCALE.match(rest):
        amount, rest = amount * _SCALES[scale[1].lower()], rest[scale.end() :]
    sign = _PERCENT.match(rest)
    rest = (rest[sign.end() :] if sign else rest).strip()
    if rest and not _is_unit(rest, any_unit=any_unit):
        return None
    return canonical_number(amount) + ("%" if sign and percent else "")


def numbers_in(text: str) -> frozenset[str]:
    """Return the canonical forms of all numbers in a `text`.

    Args:
        text: A question or an answer of any length.
    """
    return frozenset(number for found in _IN_TEXT.findall(text) if (number := read_number(found)) is not None)


def _result(sentence: str) -> str | None:
    """Return the result of the only equation of a sentence as a string; None for several equations or results."""
    _, *middle, last = sentence.split("=")
    last = last.lstrip(" $*\\([")
    found = _IN_TEXT.match(last)
    several = _NEXT_EQUATION.search("=".join(middle)) or (found and _ANOTHER.match(last, found.end()))
    return found[0] if found and not several and not _OPERATOR.search(last) else None


def number_in_sentence(sentence: str, given: frozenset[str] = frozenset()) -> str | None:
    """Find the number that a `sentence` states.

    It is the result of the only equation, the only number, or the only one that is not `given` by the question (in
    canonical form). None if there is no such number.

    Args:
        sentence: One sentence of a response.
        given: Canonical numbers of the question, which an answer repeats.
    """
    if "=" in sentence:
        return _result(sentence)
    if _OPERATOR.search(sentence):
        return None
    numbers = {read_number(found): found for found in _IN_TEXT.findall(sentence)}
    numbers.pop(None, None)
    new = {number: found for number, found in numbers.items() if number not in given}
    only = numbers if len(numbers) == 1 else new
    return only.popitem()[1] if len(only) == 1 else None

"""Numbers in one spelling: `1,234.50`, `$1234.5` and `2469/2` are all `1234.5`."""

import re
from fractions import Fraction

_MAX_EXPONENT = 40
# At most 40 digits: longer numbers are compared as text, which keeps hostile input cheap.
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
_ANOTHER = re.compile(r"\s*(?:,|,? ?(?:or|and))\s+[-$]{0,2}\d")
_NEXT_EQUATION = re.compile(r"\b(?:and|or)\b|[,;] ")


def _decimal(digits: str) -> Fraction:
    return Fraction(digits.replace(",", ""))


def _amount(found: re.Match[str]) -> Fraction | None:
    """The number a match of `_NUMBER` stands for; None for a division by zero or an exponent out of range."""
    amount = _decimal(found["value"])
    if found["under"]:
        under = _decimal(found["under"])
        if not under:
            return None
        amount /= under
    if found["whole"]:
        amount += int(found["whole"])
    exponent = int(found["e"] or found["ten"] or 0)
    if abs(exponent) > _MAX_EXPONENT:
        return None
    amount *= Fraction(10) ** exponent
    return -amount if (found["sign"] == "-") != (found["inner"] == "-") else amount


def spell_number(amount: Fraction) -> str:
    """Write a number in its one spelling: a decimal where that is exact, else a reduced fraction."""
    under, shift = amount.denominator, 0
    while under % 10 == 0 or under % 5 == 0 or under % 2 == 0:
        under, shift = under // (10 if under % 10 == 0 else 5 if under % 5 == 0 else 2), shift + 1
    if under != 1:
        return f"{amount.numerator}/{amount.denominator}"
    digits = str(abs(amount.numerator) * 10**shift // amount.denominator).rjust(shift + 1, "0")
    whole, part = digits[: len(digits) - shift], digits[len(digits) - shift :].rstrip("0")
    sign = "-" if amount < 0 else ""
    return f"{sign}{whole}.{part}" if part else f"{sign}{whole}"


def _is_unit(rest: str, *, any_unit: bool) -> bool:
    words = rest.lower().rstrip(".").split()
    if all(_KNOWN_UNIT.fullmatch(_UNIT_POWER.sub("", word)) for word in words):
        return True
    return any_unit and bool(_ANY_UNIT.fullmatch(rest)) and not _NO_UNIT.search(rest)


def read_number(text: str, *, any_unit: bool = False, percent: bool = True) -> str | None:
    """Read a text that is one number, perhaps with a currency sign and a unit.

    Args:
        text: The candidate, free of markup.
        any_unit: Whether up to four words after the number are taken for its unit ("12 red apples"). Without it
            only well-known units are dropped, so that "3 Doors Down" stays a name.
        percent: Whether a percent sign is kept in the spelling. Without it "50%" is "50".

    Returns:
        The number's one spelling, with "%" appended for a percentage, or None when `text` is not one number.
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
    return spell_number(amount) + ("%" if sign and percent else "")


def numbers_in(text: str) -> frozenset[str]:
    """The spellings of all numbers that stand in a text."""
    return frozenset(spelled for found in _IN_TEXT.findall(text) if (spelled := read_number(found)) is not None)


def _result(sentence: str) -> str | None:
    """What a sentence with one equation ends on; None when there are several, or more than a number."""
    _, *middle, last = sentence.split("=")
    last = last.lstrip(" $*\\([")
    found = _IN_TEXT.match(last)
    several = _NEXT_EQUATION.search("=".join(middle)) or (found and _ANOTHER.match(last, found.end()))
    return found[0] if found and not several and not _OPERATOR.search(last) else None


def said_number(sentence: str, given: frozenset[str] = frozenset()) -> str | None:
    """Find the one number that a sentence says.

    Args:
        sentence: One sentence.
        given: Spellings of the numbers in the question; among several numbers, these are not the answer.

    Returns:
        The number as written: what the sentence's only equation ends on, or its only number, or its only number that
        was not given. None when there is no such number.
    """
    if "=" in sentence:
        return _result(sentence)
    if _OPERATOR.search(sentence):
        return None
    said = {read_number(found): found for found in _IN_TEXT.findall(sentence)}
    said.pop(None, None)
    fresh = {spelled: found for spelled, found in said.items() if spelled not in given}
    only = said if len(said) == 1 else fresh
    return only.popitem()[1] if len(only) == 1 else None

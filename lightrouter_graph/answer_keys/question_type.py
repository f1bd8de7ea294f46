"""Detects the format of the answer that a question asks for: a lettered option, a number, a percentage or a literal."""

import re
from dataclasses import dataclass
from functools import lru_cache

from lightrouter_graph.answer_keys.numbers import numbers_in

_MAX_CHARS = 3_000

_OPTION_LINE = re.compile(r"(?m)^[ \t]*(?:[-*][ \t]*)?(?:\*\*)?\(?([A-J])[.):](?:\*\*)?[ \t]+(\S[^\n]*)")
_OPTION_INLINE = re.compile(r"\(([A-J])\)[ \t]*([^\n(]{1,200})")
_CODE = re.compile(
    r"(?m)^[ \t]{0,40}(?:def \w+\(|class \w+[(:]|assert |>>> |#include|import [\w.]+[ \t]{0,9}$|from [\w.]+ import |"
    r"function \w+\(|print\()|\[PYTHON\]"
)
_QUANTITY = re.compile(
    r"(?i)\bhow (?:many|much|long|old|far|tall|fast|big|large|high|heavy|wide|deep|often)\b|"
    r"\bwhat (?:percent(?:age)?|number|amount|fraction|price|score|total)\b|\bwhat (?:is|are) \$|"
    r"\bwhat(?:'s| is| was| are| were| will| would| does| do| did| age| time)\b[^.?!\n]{0,200}\b(?:value|number|sum|"
    r"total|product|difference|quotient|remainder|area|perimeter|volume|length|width|height|distance|speed|cost|price|"
    r"amount|age|average|mean|median|probability|ratio|percent|percentage|profit|weights?|degrees?|measure|radius|"
    r"diameter|salary|score|balance|depth)\b"
)
_COMPUTE = re.compile(r"(?i)\b(?:find|compute|calculate|evaluate|determine|solve|simplify)\b")
_WRITE_CODE = re.compile(
    r"(?i)\b(?:implement|code|script|program|algorithm|write (?:an?|me|some) (?!number|fraction|decimal))\b"
)
_HAS_NUMBER = re.compile(
    r"(?i)\d|\$[^$]|\\[a-z]|\b(?:two|three|four|five|six|seven|eight|nine|ten|twelve|dozen|half|twice|thirds?)\b"
)
_PERCENT = re.compile(r"(?i)%|\bpercent(?:age)?\b|\bper cent\b")


@dataclass(frozen=True, slots=True)
class Question:
    """The format of the answer that a question asks for."""

    options: dict[str, str]  # text by letter
    wants_number: bool  # it asks for a quantity
    has_numbers: bool  # in digits or words
    numbers: frozenset[str]  # canonical forms of those in digits
    wants_percent: bool  # its last sentence mentions a percentage, so "50%" and "50" are equal
    about_code: bool  # letter case and white space of the answer count


def _lettered(found: list[tuple[str, str]]) -> dict[str, str]:
    """Return a dict of options if their letters are A, B, C, ... without a gap; else {}."""
    options = dict(found)
    letters = "ABCDEFGHIJ"[: len(options)]
    return options if len(options) > 1 and "".join(sorted(options)) == letters else {}


def _asked_sentence(text: str) -> str:
    """Return the last question of a prompt, or the end of the string without one."""
    asked, mark, _ = text.rpartition("?")
    text = (asked if mark else text)[-300:]
    return re.split(r"[.!?]\s", text)[-1]


@lru_cache(maxsize=256)
def read_question(text: str) -> Question:
    """Detect the format of the answer that a `text` asks for; "" asks for nothing. Results are cached.

    Args:
        text: Text of the last human message.
    """
    if len(text) > 2 * _MAX_CHARS:  # the question is at either end of a long prompt
        text = f"{text[:_MAX_CHARS]}\n{text[-_MAX_CHARS:]}"
    about_code = bool(_CODE.search(text))
    writes_code = about_code or bool(_WRITE_CODE.search(text))
    has_numbers = bool(_HAS_NUMBER.search(text))
    asks = bool(_QUANTITY.search(text)) or (has_numbers and bool(_COMPUTE.search(text)))
    return Question(
        options=_lettered(_OPTION_LINE.findall(text)) or _lettered(_OPTION_INLINE.findall(text)),
        wants_number=asks and not writes_code,
        has_numbers=has_numbers,
        numbers=numbers_in(text),
        wants_percent=bool(_PERCENT.search(_asked_sentence(text))),
        about_code=about_code,
    )

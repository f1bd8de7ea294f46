"""What a question tells about the form of its answer: lettered options, a number, a percentage, a literal."""

import re
from dataclasses import dataclass
from functools import lru_cache

from lightrouter_graph.answer_keys.numbers import numbers_in

MAX_READ = 3_000

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
_MAKING = re.compile(
    r"(?i)\b(?:implement|code|script|program|algorithm|write (?:an?|me|some) (?!number|fraction|decimal))\b"
)
_FIGURES = re.compile(
    r"(?i)\d|\$[^$]|\\[a-z]|\b(?:two|three|four|five|six|seven|eight|nine|ten|twelve|dozen|half|twice|thirds?)\b"
)
_PERCENT = re.compile(r"(?i)%|\bpercent(?:age)?\b|\bper cent\b")


@dataclass(frozen=True, slots=True)
class Question:
    """What is known of the answer's form.

    Attributes:
        options: Text of each lettered option, by letter; empty when there are none.
        wants_number: It asks for a quantity.
        gives_figures: It gives numbers to calculate with, in digits or words.
        numbers: Spellings of the numbers it gives.
        wants_percent: Its last sentence speaks of a percentage, so "50%" and "50" are one answer.
        about_code: It shows code, so letter case and white space inside an answer count.
    """

    options: dict[str, str]
    wants_number: bool
    gives_figures: bool
    numbers: frozenset[str]
    wants_percent: bool
    about_code: bool


def _lettered(found: list[tuple[str, str]]) -> dict[str, str]:
    """Options in letter order from A; a list that skips a letter is no list of options."""
    options = dict(found)
    letters = "ABCDEFGHIJ"[: len(options)]
    return options if len(options) > 1 and "".join(sorted(options)) == letters else {}


def _read_options(text: str) -> dict[str, str]:
    return _lettered(_OPTION_LINE.findall(text)) or _lettered(_OPTION_INLINE.findall(text))


def _asked_sentence(text: str) -> str:
    """The last sentence that asks, or the end of the text."""
    asked, mark, _ = text.rpartition("?")
    text = (asked if mark else text)[-300:]
    return re.split(r"[.!?]\s", text)[-1]


@lru_cache(maxsize=256)
def read_question(text: str) -> Question:
    """Read what a question tells about the form of its answer; an empty question tells nothing."""
    if len(text) > 2 * MAX_READ:  # what is asked stands at either end of a long prompt
        text = f"{text[:MAX_READ]}\n{text[-MAX_READ:]}"
    about_code = bool(_CODE.search(text))
    making = about_code or bool(_MAKING.search(text))
    figures = bool(_FIGURES.search(text))
    asks = bool(_QUANTITY.search(text)) or (figures and bool(_COMPUTE.search(text)))
    return Question(
        options=_read_options(text),
        wants_number=asks and not making,
        gives_figures=figures,
        numbers=numbers_in(text),
        wants_percent=bool(_PERCENT.search(_asked_sentence(text))),
        about_code=about_code,
    )

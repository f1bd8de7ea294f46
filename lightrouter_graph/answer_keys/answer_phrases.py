"""Finder of an answer after a phrase: "the answer is X", "Final answer: X", "**Answer:** X", "#### X"."""

import re

from lightrouter_graph.answer_keys.canonical import canonical_value, is_short_phrase, is_symbolic
from lightrouter_graph.answer_keys.extractors import UNCLEAR
from lightrouter_graph.answer_keys.question_type import read_question

_LOOK_BACK = 8  # last markers that are read
_MAX_VALUE = 400
_NEAR = 400  # a value in words must be within this number of characters from the start or end
_MAX_REST = 80  # characters after the answer of a truncated response
_HASHES = re.compile(r"(?:^|\n)[ \t]{0,8}####[ \t]{0,8}(?=[^#\s])")
_PHRASE = re.compile(
    r"[Aa](?:nswer|NSWER)(?:\s(?:choice|option))?(?:\*\*|__)?"
    r"(?:\s(?:is|would be|should be|must be)\b(?:\s?:)?|\s?(?P<colon>:))"
)
_HEADING = re.compile(r"(?:^|\n)(?:#{1,6}[ \t]|\*\*)(?:[Ff]inal )?Answer(?:\*\*)?[ \t]{0,9}\n")
_INTRODUCED = re.compile(r"\b(?:the|final|my|correct) $", re.IGNORECASE)
_QUOTED = frozenset("\"'(`")
_FENCED = re.compile(r"```.*?```", re.DOTALL)
_LEAD = re.compile(r"^(?:\*\*|__)?\s*(?:[:=]\s*)?(?:(?:thus|therefore|indeed|simply|clearly|actually|just)\b,?\s*)?")
_SPANS = (
    re.compile(r"\*\*([^*\n]{1,300})\*\*"),
    re.compile(r"\$\$([^$]{1,300})\$\$"),
    re.compile(r"\$([^$\n]{1,300})\$(?!\d)"),
    re.compile(r"\\\((.{1,300}?)\\\)"),
    re.compile(r"\\\[(.{1,300}?)\\\]", re.DOTALL),
    re.compile(r"`([^`\n]{1,300})`"),
    re.compile(r'"([^"\n]{1,300})"'),
)
_SENTENCE_END = re.compile(
    r"[.!?](?=\s|$|[\"\\])|\n|\\n|\"[,}]|[,;](?=\s+(?:as|since|because|which|so|but|where|assuming|given|not)\b)"
)
_AFTER_SPAN = re.compile(r"\s{0,20}(?:[.,;!?\n)]|$|(?:as|since|because|which)\b)")
_LETTER = re.compile(
    r"\(([A-J])\)(?=\s{0,20}(?:[.,:;\n]|$)|\s{1,20}\w)"
    r"(?!\s{0,9}(?:,\s{0,9}|and\s|or\s|&\s{0,9}){1,9}\(?[A-J]\b)"
)
_NO_VALUE = re.compile(
    r"(?i)(?:not|that|to|also|because|correct|wrong|incorrect|based|given|found|obtained|as follows)\b|"
    r"```|\{"
)
_ITEM = re.compile(r"\W{0,20}(?:\d{1,2}|[A-J])[.)]\s")
_LIST = re.compile(r"(?:\d{1,2}|[A-Ja-j])[.)]\s+\S")
_DOUBT = re.compile(
    r"(?i)\b(?:wait|however|actually|mistaken?|error|re-?(?:check|evaluat|consider|calculat|exam)\w*|instead|double|"
    r"sorry|apolog\w+|incorrect|wrong|correct(?:ed|ion)|verify|final|but|or)\b"
)
_MORE = re.compile(r"(?i)\b(?:now|here'?s|let'?s)\b")


def _read_span(value: str) -> str | None:
    """Return the content of a value that is one emphasized or quoted string."""
    for pattern in _SPANS:
        found = pattern.match(value)
        if found and _AFTER_SPAN.match(value, found.end()):
            return found[1]
    return None


def _read_sentence(value: str, *, finished: bool) -> str | None:
    """Return the value up to the end of the sentence; None if a truncated response may continue it."""
    end = _SENTENCE_END.search(value)
    if end is None or (end.end() == len(value) and end[0] != "\n"):
        return value if finished else None
    return value[: end.start()]


def _read_value(text: str, at: int, *, finished: bool) -> str:
    """Return the value after the marker that ends at `at`; "" if it is not short or not complete."""
    rest = text[at : at + _MAX_VALUE]
    value = _LEAD.sub("", rest, count=1)
    starts_list = "\n" in rest[: len(rest) - len(value)] and _LIST.match(value)
    if starts_list or _NO_VALUE.match(value):
        return ""
    sentence = (_read_sentence(value, finished=finished) or "").strip()
    if letter := _LETTER.match(value):
        return letter[0] if finished or sentence == letter[0] else ""
    span = _read_span(value)
    if span:
        return span.strip()
    if is_symbolic(sentence):
        return sentence
    is_near_end = at <= _NEAR or len(text) - at <= _NEAR  # where answers in words are
    return sentence if is_near_end and is_short_phrase(sentence) else ""


def _read_line(text: str, at: int, *, finished: bool) -> str:
    """Return the line after "####" if it is a number or the end of the response; "" for a heading."""
    line, newline, rest = text[at : at + _MAX_VALUE].partition("\n")
    ends = (finished and not rest.strip()) or (newline and is_symbolic(line.strip()) and not _ITEM.match(line))
    return line.strip() if ends else ""


def _is_marker(text: str, found: re.Match[str]) -> bool:
    """Return True if the phrase is not in a string literal, and a lower-case "answer:" follows an article."""
    start = found.start()
    if start and text[start - 1] in _QUOTED:
        return False
    return not found["colon"] or text[start] == "A" or bool(_INTRODUCED.search(text, max(0, start - 9), start))


def _markers(text: str) -> list[tuple[int, bool]]:
    """Return a list with the end index of the last markers, and whether each is a "####"."""
    phrases = [(found.end(), False) for found in _PHRASE.finditer(text) if _is_marker(text, found)]
    headings = [(found.end(), False) for found in _HEADING.finditer(text)] if "Answer" in text else []
    hashes = [(found.end(), True) for found in _HASHES.finditer(text)] if "####" in text else []
    return sorted(phrases + headings + hashes)[-_LOOK_BACK:]


def find_marked(text: str, question: str, *, finished: bool) -> str | None:
    """Find the value after "the answer is", "Answer:", "Final answer:" or "####", outside code blocks; see `Finder`.

    A response with two different answers is `UNCLEAR`. Exception: a base model continues with the next example after an
    answer to lettered options, so there the first answer counts, unless the model expresses doubt.
    """
    text = _FENCED.sub("", text) if "```" in text else text
    markers = _markers(text)
    values = [(_read_line if is_line else _read_value)(text, at, finished=finished) for at, is_line in markers]
    keys = [canonical_value(value, question) if value else None for value in values]
    given = [index for index, key in enumerate(keys) if key is not None]
    if not given:
        return None
    first = values[given[0]]
    after = markers[given[0]][0]
    doubted = bool(_DOUBT.search(text, after))
    continues = len(text) - after > _MAX_REST or _MORE.search(text, after)
    if not finished and (doubted or continues or given[-1] != len(markers) - 1):
        return UNCLEAR
    if len({keys[index] for index in given}) == 1:
        return first
    return first if read_question(question).options and not doubted else UNCLEAR

"""Finds known secrets in a text: as they are, encoded, in disguise, and partly masked. Each scan is linear."""

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from urllib.parse import quote, quote_plus

MIN_SECRET_CHARS = 6
"""Shorter values are placeholders such as "none", which occur in ordinary words."""

_MASK = re.compile(r"\*{2,}|[\u2022\u25cf\u00b7]{2,}|\u2026|\.{3,}")
_MIN_SHOWN = 3
"""Fewest characters next to a mask that count as part of a secret."""

_MAX_SHOWN = 200

_RUN = re.compile(r"[^\W_]+")
_LETTER_AND_DIGIT = re.compile(r"\d[^\W\d_]|[^\W\d_]\d")
_ESCAPE = re.compile(
    r"[\\%](?:x|(?<=%))(?P<hex>[0-9a-fA-F]{2})|\\u(?P<unicode>[0-9a-fA-F]{4})|\\[nrt]|&\#?\w{1,9};|</?\w{1,9}/?>"
)
_MAX_ESCAPED = 3
"""Layers of escapes that are decoded, as in `%2541` or in JSON in JSON."""

_MIN_FOLDED = 8
_MIN_FOLDED_WORD = 12
"""Fewest letters and digits of a secret that is searched in disguise: with a digit, or without."""


def known_spans(text: str, secrets: tuple[str, ...]) -> list[tuple[int, int]]:
    """Return the spans of known secrets in a text, in any order; they may overlap.

    Args:
        text: A string of any length.
        secrets: The secrets, none empty.
    """
    exact, folded = _known_forms(secrets)
    spans = [span for form in exact for span in _occurrences(form, text)]
    return [*spans, *_disguised(text, folded), *_masked(text, secrets)]


@lru_cache(maxsize=128)
def _known_forms(secrets: tuple[str, ...]) -> tuple[frozenset[str], frozenset[str]]:
    """Return the encodings to search in a text, and those to search in its letters and digits."""
    folded = (_folded(form) for secret in secrets if _is_distinctive(_folded(secret)) for form in _opaque_forms(secret))
    return (
        frozenset(form for secret in secrets for form in _forms(secret)),
        frozenset(way for form in folded for way in (form, form[::-1])),
    )


def _occurrences(form: str, text: str) -> Iterator[tuple[int, int]]:
    """Yield all spans of a form, also where they overlap."""
    at = text.find(form)
    while at >= 0:
        yield at, at + len(form)
        at = text.find(form, at + 1)


def _folded(text: str) -> str:
    return "".join(_RUN.findall(text)).casefold()


def _is_distinctive(folded: str) -> bool:
    """Return False for secrets such as "not-needed", whose letters occur in prose."""
    return len(folded) >= (_MIN_FOLDED if _LETTER_AND_DIGIT.search(folded) else _MIN_FOLDED_WORD)


def _disguised(text: str, forms: Iterable[str]) -> Iterator[tuple[int, int]]:
    """Yield the spans of secrets in the letters and digits of a text: as it is, and with its escapes decoded."""
    plain, places = text, list[int]()
    for _ in range(_MAX_ESCAPED + 1):
        folded = _folded(plain)
        if present := [form for form in forms if form in folded]:
            places = places or list(range(len(text) + 1))
            letters = [index for run in _RUN.finditer(plain) for index in _letter_places(run)]
            for start, end in (span for form in present for span in _occurrences(form, folded)):
                yield places[letters[start]], places[letters[end - 1] + 1]
        if _ESCAPE.search(plain) is None:
            return
        plain, places = _unescaped(plain, places or range(len(text) + 1))


def _letter_places(run: re.Match[str]) -> Iterable[int]:
    """Return the index of each letter of the folded run; casefold writes some letters as two."""
    length = len(run[0].casefold())
    same = length == run.end() - run.start()
    return range(run.start(), run.end()) if same else [run.start()] * (length - 1) + [run.end() - 1]


def _unescaped(text: str, places: Sequence[int]) -> tuple[str, list[int]]:
    """Decode the escapes of a text once; return it with the place of each character in the original."""
    parts: list[str] = []
    kept: list[int] = []
    at = 0
    for found in _ESCAPE.finditer(text):
        start = found.start()
        code = found["hex"] or found["unicode"]
        decoded = chr(int(code, 16)) if code else html.unescape(found[0]) if found[0][0] == "&" else ""
        parts += [text[at:start], decoded]
        kept += [*places[at:start], *[places[start]] * len(decoded)]
        at = found.end()
    return "".join([*parts, text[at:]]), [*kept, *places[at:]]


def _masked(text: str, secrets: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield the spans of partly masked secrets, as in `plain-se***e-42`. Only text between two masks is compared."""
    masks = list(_MASK.finditer(text))
    ends = [0, *(mask.end() for mask in masks)]
    starts = [*(mask.start() for mask in masks[1:]), len(text)]
    for mask, left, right in zip(masks, ends, starts, strict=False):
        for secret in secrets:
            shown = min(len(secret), _MAX_SHOWN)
            head = _shown(secret, text[max(left, mask.start() - shown) : mask.start()])
            tail = _shown(secret[::-1], text[mask.end() : min(right, mask.end() + shown)][::-1])
            if head or tail:
                yield mask.start() - head, mask.end() + tail


def _shown(secret: str, before: str) -> int:
    """Return the length of the longest true prefix of the secret at the end of a string; 0 below `_MIN_SHOWN`."""
    at = before.find(secret[:_MIN_SHOWN])
    while 0 <= at <= len(before) - _MIN_SHOWN:
        if len(before) - at < len(secret) and secret.startswith(before[at:]):
            return len(before) - at
        at = before.find(secret[:_MIN_SHOWN], at + 1)
    return 0


def _forms(secret: str) -> set[str]:
    """Return a secret in the encodings of URLs, HTML, JSON, nested JSON and headers."""
    written = {secret, quote(secret, safe=""), quote_plus(secret), html.escape(secret), repr(secret)[1:-1]}
    quoted = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    return {*written, *quoted, *(json.dumps(once)[1:-1] for once in quoted), *_opaque_forms(secret)}


def _opaque_forms(secret: str) -> set[str]:
    """Return a secret and its encodings that show none of its letters, hex and base64 also applied twice."""
    raw = secret.encode(errors="replace")
    once = {raw.hex(), *_in_base64(raw)}
    twice = {form for inner in once for form in (inner.encode().hex(), *_in_base64(inner.encode()))}
    return {secret, *once, *twice, base64.b32encode(raw).decode().rstrip("="), "".join(map(str, raw))}


def _in_base64(raw: bytes) -> Iterator[str]:
    """Yield the base64 of a secret at each of 3 alignments, without the characters that depend on adjacent bytes."""
    for shift in range(3):
        whole = base64.b64encode(b"\0" * shift + raw).decode()
        sure = whole[(0, 2, 3)[shift] : (shift + len(raw)) * 8 // 6]
        if len(sure) >= MIN_SECRET_CHARS:
            yield from {sure, sure.translate(str.maketrans("+/", "-_"))}

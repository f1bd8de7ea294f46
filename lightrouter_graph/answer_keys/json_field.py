"""Finder of an `"answer"` field in JSON, which a model may truncate or write with invalid syntax."""

import json
import re

from lightrouter_graph.answer_keys.canonical import is_placeholder
from lightrouter_graph.answer_keys.extractors import UNCLEAR

_LOOK_BACK = 8
_MAX_VALUE = 4_000
_FIELD = re.compile(r"""[Aa]nswer\\?["']\s{0,20}:\s{0,20}""")
_LATEX_BACKSLASH = re.compile(
    r"(?<!\\)\\(?=(?:frac|text|times|theta|tau|tan|triangle|to|tfrac|beta|bar|binom|boxed|big|right|rho|neq|ne|nu|"
    r"nabla|forall|fbox)(?![a-z])|u(?![0-9a-fA-F]{4})|[^\"\\/bfnrtu])"
)
_STRING = re.compile(r'"((?:[^"\\]|\\.){0,4000})"(?=\s*(?:[,}`]|\n|$))', re.DOTALL)
_LOOSE_STRING = re.compile(r"""(\\?["'])(.{0,400}?)\1[ \t]*(?=[,}]?[ \t]*(?:\n|\}|$))""")
_BARE = re.compile(r"-?[\d./eE+]{1,60}(?:,\d{3}){0,9}(?=\s{0,20}[,}\n])|(?:true|false|null|True|False|None)\b")
_FOLLOWED = re.compile(r'\s{0,20}(?:[,}`]\s{0,20}){0,9}\n|\s{0,20}\}|\s{0,20},\s{0,20}"\w')
_RECONSIDERED = re.compile(
    r"(?i)[\s,]{0,20}\}[\s`]{0,40}+(?:#|.{0,1000}?\b"
    r"(?:calculat\w+|let'?s|to (?:solve|find|verify|elaborate|determine)|detail\w*|"
    r"step[ -]by[ -]step|question|correct\w*|however|wait|if)\b)",
    re.DOTALL,
)
_DECODER = json.JSONDecoder(strict=False)


def _decode(body: str) -> str:
    """Decode the body of a JSON string. Backslashes of LaTeX commands are kept."""
    escaped = _LATEX_BACKSLASH.sub(r"\\\\", body)
    try:
        decoded = _DECODER.decode(f'"{escaped}"')
    except ValueError:
        return body
    return decoded if isinstance(decoded, str) else body


def _read_container(text: str) -> tuple[str, int] | None:
    """Return the list or dict at the start of a string, and its end; None if it is not closed."""
    try:
        _, end = _DECODER.raw_decode(text)
    except (ValueError, RecursionError):
        line = text[:400].partition("\n")[0].rstrip(" ,")
        return (line, len(line)) if line[-1:] in {"]", "}", ")"} else None
    return text[:end], end


def _read_value(text: str) -> tuple[str, int] | None:
    """Return the value at the start of a string, and its end; None if it is not complete."""
    if text[:1] in {"[", "{", "("}:
        return _read_container(text)
    if found := _STRING.match(text):
        return _decode(found[1]), found.end()
    if found := _LOOSE_STRING.match(text):
        return found[2], found.end()
    bare = _BARE.match(text)
    return (bare[0], bare.end()) if bare else None


def find_json_field(text: str, question: str, *, finished: bool) -> str | None:  # noqa: ARG001
    """Find the value of the last complete `"answer"` field that is not a placeholder; see `Finder`.

    A truncated response that continues the calculation after the JSON is `UNCLEAR`: a small model often changes its
    answer.
    """
    for found in reversed(list(_FIELD.finditer(text))[-_LOOK_BACK:]):
        rest = text[found.end() : found.end() + _MAX_VALUE + 200]
        written, end = _read_value(rest) or ("", 0)
        if end and not is_placeholder(written):
            is_settled = _FOLLOWED.match(rest, end) and not _RECONSIDERED.match(rest, end)
            return written if finished or is_settled else UNCLEAR
    return None

"""Escapes control characters of untrusted strings, for log lines and terminals."""

import re

CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Control characters: cursor, colors, line separators and text direction. Newline and tab are not among them."""

_CONTROLS_AND_BREAKS = re.compile(rf"[\t\n\\\ud800-\udfff]|{CONTROLS.pattern}")
_SHORT = {"\n": r"\n", "\t": r"\t", "\r": r"\r", "\\": r"\\"}
_MAX_LOGGED = 20_000


def log_line(text: object) -> str:
    """Return the text as one line: no string of a client or provider can add a line to a log or control a terminal.

    Control characters, line breaks, bidirectional overrides and backslashes become escape sequences as in a JSON
    string, so the original text can be read back.

    Args:
        text: Any object; its `str` is taken. Text after 20,000 characters is left out.
    """
    line = str(text)
    if len(line) > _MAX_LOGGED:
        line = f"{line[:_MAX_LOGGED]}... ({len(line):,} characters)"
    return _CONTROLS_AND_BREAKS.sub(lambda found: _SHORT.get(found[0]) or escape(found[0]), line)


def escape(character: str) -> str:
    r"""Return the escape sequence of a character in a JSON string, such as `\u2028`.

    Args:
        character: One character; one above U+FFFF becomes a surrogate pair.
    """
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))

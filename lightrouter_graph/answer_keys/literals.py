"""Canonical form of Python and JSON literals: `"abc"` and `'abc'`, `[1,2]` and `[1, 2]`, a dict in any order of keys.

`ast.literal_eval` is not used: a model writes line breaks and unknown escapes into a string, for which `ast` raises or
warns, and it does not limit the nesting depth.
"""

import re
from collections.abc import Callable
from fractions import Fraction

from lightrouter_graph.answer_keys.numbers import canonical_number

_MAX_LENGTH = 4_000
_MAX_DEPTH = 20
_TOKEN = re.compile(
    r"""\s*(?:(?P<string>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|(?P<number>[-+]?(?:(?:0|[1-9]\d{0,39})(?:\.\d{0,40})?|\.\d{1,40})"""
    r"""(?:[eE][-+]?\d{1,2})?(?![\w.]))|(?P<word>(?:True|true|False|false|None|null)\b)|(?P<mark>[\[\](){},:]))""",
    re.DOTALL,
)
_WORDS = {"true": "True", "false": "False", "none": "None", "null": "None"}
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U00(?:0[0-9a-fA-F]|10)[0-9a-fA-F]{4}|.)", re.DOTALL)
_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "b": "\b", "v": "\v", "0": "\0", "\n": ""}
_PAIRS = {"[": "]", "(": ")", "{": "}"}


class _NotALiteralError(Exception):
    """Caught in this module."""


def _unescape_one(found: re.Match[str]) -> str:
    code = found[1]
    if len(code) > 1:
        return chr(int(code[1:], 16))
    return _ESCAPES.get(code, code if code in "\\'\"" else f"\\{code}")


def unescape(text: str) -> str:
    r"""Replace escapes such as `\n` and `\x0c` in the `text` of a string literal; unknown escapes are kept.

    Args:
        text: The characters between the quotes.
    """
    if "\\" not in text:
        return text
    plain = _ESCAPE.sub(_unescape_one, text)
    # JSON encodes a character beyond U+FFFF as a pair of escapes.
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if _SURROGATE.search(plain) else plain


class _Reader:
    """Recursive-descent parser that returns the canonical form of one literal."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.token = ""
        self.kind = ""
        self.step()

    def step(self) -> None:
        found = _TOKEN.match(self.text, self.at)
        if found:
            self.kind, self.at = str(found.lastgroup), found.end()
            self.token = found[self.kind]
        elif self.text[self.at :].strip():
            raise _NotALiteralError
        else:
            self.kind, self.token = "end", ""

    def take(self, mark: str) -> bool:
        if self.kind != "mark" or self.token != mark:
            return False
        self.step()
        return True

    def items(self, close: str, read: Callable[[], str]) -> list[str]:
        """Read a comma-separated list up to the closing bracket, with a trailing comma or without."""
        found: list[str] = []
        while not self.take(close):
            found.append(read())
            if not self.take(","):
                if self.take(close):
                    return found
                raise _NotALiteralError
        return found

    def bracket(self, depth: int) -> str:
        opening, start = self.token, self.at
        self.step()
        if opening == "{":
            return self.braces(depth)
        found = self.items(_PAIRS[opening], lambda: self.value(depth))
        if opening == "[":
            return f"[{', '.join(found)}]"
        if len(found) == 1 and "," not in self.text[start : self.at].rpartition(")")[0][-3:]:
            return found[0]
        return f"({', '.join(found)}{',' if len(found) == 1 else ''})"

    def braces(self, depth: int) -> str:
        pairs: set[bool] = set()

        def entry() -> str:
            key = self.value(depth)
            has_value = self.take(":")
            pairs.add(has_value)
            return f"{key}: {self.value(depth)}" if has_value else key

        found = self.items("}", entry)
        if len(pairs) > 1:
            raise _NotALiteralError
        return "{" + ", ".join(sorted(found)) + "}"

    def value(self, depth: int = 0) -> str:
        token, kind = self.token, self.kind
        if kind == "mark" and token in _PAIRS and depth < _MAX_DEPTH:
            return self.bracket(depth + 1)
        if kind not in {"string", "number", "word"}:
            raise _NotALiteralError
        self.step()
        if kind == "string":
            return repr(unescape(token[1:-1]))
        return _WORDS[token.lower()] if kind == "word" else canonical_number(Fraction(token))


def read_literal(text: str) -> str | None:
    """Return the canonical form of a `text` that is one Python or JSON literal of at most 4,000 characters, else None.

    Entries of a dict or set are sorted, and equal numbers are equal.

    Args:
        text: A candidate for a literal, e.g. `[1, "a"]` or `{"x": null}`.
    """
    if not text or len(text) > _MAX_LENGTH:
        return None
    try:
        reader = _Reader(text)
        literal = reader.value()
    except _NotALiteralError:
        return None
    return literal if reader.kind == "end" else None


def unquote_literal(literal: str) -> str:
    """Replace a canonical string `literal` that contains a literal by that literal: JSON fields often quote values.

    Args:
        literal: A literal in canonical form, as returned by `read_literal`.
    """
    while literal[:1] in {"'", '"'}:
        content = unescape(literal[1:-1])
        inner = read_literal(content) if content.strip() == content else None
        if inner is None or len(inner) >= len(literal):
            break
        literal = inner
    return literal

r"""Converts LaTeX of short answers to plain text: `\dfrac{1}{2}` to `1/2`, `\text{cm}` to `cm`."""

import re

_WRAPPERS = (("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]"))
_DOUBLED = re.compile(r"\\\\(?=[a-zA-Z$%()\[\]{},;!])")
_SPACING = re.compile(
    r"\\(?:left|right|displaystyle|quad|qquad|limits|bigl?|bigr?|Bigl?|Bigr?)(?![a-zA-Z])|\\[,;:! ]|~"
)
_TEXT_COMMAND = re.compile(
    r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mathit|mbox|operatorname|boldsymbol)\s?\{([^{}]*)\}"
)
_DEGREE = re.compile(r"\^\s?\{?\s?\\circ\s?\}?|\\degree")
_SYMBOLS = (
    (re.compile(r"\\[tdc]frac(?![a-zA-Z])"), r"\\frac"),
    (re.compile(r"\\(?:times|cdot)(?![a-zA-Z])|[\u00d7·]"), "*"),
    (re.compile(r"\\pi(?![a-zA-Z])|π"), "pi"),
    (re.compile(r"\\infty(?![a-zA-Z])|∞"), "inf"),
    (re.compile(r"\\(?:leq?)(?![a-zA-Z])|≤"), "<="),
    (re.compile(r"\\(?:geq?)(?![a-zA-Z])|≥"), ">="),
    (re.compile(r"√(\d+)"), r"sqrt(\1)"),
    (re.compile(r"√(?=\()"), "sqrt"),
    (re.compile(r"\\sqrt\s?(\d)"), r"sqrt(\1)"),
    (re.compile(r"\\frac\s?(\d)\s?(\d)"), r"\\frac{\1}{\2}"),
    (re.compile(r"\\([$%#&{}])"), r"\1"),
)
_SQRT = re.compile(r"\\sqrt\s?\{([^{}]*)\}")
_FRACTION = re.compile(r"(\d\s?)?\\frac\s?\{([^{}]*)\}\s?\{([^{}]*)\}")
_EXPONENT = re.compile(r"([\^_])\{([^{}]*)\}")
_ATOM = re.compile(r"-?(?:\w+|\w+\(\w+\))")
_PRODUCT = re.compile(r"(?<=[\w)])\*(?=[a-zA-Z(\\])")


def _group(part: str) -> str:
    part = part.strip()
    return part if _ATOM.fullmatch(part) else f"({part})"


def _plain_fraction(found: re.Match[str]) -> str:
    over, under = _group(found[2]), _group(found[3])
    return f"{found[1].strip()} {over}/{under}" if found[1] else f"{over}/{under}"


def _unwrap_math(text: str) -> str:
    r"""Remove `$...$`, `\(...\)` or `\[...\]` around a string."""
    for opening, closing in _WRAPPERS:
        inner = text[len(opening) : len(text) - len(closing)]
        if len(text) > len(opening) + len(closing) and text.startswith(opening) and text.endswith(closing):
            return inner.strip() if opening not in inner else text
    return text


def plain_latex(text: str) -> str:
    """Convert the LaTeX of a short `text` to plain text; a string without LaTeX is returned unchanged.

    Args:
        text: An extracted answer, with or without dollar signs.
    """
    text = _unwrap_math(text.strip())
    if "\\" not in text and not set("\u00d7·π∞≤≥√^~").intersection(text):
        return text
    text = _DOUBLED.sub(r"\\", text)
    text = _DEGREE.sub("°", _SPACING.sub(" ", text))
    for pattern, plain in _SYMBOLS:
        text = pattern.sub(plain, text)
    for _ in range(4):  # innermost braces first; deeper nesting stays LaTeX
        before = text
        text = _TEXT_COMMAND.sub(r"\1", text)
        text = _FRACTION.sub(_plain_fraction, _SQRT.sub(r"sqrt(\1)", text))
        text = _EXPONENT.sub(lambda found: found[1] + _group(found[2]), text)
        if text == before:
            break
    return _unwrap_math(" ".join(text.split()))


def canonical_formula(text: str) -> str:
    """Remove the spaces and the optional multiplication signs of a formula in `text`.

    Args:
        text: A formula without LaTeX commands, as returned by `plain_latex`.
    """
    return _PRODUCT.sub("", "".join(text.split()))

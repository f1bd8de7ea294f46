"""Redacts secrets from strings: known ones, and everything in the format of a secret."""

import re
from collections.abc import Iterable

from lightrouter_graph.redaction.forms import known_spans

_SHAPED = re.compile(
    r"""(?ix) \b(?:sk|pk|gsk|csk|rk|xai|hf|tgp|r8|nvapi|pplx|lsv2|gh[opsu]|github_pat|glpat)[-_][\w*.-]{6,}
      | \b(?:AIza|AKIA)[\w-]{8,}                               # the shapes provider keys have
      | (?<![\w-])eyJ[\w-]{8,}\.[\w.-]+                          # JSON web tokens
      | (?<=bearer\s)\S+ | (?<=basic\s)\S+
      | (?<=api-key:\s)\S+
      | (?<=://)[^/\s]+(?=@)                                   # user:password in an address
      | (?<=key=)[^&\s]+ | (?<=token=)[^&\s]+"""
)
_NAMED = re.compile(
    r"""(?ix) ( (?:api[-_ ]?key|access[-_ ]?token|secret|password|authorization) (?:\s(?:provided|given))?
          ["']? \s*[:=]\s* ["']? )
        (?=[^\s"',;&<>]*\d | [^\s"',;&<>]{16})               # an ordinary word has no digit
        [^\s"',;&<>]{6,}"""
)


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Replace known secrets, encoded, disguised or masked, and everything in the format of a secret by `***`.

    Each pattern is searched in the unchanged string and the union of the matches is replaced, so no match hides
    another. The number of scans does not depend on the text; each is linear in `len(text)`.

    A secret of at least 8 letters and digits is found in any letter case, reversed, escaped, and with any other
    characters between: spaces, line breaks, punctuation, invisible ones. Shorter ones could be ordinary words.

    Args:
        text: A string of any length.
        secrets: Secret values as returned by `secrets_of`; empty strings are skipped.

    Returns:
        The redacted string.
    """
    known = tuple(secret for secret in secrets if secret)
    spans = [found.span() for found in _SHAPED.finditer(text)]
    spans += [(found.end(1), found.end()) for found in _NAMED.finditer(text)]
    spans += known_spans(text, known) if known else ()
    kept: list[str] = []
    at = 0
    for start, end in sorted(spans):
        if start > at or not kept:
            kept += [text[at:start], "***"]
        at = max(at, end)
    return "".join([*kept, text[at:]])

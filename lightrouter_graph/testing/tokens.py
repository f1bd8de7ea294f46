"""Tokens as the fakes count them: a regular expression that comes close to a real tokenizer.

Over recorded outputs of many models the count is 0.96 to 1.10 times that of `o200k_base`: good enough for
limits and bills in tests, not for invoices.
"""

import re
from collections.abc import Iterable
from itertools import islice

MESSAGE_OVERHEAD = 4
"""Tokens each message of a prompt costs beside its text (role, separators)."""

# A token is up to 8 letters, up to 3 digits, up to 2 other signs, or white space ending in line ends. Other
# white space goes to the token after it, and at the end of the text to the token before it.
_TOKEN = re.compile(r"(?:\s*\n+|\s*(?:[A-Za-z]{1,8}|\d{1,3}|[^\sA-Za-z\d]{1,2}))(?:[^\S\n]++\Z)?|\s+")


def split_tokens(text: str) -> list[str]:
    """Cut a text into tokens that concatenate back to exactly that text."""
    return _TOKEN.findall(text)


def count_tokens(text: str) -> int:
    """Count the tokens of a text; an empty text has none, blanks alone are one."""
    return len(_TOKEN.findall(text))


def take_tokens(text: str, limit: int) -> str:
    """Keep the first `limit` tokens of a text, `limit` >= 0."""
    ends = [match.end() for match in islice(_TOKEN.finditer(text), limit)]
    return text[: ends[-1]] if ends else ""


def count_prompt_tokens(texts: Iterable[str]) -> int:
    """Count the tokens of a prompt: one text per message, plus `MESSAGE_OVERHEAD` each."""
    return sum(count_tokens(text) + MESSAGE_OVERHEAD for text in texts)

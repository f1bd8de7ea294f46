"""Splits a recorded text by tokens, so that its parts have exactly the recorded number of tokens in total."""

from bisect import bisect_right
from itertools import accumulate

from lightrouter_graph.testing.tokens import split_tokens

_MAX_CHUNKS = 8
"""Maximum chunks of a streamed response: only its first and its last token are measured."""


def split_chunks(text: str, tokens: int) -> list[str]:
    """Split a response into at most one chunk per token: more chunks than its cap would count as ignoring the cap.

    Args:
        text: Text of the response.
        tokens: Its number of tokens.
    """
    size = max(1, -(-len(text) // max(1, min(_MAX_CHUNKS, tokens))))
    return [text[start : start + size] for start in range(0, len(text), size)] or [""]


class TokenisedText:
    """A text with a known number of tokens.

    A recording has no token boundaries. The pieces of a regular expression (within a tenth of the count of a real
    tokenizer, see `testing.tokens`) are scaled to the recorded number: the first i of n pieces have
    `round(i * tokens / n)` tokens.

    Args:
        text: The whole text.
        tokens: Its number of tokens, >= 0.
    """

    def __init__(self, text: str, tokens: int) -> None:
        self.text = text
        pieces = split_tokens(text)
        self._ends = [0, *accumulate(map(len, pieces))]
        self._tokens = [round(i * tokens / len(pieces)) for i in range(len(pieces) + 1)] if pieces else [0]

    def cut(self, start: int, cap: int | None) -> tuple[str, int]:
        """Return a part of the text and its number of tokens.

        Args:
            start: Index of the first character.
            cap: Maximum number of tokens; None for the rest of the text. At least one piece is returned.
        """
        before = self._tokens[bisect_right(self._ends, start) - 1]
        if cap is None or self._tokens[-1] - before <= cap:
            return self.text[start:], self._tokens[-1] - before
        last = bisect_right(self._tokens, before + cap) - 1
        last = max(last, bisect_right(self._ends, start))
        return self.text[start : self._ends[last]], self._tokens[last] - before

"""A recorded text cut by tokens, so that the parts of it always cost exactly what the whole was recorded to cost."""

from bisect import bisect_right
from itertools import accumulate

from lightrouter_graph.testing.tokens import split_tokens


class TokenisedText:
    """A text of a known number of tokens.

    Where the tokens end is not recorded. The pieces of a regular expression that comes close (within a tenth, see
    `testing.tokens`) stand in, scaled to the recorded number: the first i of n pieces have `round(i * tokens / n)`.

    Args:
        text: The whole text.
        tokens: How many tokens it has, >= 0.
    """

    def __init__(self, text: str, tokens: int) -> None:
        self.text = text
        pieces = split_tokens(text)
        self._ends = [0, *accumulate(map(len, pieces))]
        self._tokens = [round(i * tokens / len(pieces)) for i in range(len(pieces) + 1)] if pieces else [0]

    def cut(self, start: int, cap: int | None) -> tuple[str, int]:
        """Return the text from character `start` on, at most `cap` tokens of it, and how many tokens that is.

        A text within its cap is whole. Whatever the cap, at least one piece is said.
        """
        before = self._tokens_to(start)
        if cap is None or self._tokens[-1] - before <= cap:
            return self.text[start:], self._tokens[-1] - before
        last = bisect_right(self._tokens, before + cap) - 1
        last = max(last, bisect_right(self._ends, start))
        return self.text[start : self._ends[last]], self._tokens[last] - before

    def _tokens_to(self, character: int) -> int:
        return self._tokens[bisect_right(self._ends, character) - 1]

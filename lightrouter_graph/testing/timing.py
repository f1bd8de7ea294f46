"""Timing of a recorded model: latency of the first token and tokens per second."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """Timing of a response; zeros mean no delay.

    Attributes:
        ttft_s: Seconds to the first token.
        tokens_per_s: Tokens per second after it.

    Example:
        >>> Timing(ttft_s=0.5, tokens_per_s=100).due_s(50)
        1.0
    """

    ttft_s: float = 0.0
    tokens_per_s: float = 0.0

    def due_s(self, index: int) -> float:
        """Return the seconds from the request to a token.

        Args:
            index: Index of the token, from 0.
        """
        return self.ttft_s + (index / self.tokens_per_s if self.tokens_per_s else 0.0)

    def produced(self, seconds: float, tokens: int) -> int:
        """Return the number of tokens produced after a time.

        Args:
            seconds: Seconds since the request, >= 0.
            tokens: Tokens of the whole response.
        """
        if seconds < self.ttft_s:
            return 0
        return min(tokens, 1 + int((seconds - self.ttft_s) * self.tokens_per_s)) if self.tokens_per_s else tokens

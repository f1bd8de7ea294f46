"""How fast a recorded model is."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """The pace of a model; zeros mean at once.

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
        """Seconds from the request to the token of that index, from 0."""
        return self.ttft_s + (index / self.tokens_per_s if self.tokens_per_s else 0.0)

    def produced(self, seconds: float, tokens: int) -> int:
        """How many of `tokens` are out after so many seconds."""
        if seconds < self.ttft_s:
            return 0
        return min(tokens, 1 + int((seconds - self.ttft_s) * self.tokens_per_s)) if self.tokens_per_s else tokens

"""How fast a recorded model is, and how it fails."""

from collections.abc import Mapping
from dataclasses import dataclass, field


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


@dataclass(frozen=True)
class Fail:
    """An injected failure of a model.

    Attributes:
        status: The HTTP status.
        message: The message in the error body.
        headers: Further response headers, such as `retry-after`.
        times: How many calls fail before the model recovers; None for all.
        hang: Never answer, in place of an HTTP error.

    Example:
        >>> Fail(status=429, headers={"retry-after": "1"}, times=2).times
        2
    """

    status: int = 500
    message: str = "injected failure"
    headers: Mapping[str, str] = field(default_factory=dict)
    times: int | None = None
    hang: bool = False

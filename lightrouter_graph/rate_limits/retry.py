"""Retry policy: which failures are retried, how often in one run, and after which backoff."""

import random as chance
import threading
from collections.abc import Callable

from lightrouter_graph.rate_limits.retry_after import forbids_retries
from lightrouter_graph.records import Cause

RETRYABLE: frozenset[Cause] = frozenset({"rate_limited", "unavailable", "disconnected"})
"""Causes that are retried. A timeout is not: the next request would take as long, and the first may still be billed."""

FIRST_BACKOFF_S, MAX_BACKOFF_S = 0.5, 8.0
"""Upper bounds of the first backoff and of all: those of the openai client (`openai/_constants.py`)."""

_OUT_OF_QUOTA = frozenset({"insufficient_quota", "billing_hard_limit_reached"})


class RetryBudget:
    """Retries of one run, at least 0, shared by all candidates. Thread-safe.

    Without it, N candidates with r retries each send N * (r + 1) requests to a provider that is down.
    """

    def __init__(self, retries: int) -> None:
        self.left = retries
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Use one retry. Returns False if no retry is left."""
        with self._lock:
            if self.left < 1:
                return False
            self.left -= 1
            return True


def worth_retrying(cause: Cause, exc: BaseException | None = None) -> bool:
    """Return True if a failed request may succeed when it is sent again.

    Args:
        cause: The cause of the failure.
        exc: The exception, if any. `x-should-retry: false` and an exceeded quota forbid a retry.
    """
    if cause not in RETRYABLE or exc is None:
        return cause in RETRYABLE
    return not forbids_retries(exc) and getattr(exc, "code", None) not in _OUT_OF_QUOTA


def backoff_s(attempt: int, retry_after_s: float | None = None, random: Callable[[], float] = chance.random) -> float:
    """Return the backoff before a retry in seconds, >= 0.

    Full jitter (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/) is added to the provider's
    Retry-After, so that the rate decreases even if the provider asks for a short wait.

    Args:
        attempt: Number of the failed attempt, >= 1.
        retry_after_s: The provider's Retry-After in seconds; None without one.
        random: Returns a number in [0, 1).
    """
    return (retry_after_s or 0.0) + random() * exponential_s(attempt, FIRST_BACKOFF_S, MAX_BACKOFF_S)


def exponential_s(attempt: int, first_s: float, max_s: float) -> float:
    """Return `first_s`, doubled for each attempt after the first, at most `max_s`.

    Args:
        attempt: Number of the attempt, >= 1.
        first_s: Seconds for attempt 1.
        max_s: The maximum.
    """
    doublings = min(attempt - 1, 64)  # 2.0 ** 1024 would overflow
    return float(min(first_s * 2**doublings, max_s))

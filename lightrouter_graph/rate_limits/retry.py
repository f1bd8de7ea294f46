"""What is tried again, how often in one run, and after how long."""

import random as chance
import threading
from collections.abc import Callable

from lightrouter_graph.rate_limits.retry_after import forbids_retries, told_by
from lightrouter_graph.records import Cause

RETRIED: frozenset[Cause] = frozenset({"rate_limited", "unavailable", "disconnected"})
"""Causes that may be gone a moment later. A timeout is not among them: the next call would wait as long again, and the
one that was given up may still be billed.
"""

FIRST_BACKOFF_S, LONGEST_BACKOFF_S = 0.5, 8.0
"""The window of the first wait and of the longest: those of the openai client (`openai/_constants.py`)."""

_NO_MONEY = frozenset({"insufficient_quota", "billing_hard_limit_reached"})


class RetryBudget:
    """How often one run may try again, whichever candidate it is for.

    Without it N candidates with r retries each send N * (r + 1) calls to a provider that is already down. Safe to share
    between threads.

    Args:
        most: So many retries, 0 for none.
    """

    def __init__(self, most: int) -> None:
        self._left = most
        self._lock = threading.Lock()

    @property
    def left(self) -> int:
        """How many retries remain."""
        return self._left

    def take(self) -> bool:
        """Use up one retry; False when none is left."""
        with self._lock:
            if self._left < 1:
                return False
            self._left -= 1
            return True


def worth_retrying(cause: Cause, exc: BaseException | None = None) -> bool:
    """Whether the same call may succeed when made again.

    Args:
        cause: What the failure was put down to.
        exc: The exception, if there was one: a provider is believed that says `x-should-retry: false`, or that the
            account is out of money.
    """
    if cause not in RETRIED:
        return False
    if exc is None:
        return True
    _, headers = told_by(exc)
    return not forbids_retries(headers) and getattr(exc, "code", None) not in _NO_MONEY


def backoff_s(attempt: int, retry_after_s: float | None = None, random: Callable[[], float] = chance.random) -> float:
    """Return how long to wait before trying again.

    Full jitter, as in https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/, on top of what the
    provider asked for, if it did: told to wait next to nothing, calls that keep failing still come ever more slowly.

    Args:
        attempt: Which attempt has failed, 1 or more.
        retry_after_s: What the provider asked for.
        random: A number in [0, 1).

    Returns:
        Seconds.
    """
    return (retry_after_s or 0.0) + random() * doubled_s(attempt, FIRST_BACKOFF_S, LONGEST_BACKOFF_S)


def doubled_s(times: int, first_s: float, longest_s: float) -> float:
    """Return `first_s` the first time and twice as much each time after, up to `longest_s`."""
    doublings = min(times - 1, 64)  # 2.0 ** 1024 would overflow
    return float(min(first_s * 2**doublings, longest_s))

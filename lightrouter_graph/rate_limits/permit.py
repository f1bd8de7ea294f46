"""A permit in an endpoint for one call: what it waits for, what refuses it, and what is learnt from how it went."""

import math
from collections.abc import Callable
from types import TracebackType
from typing import Any, Literal

from lightrouter_graph.errors import LightRouterError
from lightrouter_graph.rate_limits.circuit_breaker import CircuitBreaker
from lightrouter_graph.rate_limits.cooldown import Cooldown
from lightrouter_graph.rate_limits.semaphore import ResizableSemaphore
from lightrouter_graph.records import Cause, Failure
from lightrouter_graph.redaction import redact

ENDPOINT_WIDE_S = 60.0
"""The longest cooldown that holds for the whole endpoint. One of up to a minute is about the rate of calls with a key;
a longer one is a quota of the one model (a day's free calls, say), and must not silence all others behind the same key.
"""

_FAILURES: frozenset[Cause] = frozenset({"unavailable", "disconnected", "timeout", "auth"})
"""What opens a breaker: nobody there, or nobody who lets us in."""

_NO_VERDICT: frozenset[Cause] = frozenset({"cancelled", "rate_limited"})
"""What says nothing of the model: a gateway's front refuses for the rate whether or not there is a model behind it."""


class EndpointClosedError(LightRouterError):
    """A call was refused before anything was sent.

    Attributes:
        cause: `unavailable` while the breaker is open, `rate_limited` when there is no permit or no time for the
        cooldown.
    """

    def __init__(self, cause: Literal["unavailable", "rate_limited"], reason: str) -> None:
        self.cause = cause
        super().__init__(reason)

    @property
    def failure(self) -> Failure:
        """The refusal as a record."""
        return {"cause": self.cause, "message": str(self)}

    def __reduce__(self) -> tuple[Any, ...]:
        """Survive a pickle, as exceptions of worker processes must."""
        return type(self), (self.cause, str(self))


class Permit:
    """A permit in an endpoint for one call; entered once, with `async with`.

    A call that ends without a `note`, because it was cancelled or never sent, counts as nothing; if it was the probe of
    a breaker, the next call is.
    """

    __slots__ = (
        "_acquire_timeout_s",
        "_breaker",
        "_cooldown",
        "_generation",
        "_longest_pause_s",
        "_model_name",
        "_now",
        "_semaphore",
    )

    def __init__(
        self,
        model_name: str,
        acquire_timeout_s: float,
        longest_pause_s: float = math.inf,
        *,
        semaphore: ResizableSemaphore,
        cooldown: Cooldown,
        breaker: CircuitBreaker,
        now: Callable[[], float],
    ) -> None:
        self._model_name, self._acquire_timeout_s, self._longest_pause_s = (
            model_name,
            acquire_timeout_s,
            longest_pause_s,
        )
        self._semaphore, self._cooldown, self._breaker = semaphore, cooldown, breaker
        self._now = now
        self._generation = -1

    async def __aenter__(self) -> "Permit":
        """Wait for the end of a cooldown and for a permit.

        Raises:
            EndpointClosedError: If the breaker is open, the cooldown longer than patience, or no permit came free.
        """
        until = self._now() + self._acquire_timeout_s
        await self._queue(until)
        while self._cooldown.left_s(self._model_name):  # it began while we queued, and may be for this model alone
            self._semaphore.give_back()
            await self._queue(until)
        # Admitted last, so that a probe never waits for anything but the provider.
        generation = self._breaker.admit()
        if generation is None:
            self._semaphore.give_back()
            raise self._refusal("unavailable", self._breaker.reason)
        self._generation = generation
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the permit back. Never waits: it must work in a task that is torn down."""
        self._breaker.abandon(self._generation)
        self._semaphore.give_back()

    def note(self, cause: Cause | None, retry_after_s: float | None = None) -> None:
        """Say how the call went, before leaving the permit.

        Args:
            cause: Why it brought nothing usable, None if it succeeded.
            retry_after_s: How long the provider asked to be left alone; begins a cooldown.
        """
        if retry_after_s:
            whole_endpoint = cause == "rate_limited" and retry_after_s <= ENDPOINT_WIDE_S
            self._cooldown.begin(None if whole_endpoint else self._model_name, retry_after_s)
        if cause in _FAILURES:
            self._breaker.fail(self._generation)
        elif cause not in _NO_VERDICT:
            self._breaker.succeed(self._generation)

    async def _queue(self, until: float) -> None:
        if self._breaker.refuses:
            raise self._refusal("unavailable", self._breaker.reason)
        if not await self._cooldown.sit_out(self._model_name, min(until - self._now(), self._longest_pause_s)):
            left = self._cooldown.left_s(self._model_name)
            raise self._refusal("rate_limited", f"was told to wait {left:.0f} s more, longer than the call may take")
        if not await self._semaphore.take(until - self._now()):
            waited = f"found no place within {self._acquire_timeout_s:.3g} s"
            raise self._refusal("rate_limited", f"{waited} ({self._semaphore.limit} calls at a time)")

    def _refusal(self, cause: Literal["unavailable", "rate_limited"], why: str) -> EndpointClosedError:
        return EndpointClosedError(cause, f"{redact(self._model_name)} {why}")

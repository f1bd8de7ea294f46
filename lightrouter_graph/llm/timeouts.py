"""Decides whether the timeout of a call is a failure of the endpoint, for its circuit breaker."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from lightrouter_graph.context import Calls
from lightrouter_graph.records import Stage

MIN_JUDGED_S = 10.0
"""Shortest time limit whose timeout counts where no operator set one: a shorter one says more about the caller."""

_operator: ContextVar[Calls | None] = ContextVar("operator_calls", default=None)


@contextmanager
def operator_limits(calls: Calls) -> Iterator[None]:
    """Let only timeouts of the operator's limits count in the block, not those of shorter ones that a client set.

    Without it, one client with short time limits could open the breakers of all others.

    Args:
        calls: Time limits of the operator.
    """
    token = _operator.set(calls)
    try:
        yield
    finally:
        _operator.reset(token)


def is_endpoint_failure(stage: Stage, timeout_s: float) -> bool:
    """Return True if the endpoint had the time that it may take.

    Args:
        stage: Step of the method that made the call.
        timeout_s: Time limit of the call, which it has exceeded.
    """
    calls = _operator.get()
    if calls is None:
        return timeout_s >= MIN_JUDGED_S
    return timeout_s >= (calls.boot_timeout_s if stage == "boot" else calls.timeout_s)

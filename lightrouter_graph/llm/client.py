"""Calls a chat model with retries, rate limits, timeout and budget. All calls of this package go through `complete`."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from langchain_core.messages import AnyMessage

from lightrouter_graph.llm.attempts import CallAttempts
from lightrouter_graph.llm.call import Call
from lightrouter_graph.llm.completion import Completion
from lightrouter_graph.pool import Candidate
from lightrouter_graph.records import CallCost
from lightrouter_graph.runtime.early_stop import EarlyStop

_recorded: ContextVar[list[CallCost] | None] = ContextVar("recorded", default=None)


async def complete(
    candidate: Candidate, messages: Sequence[AnyMessage], call: Call, *, early_stop: EarlyStop | None = None
) -> Completion:
    """Query one candidate. Failures of the provider are returned as records; only programming errors are raised.

    A refused or lost request is retried after the provider's Retry-After or an exponential backoff with jitter, within
    the retry budget of the run. If the endpoint refuses a field or a form of the request, another form is sent
    at once and remembered for the candidate. A response without text is a failure (`empty`) that was billed.

    Args:
        candidate: The candidate to query.
        messages: The conversation.
        call: Settings and limits of the call.
        early_stop: Early stop of the fan-out that the call is part of; None if no other call can stop it.

    Returns:
        The completion. If the call was stopped early, `failure` has the reason and `text` what had been streamed.
    """
    attempts = CallAttempts(candidate, messages, call)
    token = _recorded.set(None)  # a candidate may be a router itself, which records its own calls
    completion = None
    try:
        completion = await (attempts.run() if early_stop is None else _run_until_stopped(attempts, early_stop))
    except asyncio.CancelledError:
        completion = attempts.cancelled({"cause": "cancelled", "message": "cancelled by the caller"})
        raise
    finally:
        _recorded.reset(token)
        if completion is not None:
            record_completion(completion)
    return completion


async def _run_until_stopped(attempts: CallAttempts, early_stop: EarlyStop) -> Completion:
    completion = None if early_stop.stop_reason is not None else await early_stop.run(attempts.run())
    return completion or attempts.cancelled(
        early_stop.stop_reason or {"cause": "cancelled", "message": "no longer needed"}
    )


@contextmanager
def record_calls() -> Iterator[list[CallCost]]:
    """Record the cost of every model call made inside, in this task and in the tasks it starts.

    Yields:
        The list that `complete` appends to, with failed attempts and cancelled calls.
    """
    recorded: list[CallCost] = []
    token = _recorded.set(recorded)
    try:
        yield recorded
    finally:
        _recorded.reset(token)


def record_completion(completion: Completion) -> None:
    """Append the costs of all attempts of a completion to the list of the enclosing `record_calls`, if there is one.

    `complete` does so by itself. Call it for a saved completion that is replayed instead of a model call.

    Args:
        completion: The completion of any call.
    """
    recorded = _recorded.get()
    if recorded is not None:
        recorded += completion.call_costs

"""What is left when no candidate has answered: one that may only have been slow, and the texts that have arrived."""

from collections.abc import Sequence
from typing import NamedTuple

from lightrouter_graph.reasoning import strip_reasoning
from lightrouter_graph.records import Answer, Boot, Failure


class LastResort(NamedTuple):
    """Answers to return if no candidate answered, where they come from, and whether they are complete."""

    answers: list[Answer]
    source: str
    complete: bool


def last_hope(prior_order: Sequence[str], boots: Sequence[Boot], answers: Sequence[Answer]) -> str | None:
    """Return the first candidate in prior order whose boot had no time, or whose circuit breaker was open.

    Args:
        prior_order: All candidates of the layer, in prior order.
        boots: Boots of the layer.
        answers: Full answers of the layer.

    Returns:
        A name; None if a candidate is left that has not failed, or if such a candidate has failed again.
    """
    boot_failures = {boot["candidate"]: failure for boot in boots if (failure := boot["failure"]) is not None}
    failures = [(answer["candidate"], failure) for answer in answers if (failure := answer["failure"]) is not None]
    failures += boot_failures.items()
    names = [name for name, _ in failures]
    if len(names) > len(set(names)) or set(names) != set(prior_order):
        return None
    slow = {name for name, failure in boot_failures.items() if failure["cause"] == "timeout"}
    slow |= {name for name, failure in failures if _was_refused(failure)}
    return next((name for name in prior_order if name in slow), None)


def partial_answers(order: Sequence[str], answers: Sequence[Answer]) -> list[Answer]:
    """Return the failed answers of which text was received, best-ranked first.

    Args:
        order: The candidates, best first.
        answers: Full answers of the layer.
    """
    partial = [a for a in answers if a["failure"] is not None and strip_reasoning(a["text"]).strip()]
    return sorted(partial, key=lambda a: order.index(a["candidate"]) if a["candidate"] in order else len(order))


def _was_refused(failure: Failure) -> bool:
    """Return True for an open circuit breaker, or a provider that named the time of the next try."""
    return failure["cause"] == "unavailable" and "retry_after_s" in failure

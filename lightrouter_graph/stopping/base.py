"""`StopRule` protocol: given the answers so far, return the candidates to query next, or none to stop."""

from collections.abc import Coroutine, Iterable, Sequence
from typing import Any, Literal, NamedTuple, Protocol

from lightrouter_graph.errors import SelectionError, checked_choices
from lightrouter_graph.query import Query
from lightrouter_graph.state_queries import LayerStatus

StopCode = Literal[
    "agreement",
    "boots_agree",
    "same_text",
    "single_candidate",
    "top_k_reached",
    "no_more_candidates",
    "not_comparable",
    "agreement_out_of_reach",
    "deadline",
    "budget",
    "quorum",
    "last_resort",
    "rule",
]
"""Why a run stopped querying candidates; "rule" for a stop rule without `reason`."""


@checked_choices(SelectionError)
class StopReason(NamedTuple):
    """Reason why querying stops: a code for programs, a sentence for people."""

    code: StopCode
    text: str


class StopRule(Protocol):
    """Decides after the ranking, and after each round of answers, which candidates answer in full next.

    It may have two more methods. `counted(query, status)` returns the names of the candidates to merge, best first; by
    default all that have answered. `reason(query, status)` returns a `StopReason`, or a sentence.
    """

    def next_candidates(self, query: Query, status: LayerStatus) -> Sequence[str]:
        """Return the candidates to query in parallel next, a subset of `status.candidates` without an answer.

        Args:
            query: The query.
            status: Candidates in the order in which they are queried, and the keys of their answers.

        Returns:
            Names; empty to stop. The deadline and the budget are enforced by the graph: names returned after
            `status.deadline_exceeded` or with a `status.closed_reason` are ignored.
        """
        ...


def next_candidates(rule: StopRule, query: Query, status: LayerStatus) -> list[str]:
    """Return the names that a `rule` selects; none once the deadline, the budget or a quorum has closed the layer.

    Args:
        rule: The stop rule of the run.
        query: The query.
        status: Candidates in rank order, their answers, and what has closed the layer.
    """
    if status.deadline_exceeded or status.closed_reason:
        return []
    return [name for name in _checked(rule, rule.next_candidates(query, status), status) if name not in status.answers]


def _checked(rule: StopRule, names: Any, status: LayerStatus) -> list[str]:
    if isinstance(names, Coroutine):
        names.close()
        msg = f"{type(rule).__name__}.next_candidates must not be async"
        raise SelectionError(msg)
    if isinstance(names, str) or not isinstance(names, Iterable):
        msg = f"{type(rule).__name__}.next_candidates returned {names!r}, expected a list of names"
        raise SelectionError(msg)
    selected: list[str] = list(names)
    if unknown := [name for name in selected if name not in status.candidates]:
        msg = f"{type(rule).__name__}.next_candidates returned {unknown[0]!r}, expected names of {status.candidates}"
        raise SelectionError(msg)
    return selected


def counted(rule: StopRule, query: Query, status: LayerStatus) -> list[str]:
    """Return the names of the candidates to merge, best first: by default all that have answered.

    Args:
        rule: The stop rule; its method `counted` may select fewer.
        query: The query.
        status: Status of the layer.
    """
    choose = getattr(rule, "counted", None)
    names: Sequence[str] = choose(query, status) if choose else status.candidates
    return [name for name in names if name in status.answers]


def stop_reason(rule: StopRule, query: Query, status: LayerStatus) -> StopReason:
    """Return the reason why the layer queries no more candidates; agreement goes before a deadline or a budget.

    Args:
        rule: The stop rule; its method `reason` may return a `StopReason` or a sentence.
        query: The query.
        status: Status of the layer.
    """
    explain = getattr(rule, "reason", None)
    found = explain(query, status) if explain else "the stop rule selected no candidate"
    if isinstance(found, StopReason) and found.code in {"agreement", "rule"}:
        return found
    if status.deadline_exceeded:
        return StopReason("deadline", "the deadline has passed")
    if status.closed_reason:
        return StopReason("quorum" if "quorum" in status.closed_reason else "budget", status.closed_reason)
    return found if isinstance(found, StopReason) else StopReason("rule", found)

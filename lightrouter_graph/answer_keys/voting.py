"""Counts votes: how many answers have the same key. An answer without a key agrees with no other."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from lightrouter_graph.records import Agreement, Answer


def largest_group(keys: Iterable[str | None]) -> int:
    """Return the size of the largest group of equal `keys`; None is equal to no other key.

    >>> largest_group(["4", "5", "5", None, None, None])
    2
    """
    return max(Counter(key for key in keys if key is not None).values(), default=0)


def count_votes(answers: Iterable[Answer], weights: Mapping[str, float] | None = None) -> dict[str, float]:
    """Add up the votes for each key.

    Args:
        answers: The answers in rank order, best first. Those without a key do not vote.
        weights: The vote of each candidate by name, >= 0; None for one vote per answer.

    Returns:
        The sum of votes by key, in the rank order of the first answer of each key: `max` returns the better-ranked key
        of two that have equally many votes.
    """
    votes: dict[str, float] = {}
    for answer in answers:
        key = answer["key"]
        if key is not None:
            votes[key] = votes.get(key, 0.0) + (1.0 if weights is None else weights[answer["candidate"]])
    return votes


def agreement_of(answers: Sequence[Answer]) -> Agreement:
    """Group the `answers`, in rank order, by key."""
    groups: dict[str, list[str]] = {}
    for answer in answers:
        if answer["key"] is not None:
            groups.setdefault(answer["key"], []).append(answer["candidate"])
    return agreement_from(groups, len(answers))


def agreement_from(groups: Mapping[str, Sequence[str]], answered: int) -> Agreement:
    """Return the agreement of grouped answers.

    Args:
        groups: Candidates by key, in the rank order of the first answer of each key; `leader` is the first of those
            with most candidates.
        answered: Number of answers, those without a key included.
    """
    leader = max(groups, key=lambda key: len(groups[key]), default=None)
    return {
        "agreed": len(groups[leader]) if leader is not None else 0,
        "answered": answered,
        "leader": leader,
        "groups": {key: list(names) for key, names in groups.items()},
    }

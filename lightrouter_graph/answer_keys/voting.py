"""Counts votes: how many answers have the same key. An answer without a key agrees with no other."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from lightrouter_graph.records import Agreement, Answer

NO_LABELS: Mapping[str, str] = MappingProxyType({})
"""Every candidate has an opinion of its own."""


def largest_group(keys: Iterable[str | None]) -> int:
    """Return the size of the largest group of equal `keys`; None is equal to no other key.

    Args:
        keys: One answer key per response, in any order.

    >>> largest_group(["4", "5", "5", None, None, None])
    2
    """
    return max(Counter(key for key in keys if key is not None).values(), default=0)


def largest_opinion_group(keys: Mapping[str, str | None], opinions: Mapping[str, str] = NO_LABELS) -> int:
    """Return the largest number of opinions that have one key.

    Args:
        keys: Key by candidate; None is equal to no other key.
        opinions: Label of the opinion by candidate; one without a label has an opinion of its own.
    """
    return largest_group(key for key, _ in {(key, opinions.get(name, name)) for name, key in keys.items()})


def count_opinions(names: Iterable[str], opinions: Mapping[str, str] = NO_LABELS) -> int:
    """Return how many opinions the candidates with these `names` have.

    Args:
        names: Names of candidates; repeated ones count once.
        opinions: Label of the opinion by candidate; one without a label has an opinion of its own.
    """
    return len({opinions.get(name, name) for name in names})


def count_votes(
    answers: Iterable[Answer],
    weights: Mapping[str, float] | None = None,
    opinions: Mapping[str, str] = NO_LABELS,
) -> dict[str, float]:
    """Add up the votes for each key.

    Args:
        answers: The answers in rank order, best first. Those without a key do not vote.
        weights: The vote of each candidate by name, >= 0; None for one vote per answer.
        opinions: Label of the opinion by candidate. Answers of one opinion divide its vote.

    Returns:
        The sum of votes by key, in the rank order of the first answer of each key: `max` returns the better-ranked key
        of two that have equally many votes.
    """
    voting = [(answer["candidate"], answer["key"]) for answer in answers if answer["key"] is not None]
    shares = Counter(opinions.get(name, name) for name, _ in voting)
    votes: dict[str, float] = {}
    for name, key in voting:
        weight = 1.0 if weights is None else weights[name]
        votes[key] = votes.get(key, 0.0) + weight / shares[opinions.get(name, name)]
    return votes


def agreement_of(answers: Sequence[Answer], opinions: Mapping[str, str] = NO_LABELS) -> Agreement:
    """Group answers by key, in rank order.

    Args:
        answers: Answers with their keys, best-ranked first.
        opinions: Label of the opinion by candidate; candidates with one label have one vote.
    """
    groups: dict[str, list[str]] = {}
    for answer in answers:
        if answer["key"] is not None:
            groups.setdefault(answer["key"], []).append(answer["candidate"])
    return agreement_from(groups, count_opinions((answer["candidate"] for answer in answers), opinions), opinions)


def agreement_from(
    groups: Mapping[str, Sequence[str]], answered: int, opinions: Mapping[str, str] = NO_LABELS
) -> Agreement:
    """Return the agreement of grouped answers.

    Args:
        groups: Candidates by key, in the rank order of the first answer of each key; `leader` is the first of those
            with most opinions.
        answered: Number of opinions, those of answers without a key included.
        opinions: Label of the opinion by candidate.
    """
    sizes = {key: count_opinions(names, opinions) for key, names in groups.items()}
    leader = max(sizes, key=sizes.__getitem__, default=None)
    return {
        "agreed": 0 if leader is None else sizes[leader],
        "answered": answered,
        "leader": leader,
        "groups": {key: list(names) for key, names in groups.items()},
    }

"""Counting votes: who answered the same, and whose words are shown for it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from lightrouter_graph.evaluation.methods.base import Said


class Verdict(NamedTuple):
    """The winner of a vote; `share` is its part of the votes cast, 0 to 1, None where nobody could vote."""

    winner: Said
    share: float | None


def count_keys(said: Sequence[Said], weights: Mapping[str, float] | None = None) -> dict[str, float]:
    """Add up the votes for each key, keys in the order of their first voter; who has no key cannot vote.

    Args:
        said: The answers, most trusted first.
        weights: The vote of each candidate by name; None for one vote each.
    """
    votes: dict[str, float] = {}
    for one in said:
        if one.key is not None:
            votes[one.key] = votes.get(one.key, 0.0) + (1.0 if weights is None else weights[one.candidate.name])
    return votes


def take_majority(said: Sequence[Said]) -> Verdict:
    """Return the most trusted answer with the key most have; ties fall to the key whose first voter is more trusted.

    Args:
        said: At least one answer, most trusted first. Where none has a key, the first wins and has no share.
    """
    votes = count_keys(said)
    if not votes:
        return Verdict(said[0], None)
    best = max(votes, key=lambda key: votes[key])
    return Verdict(first_with(said, best), votes[best] / sum(votes.values()))


def first_with(said: Sequence[Said], key: str) -> Said:
    """Return the first answer that has this key."""
    return next(one for one in said if one.key == key)

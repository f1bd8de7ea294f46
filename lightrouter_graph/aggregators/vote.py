"""A weighted vote on the answers' keys."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lightrouter_graph.aggregators.base import Merged, passed_through
from lightrouter_graph.query import Query
from lightrouter_graph.records import Answer


@dataclass(frozen=True, slots=True)
class VoteAggregator:
    """Return the best-ranked answer among those that gave the winning key; no model call.

    Each answer votes with its candidate's prior score. Ties fall to the better-ranked. An answer without a key cannot
    vote; when none has one, the best-ranked answer is returned.

    Deviation from arXiv 2505.16221: the paper synthesises. A vote never invents an answer.
    """

    async def merge(self, query: Query, answers: Sequence[Answer]) -> Merged:
        """Count the votes."""
        votes = count_votes(answers, query.weights)
        if not votes:
            return passed_through(answers[0], "best")
        # The first of equals, keys standing in rank order; rounded, so that the order of adding makes no winner.
        winner = max(votes, key=lambda key: round(votes[key], 9))
        return passed_through(next(answer for answer in answers if answer["answer"] == winner), "vote")


def count_votes(answers: Sequence[Answer], weights: Mapping[str, float]) -> dict[str, float]:
    """Add up the weights behind each key, keys in the rank order of their first answer."""
    votes: dict[str, float] = {}
    for answer in answers:
        if answer["answer"] is not None:
            votes[answer["answer"]] = votes.get(answer["answer"], 0.0) + weights[answer["candidate"]]
    return votes

"""A weighted vote on the answers' keys."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lightrouter_graph.aggregators.base import Merged, passed_through
from lightrouter_graph.answer_keys import shared_fields
from lightrouter_graph.query import Query
from lightrouter_graph.records import Answer


@dataclass(frozen=True, slots=True)
class VoteAggregator:
    """Return the best-ranked answer among those that gave the winning key; no model call.

    Each answer votes with its candidate's prior score. Ties fall to the better-ranked. An answer without a key cannot
    vote; when none has one, the best-ranked answer is returned. Objects and tool calls have one vote each and are
    compared field by field: an answer lends the others as much of its vote as it shares fields with them, and the whole
    object with most behind it wins; where all differ alike, the best-ranked.

    Deviation from arXiv 2505.16221: the paper synthesises. A vote never invents an answer.
    """

    async def merge(self, query: Query, answers: Sequence[Answer]) -> Merged:
        """Count the votes."""
        by_field = query.request.wants_object or any(answer["tool_call_message"] is not None for answer in answers)
        votes = count_shares(answers) if by_field else count_votes(answers, query.weights)
        if not votes:
            return passed_through(answers[0], "best")
        # The first of equals, keys standing in rank order; rounded, so that the order of adding makes no winner.
        winner = max(votes, key=lambda key: round(votes[key], 9))
        chosen = next(answer for answer in answers if answer["answer"] == winner)
        return passed_through(chosen, "vote")


def count_votes(answers: Sequence[Answer], weights: Mapping[str, float]) -> dict[str, float]:
    """Add up the weights behind each key, keys in the rank order of their first answer."""
    votes: dict[str, float] = {}
    for answer in answers:
        if answer["answer"] is not None:
            votes[answer["answer"]] = votes.get(answer["answer"], 0.0) + weights[answer["candidate"]]
    return votes


def count_shares(answers: Sequence[Answer]) -> dict[str, float]:
    """Add up how much of each answer stands behind each key, keys in the rank order of their first answer.

    Without the prior's weights: they would set the answer of the candidate believed in most above the ranking wherever
    all answers differ.
    """
    keys = [answer["answer"] for answer in answers if answer["answer"] is not None]
    return {key: sum(shared_fields(key, other) for other in keys) for key in dict.fromkeys(keys)}

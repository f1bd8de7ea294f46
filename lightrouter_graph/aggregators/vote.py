"""A weighted vote on the answers' keys."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from langchain_core.messages import ToolCall

from lightrouter_graph.aggregators.base import Merged, passed_through
from lightrouter_graph.answers import canonical_object, shared_fields
from lightrouter_graph.query import Query
from lightrouter_graph.records import Answer, Proposal


@dataclass(frozen=True, slots=True)
class VoteAggregator:
    """Return the best-ranked answer among those that gave the winning key; no model call.

    Each answer votes with its candidate's prior score. Ties fall to the better-ranked. An answer without a key cannot
    vote; when none has one, the best-ranked answer is returned. Objects and tool calls have one vote each and are
    compared field by field: an answer lends the others as much of its vote as it shares fields with them, and the whole
    object with most behind it wins; where all differ alike, the best-ranked.

    Args:
        mix_fields: Put the object together from the value most votes stand behind in each of its fields: only for
            structured output, and only where the mixture fits the schema.

    Deviation from arXiv 2505.16221: the paper synthesises. A vote never invents an answer, unless fields are mixed.
    """

    mix_fields: bool = False

    async def merge(self, query: Query, answers: Sequence[Answer]) -> Merged:
        """Count the votes."""
        by_field = query.request.wants_object or any(answer["proposal"] is not None for answer in answers)
        votes = count_shares(answers) if by_field else count_votes(answers, query.weights)
        if not votes:
            return passed_through(answers[0], "best")
        # The first of equals, keys standing in rank order; rounded, so that the order of adding makes no winner.
        winner = max(votes, key=lambda key: round(votes[key], 9))
        chosen = next(answer for answer in answers if answer["answer"] == winner)
        return (self._mixture(query, answers, chosen) if self.mix_fields else None) or passed_through(chosen, "vote")

    def _mixture(self, query: Query, answers: Sequence[Answer], chosen: Answer) -> Merged | None:
        """Return the object with each field voted on by itself, where that makes another one that fits."""
        rivals = [(_object_of(a, query), query.weights[a["candidate"]]) for a in answers if a["answer"] is not None]
        if not query.request.wants_object or any(value is None for value, _ in rivals):
            return None
        objects = [(value, weight) for value, weight in rivals if value is not None]
        names = dict.fromkeys(name for value, _ in [(_object_of(chosen, query) or {}, 0.0), *objects] for name in value)
        voted = {name: _most_voted(name, objects) for name in names}
        mixed = {name: value for name, value in voted.items() if value is not _ABSENT}
        if mixed == _object_of(chosen, query) or not query.request.accepts(mixed):
            return None
        merged = passed_through(chosen, "vote by field")
        if merged.proposal is None:
            return replace(merged, text=json.dumps(mixed, ensure_ascii=False), message_id=None)
        call = ToolCall(name=merged.proposal["tool_calls"][0]["name"], args=mixed, id=None, type="tool_call")
        # The provider's own blocks hold the arguments of the one answer: they would contradict the mixture.
        bare: Proposal = {"content": "", "tool_calls": [call], "additional_kwargs": {}, "response_metadata": {}}
        return replace(merged, message_id=None, proposal=bare)


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


def _object_of(answer: Answer, query: Query) -> dict[str, Any] | None:
    """Return the object an answer gives as structured output; None for several calls, or none."""
    if answer["proposal"] is None:
        value = json.loads(answer["answer"] or "null")
    else:
        calls = answer["proposal"]["tool_calls"]
        value = calls[0]["args"] if len(calls) == 1 and query.request.structured else None
    return value if isinstance(value, dict) else None


_ABSENT = object()


def _most_voted(name: str, objects: Sequence[tuple[Mapping[str, Any], float]]) -> Any:
    """Return the value most votes stand behind; to leave the field out is a vote, too."""
    votes: dict[str | None, float] = {}
    values: dict[str | None, Any] = {}
    for value, weight in objects:
        key = canonical_object(value[name]) if name in value else None
        votes[key] = votes.get(key, 0.0) + weight
        values.setdefault(key, value.get(name, _ABSENT))
    return values[max(votes, key=lambda key: round(votes[key], 9))]

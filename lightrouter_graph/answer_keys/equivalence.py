"""`Equivalence` protocol: decides which answers of a layer give the same answer."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from lightrouter_graph.answer_keys.voting import agreement_of
from lightrouter_graph.errors import SelectionError
from lightrouter_graph.records import Answer

if TYPE_CHECKING:  # the layer of `query` is above this one
    from lightrouter_graph.query import Query


@runtime_checkable
class Equivalence(Protocol):
    """Groups equal answers. An implementation may call a model with `query.ask`, or compare embeddings."""

    async def group(self, query: "Query", answers: Sequence[Answer]) -> Sequence[Sequence[str]]:
        """Group the answers that give the same answer.

        Args:
            query: The question, the pool and the settings of the run.
            answers: The answers to compare, in rank order, best first; each candidate once.

        Returns:
            Groups of candidate names, without overlap. A candidate in no group agrees with no other candidate.
        """
        ...


@dataclass(frozen=True, slots=True)
class KeyEquivalence:
    """Answers with equal keys are equal. This is the default; it makes no model call."""

    async def group(self, query: "Query", answers: Sequence[Answer]) -> Sequence[Sequence[str]]:  # noqa: ARG002
        """Group the answers by key, in the rank order of the first answer of each key; see `Equivalence`.

        Args:
            query: The query; it is not read.
            answers: Answers with their keys, best-ranked first.
        """
        return tuple(agreement_of(answers)["groups"].values())


def name_groups(groups: Sequence[Sequence[str]], answers: Sequence[Answer]) -> dict[str, list[str]]:
    """Name each group by the key of its best-ranked answer that has one; without any, by its best-ranked candidate.

    A single answer without a key is left out. The candidates of a group, and the groups, are in the rank order of the
    `answers`.

    Args:
        groups: Names of candidates with equal answers, as an `Equivalence` returns them.
        answers: All answers, best-ranked first.

    Raises:
        SelectionError: If a name is not the candidate of an answer, or is in two groups.
    """
    keys, rank = {a["candidate"]: a["key"] for a in answers}, {a["candidate"]: n for n, a in enumerate(answers)}
    names = Counter(name for group in groups for name in group)
    if wrong := [name for name, count in names.items() if name not in rank or count > 1]:
        msg = f"an equivalence must return each answering candidate at most once ({', '.join(rank)}), got {wrong}"
        raise SelectionError(msg)
    named: dict[str, list[str]] = {}
    for group in sorted((sorted(group, key=rank.__getitem__) for group in groups if group), key=lambda g: rank[g[0]]):
        key = next((keys[name] for name in group if keys[name] is not None), None)
        if key is not None or len(group) > 1:
            named.setdefault(key or f"same answer as {group[0]}", []).extend(group)
    return named

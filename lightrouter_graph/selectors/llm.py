"""A model as judge of the boots: the paper's own selector, with what is known to mislead judges taken away."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from string import ascii_uppercase

from langchain_core.language_models import BaseChatModel

from lightrouter_graph.llm.tool_calls import render_reply
from lightrouter_graph.pool import Candidate
from lightrouter_graph.query import PlannedCall, Query
from lightrouter_graph.records import Boot, CallCost
from lightrouter_graph.selectors.base import Scores, Selector
from lightrouter_graph.selectors.consistency import ConsistencySelector
from lightrouter_graph.selectors.judge_call import Verdict, ask_judge, planned_asking

_SHORTEST = 200
"""Boots are cut to the length of the shortest, but never below so many characters."""


@dataclass(frozen=True, slots=True)
class LLMSelector:
    """Let a model score the boots.

    The judge sees neither names nor the pool's order: the boots carry labels and are shuffled, with a recorded seed.
    It is asked twice, the second time in reversed order; a pair whose order flips is a tie. All boots are cut to
    equal length. They reach the judge as JSON data, so that an instruction inside a boot stays text. A reply that
    does not fit is repaired once; without a usable verdict the fallback decides.

    Args:
        model: The judge: a chat model, a spec string or a `Candidate`. None: the candidate the prior puts first.
        fallback: Who decides when the judge does not.

    Source: arXiv 2505.16221, the selector agent. Deviation: its prompt is not published; both orders are asked and
    averaged as pairwise wins, because judges are known to prefer positions.
    """

    model: Candidate | BaseChatModel | str | None = None
    fallback: Selector = field(default_factory=ConsistencySelector)

    def __post_init__(self) -> None:
        if self.model is not None and not isinstance(self.model, Candidate):
            object.__setattr__(self, "model", Candidate("judge", self.model))

    async def score(self, query: Query, boots: Sequence[Boot]) -> Scores:
        """Score the boots by the share of pairwise comparisons each wins in the judge's eyes, a tie counting half."""
        judge = self.model if isinstance(self.model, Candidate) else query.first
        labelled = _labelled(boots, query)
        told = {label: render_reply(boot["text"], boot["tool_call_message"]) for label, boot in labelled.items()}
        cut = _cut_equally(told)
        rulings = await asyncio.gather(
            ask_judge(judge, query, cut), ask_judge(judge, query, dict(reversed(cut.items())))
        )
        verdicts = [ruling.verdict for ruling in rulings if ruling.verdict is not None]
        call_costs = tuple(call_cost for ruling in rulings for call_cost in ruling.call_costs)
        notes = {"judge": judge.name, "seed": str(query.seed)}
        if problems := [ruling.problem for ruling in rulings if ruling.problem]:
            notes["judge_problems"] = "; ".join(problems)
        if not verdicts:
            return await self._fall_back(query, boots, notes, call_costs)
        candidates = {label: boot["candidate"] for label, boot in labelled.items()}
        return _scores(candidates, verdicts, notes, call_costs)

    def planned(self, query: Query, texts: Sequence[str]) -> Sequence[PlannedCall]:
        """Say what calls it makes: the judge is asked twice."""
        judge = self.model if isinstance(self.model, Candidate) else query.first
        shown_texts = _cut_equally({_label(place): text for place, text in enumerate(texts, start=1)})
        return [planned_asking(judge, query, shown_texts)] * 2

    async def _fall_back(
        self, query: Query, boots: Sequence[Boot], notes: dict[str, str], call_costs: tuple[CallCost, ...]
    ) -> Scores:
        instead = await self.fallback.score(query, boots)
        return Scores(
            by_candidate=instead.by_candidate,
            reasons=instead.reasons,
            notes={**notes, **instead.notes, "fallback": "the judge gave no usable verdict"},
            call_costs=call_costs + instead.call_costs,
            selector=f"llm, then {instead.selector}",
        )


def _labelled(boots: Sequence[Boot], query: Query) -> dict[str, Boot]:
    """Shuffle the boots, reproducibly and whatever order they came in, and label them A, B, C, ..."""
    shuffled = sorted(boots, key=lambda boot: boot["candidate"])
    Random(f"{query.seed}/{query.layer}").shuffle(shuffled)
    return {_label(place): boot for place, boot in enumerate(shuffled, start=1)}


def _label(place: int) -> str:
    """1 is A, 26 is Z, 27 is AA."""
    letters = ""
    while place:
        place, letter = divmod(place - 1, len(ascii_uppercase))
        letters = ascii_uppercase[letter] + letters
    return letters


def _cut_equally(texts: Mapping[str, str]) -> dict[str, str]:
    length = max(_SHORTEST, min(len(text) for text in texts.values()))
    return {label: text[:length] for label, text in texts.items()}


def _scores(
    candidates: Mapping[str, str],
    verdicts: Sequence[Verdict],
    notes: dict[str, str],
    call_costs: tuple[CallCost, ...],
) -> Scores:
    rivals = max(len(candidates) - 1, 1)
    wins = {one: sum(_win(one, other, verdicts) for other in candidates if other != one) for one in candidates}
    flips = sum(_flipped(one, other, verdicts) for one in candidates for other in candidates if one < other)
    return Scores(
        by_candidate={candidates[label]: won / rivals for label, won in wins.items()},
        reasons={candidate: _reason(label, verdicts) for label, candidate in candidates.items()},
        notes={**notes, "order_flips": str(flips)},
        call_costs=call_costs,
        selector="llm",
    )


def _win(one: str, other: str, verdicts: Sequence[Verdict]) -> float:
    """1 for a win, 0 for a loss, one half for a tie; a pair that flips with the order of showing is a tie."""
    leads = _leads(one, other, verdicts)
    if min(leads) < 0 < max(leads):
        return 0.5
    return 0.5 + 0.5 * (sum(leads) > 0) - 0.5 * (sum(leads) < 0)


def _flipped(one: str, other: str, verdicts: Sequence[Verdict]) -> bool:
    leads = _leads(one, other, verdicts)
    return min(leads) < 0 < max(leads)


def _leads(one: str, other: str, verdicts: Sequence[Verdict]) -> list[float]:
    return [verdict[one].score - verdict[other].score for verdict in verdicts]


def _reason(label: str, verdicts: Sequence[Verdict]) -> str:
    given = ", ".join(f"{verdict[label].score:g}" for verdict in verdicts)
    said = next((verdict[label].reason for verdict in verdicts if verdict[label].reason), "")
    return f"{given} of 10: {said}" if said else f"{given} of 10"

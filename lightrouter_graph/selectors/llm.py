"""A model that judges the boots: the selector of the paper, with precautions against known biases of judges."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from random import Random
from string import ascii_uppercase

from langchain_core.language_models import BaseChatModel

from lightrouter_graph.llm.tool_calls import render_reply
from lightrouter_graph.pool import Candidate
from lightrouter_graph.query import PlannedCall, Query
from lightrouter_graph.records import Boot
from lightrouter_graph.selectors.base import Scores, Selector
from lightrouter_graph.selectors.consistency import ConsistencySelector
from lightrouter_graph.selectors.judge_call import Verdict, ask_judge, planned_judge_call

_MIN_LENGTH = 200
"""Boots are cut to the length of the shortest, but not below this number of characters."""


@dataclass(frozen=True, slots=True)
class LLMSelector:
    """Let a model score the boots.

    The prompt contains neither names nor the order of the pool: the boots are labelled and shuffled, with a recorded
    seed. The judge is asked twice, the second time in reversed order; a pair with different orders is a tie. All boots
    are cut to equal length and quoted as JSON, so that an instruction inside a boot stays text. An invalid reply is
    repaired once; without a usable verdict the fallback scores.

    Args:
        model: The judge: a chat model, a spec string or a `Candidate`. None: the first candidate in prior order.
        fallback: Selector to use if the judge returns no usable verdict.

    Source: arXiv 2505.16221, the selector agent. Deviation: its prompt is not published; both orders are asked and
    averaged as pairwise wins, because judges are known to prefer positions.
    """

    model: Candidate | BaseChatModel | str | None = None
    fallback: Selector = field(default_factory=ConsistencySelector)

    def __post_init__(self) -> None:
        if self.model is not None and not isinstance(self.model, Candidate):
            object.__setattr__(self, "model", Candidate("judge", self.model))

    async def score(self, query: Query, boots: Sequence[Boot]) -> Scores:
        """Score each boot by the share of pairwise comparisons that it wins; a tie counts half.

        Args:
            query: The query; its first candidate is the judge, unless the selector has a model.
            boots: Boots in prior order, at least two.
        """
        judge = self.model if isinstance(self.model, Candidate) else query.first
        labelled = _labelled(boots, query)
        replies_of = {label: render_reply(b["text"], b["tool_call_message"]) for label, b in labelled.items()}
        texts = _cut_equally(replies_of)
        orders = (texts, dict(reversed(texts.items())))
        replies = await asyncio.gather(*(ask_judge(judge, query, order) for order in orders))
        verdicts = [verdict for verdict, _ in replies if verdict is not None]
        notes = {"judge": judge.name, "seed": str(query.seed)}
        if problems := [problem for _, problem in replies if problem]:
            notes["judge_problems"] = "; ".join(problems)
        if not verdicts:
            scores = await self.fallback.score(query, boots)
            notes = {**notes, **scores.notes, "fallback": "the judge returned no usable verdict"}
            return replace(scores, notes=notes, selector=f"llm, then {scores.selector}")
        return _scores({label: boot["candidate"] for label, boot in labelled.items()}, verdicts, notes)

    def planned(self, query: Query, texts: Sequence[str]) -> Sequence[PlannedCall]:
        """Return its calls: the judge is asked twice about the `texts` of the boots, in the `query`.

        Args:
            query: The query of the boots.
            texts: The boots, or texts of their maximum length while the budget is planned.
        """
        judge = self.model if isinstance(self.model, Candidate) else query.first
        labelled = _cut_equally({_label(place): text for place, text in enumerate(texts, start=1)})
        return [planned_judge_call(judge, query, labelled)] * 2


def _labelled(boots: Sequence[Boot], query: Query) -> dict[str, Boot]:
    """Shuffle the boots, independently of their order, and label them A, B, C, ..."""
    shuffled = sorted(boots, key=lambda boot: boot["candidate"])
    Random(f"{query.seed}/{query.layer}").shuffle(shuffled)
    return {_label(place): boot for place, boot in enumerate(shuffled, start=1)}


def _label(place: int) -> str:
    """Return A for 1, Z for 26, AA for 27."""
    letters = ""
    while place:
        place, letter = divmod(place - 1, len(ascii_uppercase))
        letters = ascii_uppercase[letter] + letters
    return letters


def _cut_equally(texts: Mapping[str, str]) -> dict[str, str]:
    length = max(_MIN_LENGTH, min(len(text) for text in texts.values()))
    return {label: text[:length] for label, text in texts.items()}


def _scores(candidates: Mapping[str, str], verdicts: Sequence[Verdict], notes: dict[str, str]) -> Scores:
    rivals = max(len(candidates) - 1, 1)
    wins = {one: sum(_win(one, other, verdicts) for other in candidates if other != one) for one in candidates}
    flips = sum(_leads(*pair, verdicts) == {1, -1} for pair in combinations(candidates, 2))
    return Scores(
        by_candidate={candidates[label]: won / rivals for label, won in wins.items()},
        reasons={candidate: _reason(label, verdicts) for label, candidate in candidates.items()},
        notes={**notes, "order_flips": str(flips)},
        selector="llm",
    )


def _win(one: str, other: str, verdicts: Sequence[Verdict]) -> float:
    """Return 1 for a win, 0 for a loss, 0.5 for a tie; a pair that flips with the order is a tie."""
    leads = _leads(one, other, verdicts)
    return 0.5 + 0.5 * ((1 in leads) - (-1 in leads))


def _leads(one: str, other: str, verdicts: Sequence[Verdict]) -> set[int]:
    """Return 1 if a verdict prefers the first label, and -1 if one prefers the second."""
    leads = (verdict[one].score - verdict[other].score for verdict in verdicts)
    return {1 if lead > 0 else -1 for lead in leads if lead}


def _reason(label: str, verdicts: Sequence[Verdict]) -> str:
    scores = ", ".join(f"{verdict[label].score:g}" for verdict in verdicts)
    reason = next((verdict[label].reason for verdict in verdicts if verdict[label].reason), "")
    return f"{scores} of 10: {reason}" if reason else f"{scores} of 10"

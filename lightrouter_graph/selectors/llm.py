"""A model as judge of the boots: the paper's own selector, with what is known to mislead judges taken away."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from string import ascii_uppercase

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AnyMessage
from pydantic import BaseModel, Field, ValidationError

from lightrouter_graph import prompts
from lightrouter_graph.completion import Call, complete
from lightrouter_graph.pool import Candidate
from lightrouter_graph.query import Query
from lightrouter_graph.records import Boot, Spending
from lightrouter_graph.selectors.base import Scores, Selector
from lightrouter_graph.selectors.consistency import ConsistencySelector

_SHORTEST = 200
"""Boots are cut to the length of the shortest, but never below so many characters."""

_LONGEST_VERDICT = 1000
"""Cap on the judge's reply, in tokens."""


class JudgedBoot(BaseModel):
    """One line of a judge's verdict."""

    label: str
    score: float = Field(ge=0, le=10)
    reason: str = ""


class Judgement(BaseModel):
    """What a judge is to reply."""

    scores: list[JudgedBoot]


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
        labelled = _anonymised(boots, query)
        backwards = dict(reversed(labelled.items()))
        rulings = await asyncio.gather(_Session(judge, query).judge(labelled), _Session(judge, query).judge(backwards))
        spendings = tuple(spending for ruling in rulings for spending in ruling.spendings)
        verdicts = [ruling.verdict for ruling in rulings if ruling.verdict is not None]
        notes = {"judge": judge.name, "seed": str(query.seed)}
        problems = [ruling.problem for ruling in rulings if ruling.problem]
        if problems:
            notes["judge_problems"] = "; ".join(problems)
        if not verdicts:
            return await self._fall_back(query, boots, notes, spendings)
        return _scores(labelled, verdicts, notes, spendings)

    async def _fall_back(
        self, query: Query, boots: Sequence[Boot], notes: dict[str, str], spendings: tuple[Spending, ...]
    ) -> Scores:
        instead = await self.fallback.score(query, boots)
        return Scores(
            by_candidate=instead.by_candidate,
            reasons=instead.reasons,
            notes={**notes, **instead.notes, "fallback": "the judge gave no usable verdict"},
            spendings=spendings + instead.spendings,
            selector=f"llm, then {instead.selector}",
        )


@dataclass(frozen=True, slots=True)
class _Anonymous:
    candidate: str
    text: str


@dataclass(frozen=True, slots=True)
class _Ruling:
    """One asking of the judge, repair included: what it said by label, or why it is of no use."""

    verdict: Mapping[str, JudgedBoot] | None
    spendings: tuple[Spending, ...]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class _Session:
    judge_: Candidate
    query: Query

    async def judge(self, labelled: Mapping[str, _Anonymous]) -> _Ruling:
        """Ask once, and once more if the reply does not fit."""
        asked = prompts.judge_boots(self.query.messages, {label: boot.text for label, boot in labelled.items()})
        first = await self._ask(asked, labelled)
        if first.verdict is not None or not first.problem.startswith(_UNFIT):
            return first
        again = prompts.repair_judgement(asked, first.reply, first.problem, sorted(labelled))
        second = await self._ask(again, labelled)
        return _Ruling(second.verdict, first.spendings + second.spendings, second.problem)

    async def _ask(self, messages: Sequence[AnyMessage], labelled: Mapping[str, _Anonymous]) -> "_Reply":
        call = Call(
            stage="select",
            layer=self.query.layer,
            timeout_s=self.query.seconds,
            max_tokens=_LONGEST_VERDICT,
            schema=Judgement,
        )
        reply = await complete(self.judge_, messages, call)
        if reply.failure is not None:
            return _Reply(None, (reply.spending,), f"{reply.failure['cause']}: {reply.failure['message']}")
        verdict, problem = read_judgement(reply.text, labelled)
        return _Reply(verdict, (reply.spending,), problem, reply.text)


@dataclass(frozen=True, slots=True)
class _Reply(_Ruling):
    reply: str = ""


_UNFIT = "unfit reply"


def read_judgement(text: str, labels: Mapping[str, object]) -> tuple[dict[str, JudgedBoot] | None, str]:
    """Read a judge's reply.

    Args:
        text: The reply; prose and fences around the JSON object are tolerated.
        labels: The labels that were shown.

    Returns:
        The verdict by label and "", or None and what is wrong with the reply.
    """
    begin, end = text.find("{"), text.rfind("}")
    try:
        judgement = Judgement.model_validate(json.loads(text[begin : end + 1]))
    except (ValueError, ValidationError) as exc:
        return None, f"{_UNFIT}: not the JSON object that was asked for ({type(exc).__name__})"
    given = [boot.label for boot in judgement.scores]
    if sorted(given) != sorted(labels):
        return None, f"{_UNFIT}: labels {given} instead of {sorted(labels)}"
    return {boot.label: boot for boot in judgement.scores}, ""


def _anonymised(boots: Sequence[Boot], query: Query) -> dict[str, _Anonymous]:
    """Shuffle the boots, reproducibly and whatever order they came in; label them; cut them to equal length."""
    shuffled = sorted(boots, key=lambda boot: boot["candidate"])
    Random(f"{query.seed}/{query.layer}").shuffle(shuffled)
    length = max(_SHORTEST, min(len(boot["text"]) for boot in boots))
    return {_label(place): _Anonymous(boot["candidate"], boot["text"][:length]) for place, boot in enumerate(shuffled)}


def _label(place: int) -> str:
    """A, B, ..., Z, AA, AB, ..."""
    letters = ""
    place += 1
    while place:
        place, letter = divmod(place - 1, len(ascii_uppercase))
        letters = ascii_uppercase[letter] + letters
    return letters


def _scores(
    labelled: Mapping[str, _Anonymous],
    verdicts: Sequence[Mapping[str, JudgedBoot]],
    notes: dict[str, str],
    spendings: tuple[Spending, ...],
) -> Scores:
    wins = {one: sum(_win(one, other, verdicts) for other in labelled if other != one) for one in labelled}
    flips = sum(_flipped(one, other, verdicts) for one in labelled for other in labelled if one < other)
    rivals = max(len(labelled) - 1, 1)
    return Scores(
        by_candidate={labelled[label].candidate: won / rivals for label, won in wins.items()},
        reasons={boot.candidate: _reason(label, verdicts) for label, boot in labelled.items()},
        notes={**notes, "order_flips": str(flips)},
        spendings=spendings,
        selector="llm",
    )


def _win(one: str, other: str, verdicts: Sequence[Mapping[str, JudgedBoot]]) -> float:
    """1 for a win, 0 for a loss, one half for a tie; a pair that flips with the order of showing is a tie."""
    leads = [verdict[one].score - verdict[other].score for verdict in verdicts]
    if all(lead >= 0 for lead in leads) and any(lead > 0 for lead in leads):
        return 1.0
    if all(lead <= 0 for lead in leads) and any(lead < 0 for lead in leads):
        return 0.0
    return 0.5


def _flipped(one: str, other: str, verdicts: Sequence[Mapping[str, JudgedBoot]]) -> bool:
    leads = [verdict[one].score - verdict[other].score for verdict in verdicts]
    return min(leads) < 0 < max(leads)


def _reason(label: str, verdicts: Sequence[Mapping[str, JudgedBoot]]) -> str:
    given = ", ".join(f"{verdict[label].score:g}" for verdict in verdicts)
    said = next((verdict[label].reason for verdict in verdicts if verdict[label].reason), "")
    return f"{given} of 10: {said}" if said else f"{given} of 10"

"""`select`: compare the boots, rank them, drop the weak."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from lightrouter_graph.answer_keys import AnswerKey
from lightrouter_graph.errors import PROGRAMMING_ERRORS, SelectionError
from lightrouter_graph.llm.client import record_calls
from lightrouter_graph.llm.request import PLAIN, Request
from lightrouter_graph.planning import Planner, answers_update, progress_of, remaining_of
from lightrouter_graph.pool import Pool
from lightrouter_graph.query import Query, query_of
from lightrouter_graph.records import NOTHING_SPENT, Boot, Ranking
from lightrouter_graph.redaction import redact
from lightrouter_graph.runtime.run_registry import RunRegistry
from lightrouter_graph.runtime.token_stream import run_hidden
from lightrouter_graph.selectors import ConsistencySelector, Scores, Selector
from lightrouter_graph.selectors.base import rank
from lightrouter_graph.state import State, Update
from lightrouter_graph.state_queries import (
    bound_by_deadline,
    dropped,
    ends_in_draft,
    going_on,
    is_settled,
    next_up,
    seconds_left,
    survivors,
    with_evidence,
)
from lightrouter_graph.telemetry.events import emit_event
from lightrouter_graph.telemetry.tracing import trace_ranking

_NEUTRAL = 0.5
_LONGEST_PROBLEM = 300


@dataclass(frozen=True, slots=True)
class SelectNode:
    """Let the selector score the boots that survived, and rank them.

    No selector is paid where there is nothing to decide: with one boot left, or when the boots that finished already
    settle the answer. Boots that are no evidence are not compared. A selector that fails is replaced by consistency.

    Source: arXiv 2505.16221, the selector.
    """

    pool: Pool
    key: AnswerKey
    selectors: Mapping[str, Selector]
    runs: RunRegistry
    planner: Planner
    request: Request = PLAIN

    async def __call__(self, state: State) -> Update:
        """Return the ranking and what it cost."""
        self.runs.end(state["run"])
        boots = survivors(state)
        query = query_of(state, self.pool, self.key, self.request, self.runs)
        progress = progress_of(state, query)
        plan = self.planner.plan_selection(query, remaining_of(state), progress)
        query = replace(
            query,
            settings=query.settings.model_copy(update=plan.settings),
            purse=progress.reservations(plan.allowance),
        )
        scores = _with_silent(await self._score(state, query, [b for b in boots if not b["silent"]]), boots)
        ranking = _ranking(query, boots, scores)
        late = seconds_left(state["started"], query.settings.deadline_s, 1.0) == 0
        update: Update = {"rankings": [ranking], "call_costs": list(scores.call_costs), "late": late}
        ranked: State = {
            **state,
            "rankings": [*state["rankings"], ranking],
            "call_costs": [*state["call_costs"], *scores.call_costs],
            "late": late,
            "up": None,
        }
        update |= self._next(ranked, plan.notes)
        _tell(cast("State", {**ranked, **update, "rankings": ranked["rankings"]}), ranking, update["notes"])
        return update

    def _next(self, state: State, notes: Sequence[str]) -> Update:
        """Say who answers next, as far as it can be paid for."""
        if ends_in_draft(state):
            return {"up": None, "in_flight": NOTHING_SPENT, "notes": list(notes)}
        query = query_of(state, self.pool, self.key, self.request, self.runs)
        plan = self.planner.plan_answers(query, remaining_of(state), progress_of(state, query), next_up(state))
        return answers_update(plan, notes)

    async def _score(self, state: State, query: Query, told: Sequence[Boot]) -> Scores:
        if not told:
            return Scores({}, "nobody")
        if len(told) == 1:
            return Scores({told[0]["candidate"]: 1.0}, "nobody", {told[0]["candidate"]: "the only boot"})
        boots = [with_evidence(boot) for boot in told]
        settled = ConsistencySelector() if is_settled(state) else None
        selector = settled or self.selectors[query.settings.selector]
        try:
            with record_calls() as noted:
                async with bound_by_deadline(state) as limit:
                    scores = await run_hidden(selector.score(query, boots))
        except PROGRAMMING_ERRORS:
            raise
        except Exception as exc:  # noqa: BLE001 - a selector that calls out may raise anything, and there are others
            late = isinstance(exc, TimeoutError) and limit.expired()
            problem = "took longer than the deadline allows" if late else redact(f"{type(exc).__name__}: {exc}")
            return replace(await _instead(query, boots, problem), call_costs=tuple(noted))
        if not isinstance(scores, Scores):
            msg = f"{type(selector).__name__}.score returned {type(scores).__name__}, expected Scores"
            raise SelectionError(msg)
        return scores


async def _instead(query: Query, boots: Sequence[Boot], problem: str) -> Scores:
    """Compare the boots without the selector that failed."""
    scores = await ConsistencySelector().score(query, boots)
    return replace(scores, notes={**scores.notes, "fallback": f"the selector failed: {problem}"[:_LONGEST_PROBLEM]})


def _with_silent(scores: Scores, boots: Sequence[Boot]) -> Scores:
    """Give the boots that are no evidence the mean of the others: no reason to rank them last, or first."""
    silent = {boot["candidate"]: f"no evidence: {boot['silent']}" for boot in boots if boot["silent"]}
    if not silent:
        return scores
    known = scores.by_candidate.values()
    neutral = sum(known) / len(known) if len(known) > 1 else _NEUTRAL
    return replace(
        scores,
        by_candidate={**scores.by_candidate, **dict.fromkeys(silent, neutral)},
        reasons={**scores.reasons, **silent},
    )


def _ranking(query: Query, boots: Sequence[Boot], scores: Scores) -> Ranking:
    known = {boot["candidate"] for boot in boots}
    for name, score in scores.by_candidate.items():
        if name not in known or not 0 <= score <= 1:
            msg = (
                f"selector {scores.selector!r} gave {name!r} the score {score!r}; it must be 0 to 1 for one of {known}"
            )
            raise SelectionError(msg)
    return {
        "layer": query.layer,
        "selector": scores.selector,
        "order": rank(scores.by_candidate, query.order),
        # Plain floats: a numpy scalar would not survive a checkpoint.
        "scores": {name: float(score) for name, score in scores.by_candidate.items()},
        "reasons": dict(scores.reasons),
        "notes": dict(scores.notes),
    }


def _tell(state: State, ranking: Ranking, notes: Sequence[str]) -> None:
    out = dropped(state)
    trace_ranking(ranking, out)
    emit_event(
        {
            "type": "lightrouter",
            "event": "ranked",
            "layer": ranking["layer"],
            "selector": ranking["selector"],
            "order": ranking["order"],
            "scores": ranking["scores"],
            "reasons": ranking["reasons"],
            "going_on": going_on(state),
            "dropped": out,
            "notes": list(notes),
        }
    )

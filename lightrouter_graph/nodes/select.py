"""`select`: the selector compares the boots, ranks them, and the weak are dropped."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from numbers import Real

from lightrouter_graph.answer_keys.equivalence import KeyEquivalence
from lightrouter_graph.errors import SelectionError
from lightrouter_graph.llm.client import record_calls
from lightrouter_graph.nodes.part_calls import MAX_PROBLEM, PartError, call_part
from lightrouter_graph.nodes.router import Router
from lightrouter_graph.planning.planner import progress_of, remaining_of
from lightrouter_graph.query import Query
from lightrouter_graph.records import NOTHING_SPENT, Boot, Ranking, with_old_keys
from lightrouter_graph.redaction.printable import log_line
from lightrouter_graph.runtime.node_runnable import NodeRun, Update
from lightrouter_graph.selectors import ConsistencySelector, Scores
from lightrouter_graph.selectors.base import rank
from lightrouter_graph.state import State
from lightrouter_graph.state_queries import LayerView, comparable_boot
from lightrouter_graph.telemetry.events import emit_event
from lightrouter_graph.telemetry.tracing import trace_ranking

logger = logging.getLogger(__name__)

_NEUTRAL = 0.5


@dataclass(frozen=True, slots=True)
class SelectNode:
    """Let the selector score the boots that did not fail, and rank them.

    The selector is not called if there is nothing to decide: with one boot left, or if finished boots agree.
    Uninformative boots are not compared. Consistency replaces a selector that fails.

    Source: arXiv 2505.16221, the selector.
    """

    router: Router

    async def __call__(self, state: State, run: NodeRun) -> Update:
        """Return the ranking and the candidates that answer next."""
        view, router = LayerView(state), self.router
        query = router.query(view, run, stage="select")
        query, notes = router.planner.plan_selection(query, remaining_of(view), progress_of(view, query))
        with record_calls() as call_costs:
            scores = await self._score(view, query)
        ranking = _ranking(query, view.survivors, _with_uninformative(scores, view.survivors))
        update: Update = {"rankings": [ranking], "call_costs": call_costs, "deadline_exceeded": view.is_late}
        ranked = view.after(update)
        if ranked.ends_in_draft or self._tally_first(ranked):
            update |= {"next_candidates": [], "reserved": NOTHING_SPENT, "notes": list(notes)}
        else:
            update |= router.plan_answers(ranked, run, notes)
        _emit(view.after(update), ranking, update["notes"])
        return update

    def _tally_first(self, view: LayerView) -> bool:
        """Return True if finished boots without equal keys may still be equal: only an own equivalence can decide."""
        own = not isinstance(self.router.equivalence, KeyEquivalence)
        return own and view.settings.agree is not None and len(view.answers) > 1

    async def _score(self, view: LayerView, query: Query) -> Scores:
        boots = [comparable_boot(boot) for boot in view.survivors if not boot["uninformative_reason"]]
        if len(boots) < 2:
            names = [boot["candidate"] for boot in boots]
            return Scores(dict.fromkeys(names, 1.0), None, dict.fromkeys(names, "the only boot"))
        selector = ConsistencySelector() if view.is_settled else self.router.selectors[query.settings.selector]
        try:
            scores = await call_part(view, selector.score(query, [with_old_keys(boot) for boot in boots]))
        except PartError as exc:
            return await _fallback(query, boots, str(exc))
        if not isinstance(scores, Scores):
            msg = f"{type(selector).__name__}.score returned {type(scores).__name__}, expected Scores"
            raise SelectionError(msg)
        return scores


async def _fallback(query: Query, boots: Sequence[Boot], problem: str) -> Scores:
    """Compare the boots without the selector that failed."""
    logger.warning("the selector failed, consistency ranks the boots instead: %s", log_line(problem[:MAX_PROBLEM]))
    scores = await ConsistencySelector().score(query, boots)
    return replace(scores, notes={**scores.notes, "fallback": f"the selector failed: {problem}"[:MAX_PROBLEM]})


def _with_uninformative(scores: Scores, boots: Sequence[Boot]) -> Scores:
    """Give uninformative boots the mean score of the others: they are ranked neither first nor last."""
    reasons = {b["candidate"]: f"no evidence: {b['uninformative_reason']}" for b in boots if b["uninformative_reason"]}
    if not reasons:
        return scores
    known = scores.by_candidate.values()
    neutral = sum(known) / len(known) if len(known) > 1 else _NEUTRAL
    return replace(
        scores,
        by_candidate={**scores.by_candidate, **dict.fromkeys(reasons, neutral)},
        reasons={**scores.reasons, **reasons},
    )


def _ranking(query: Query, boots: Sequence[Boot], scores: Scores) -> Ranking:
    known = [boot["candidate"] for boot in boots]
    for name, score in scores.by_candidate.items():
        is_number = isinstance(score, Real) and not isinstance(score, bool)
        if name not in known or not is_number or not 0 <= score <= 1:
            msg = f"selector {scores.selector!r} returned {score!r} for {name!r}; allowed is 0 to 1 for one of {known}"
            raise SelectionError(msg)
    return {
        "layer": query.layer,
        "selector": scores.selector,
        "order": rank(scores.by_candidate, query.prior_order),
        # Plain floats: a numpy scalar is refused by strict checkpoints.
        "scores": {name: float(score) for name, score in scores.by_candidate.items()},
        "reasons": dict(scores.reasons),
        "notes": {str(name): str(note) for name, note in scores.notes.items()},
    }


def _emit(view: LayerView, ranking: Ranking, notes: Sequence[str]) -> None:
    trace_ranking(ranking, view.dropped)
    emit_event(
        {
            "type": "lightrouter",
            "event": "ranked",
            "layer": ranking["layer"],
            "selector": ranking["selector"],
            "order": ranking["order"],
            "scores": ranking["scores"],
            "reasons": ranking["reasons"],
            "next_candidates": view.selected,
            "dropped": view.dropped,
            "notes": list(notes),
        }
    )

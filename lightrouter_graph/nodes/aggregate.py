"""`aggregate`: merges several texts into one: the draft of an inner layer, or the final answer."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from langchain_core.messages.utils import count_tokens_approximately

from lightrouter_graph.aggregators import Merged, VoteAggregator
from lightrouter_graph.aggregators.base import passed_through
from lightrouter_graph.answer_keys.voting import agreement_of
from lightrouter_graph.errors import BudgetError, NoSurvivorError, SelectionError
from lightrouter_graph.llm.client import record_calls
from lightrouter_graph.llm.tool_calls import render_reply
from lightrouter_graph.nodes.answer_message import answer_message, answer_tokens
from lightrouter_graph.nodes.decision_record import Decision, failures_of, record_decision
from lightrouter_graph.nodes.part_calls import MAX_PROBLEM, PartError, call_part
from lightrouter_graph.nodes.router import Router
from lightrouter_graph.planning.planner import progress_of, remaining_of
from lightrouter_graph.priors import observe
from lightrouter_graph.prompts import merge_answers
from lightrouter_graph.query import Query
from lightrouter_graph.reasoning import strip_reasoning
from lightrouter_graph.records import Answer, CallCost, with_old_keys
from lightrouter_graph.redaction.printable import log_line
from lightrouter_graph.runtime.event_loops import now
from lightrouter_graph.runtime.node_runnable import NodeRun, Update
from lightrouter_graph.runtime.token_stream import run_hidden
from lightrouter_graph.state import State, answer_from
from lightrouter_graph.state_queries import LayerView
from lightrouter_graph.telemetry.bill import Bill, make_bill
from lightrouter_graph.telemetry.events import emit_event

logger = logging.getLogger(__name__)

_RESERVED_NOTES = frozenset({"budget", "last_resort"})


@dataclass(frozen=True, slots=True)
class AggregateNode:
    """Merge the results of the layer. A single answer, or equal ones, pass through without a call.

    If some answers call tools and others do not, the kind of the best-ranked counts: texts and calls are not merged.

    Source: arXiv 2505.16221: inner layers aggregate the selected boots into an intermediate answer, the last layer
    aggregates the full answers.
    """

    router: Router

    async def __call__(self, state: State, run: NodeRun) -> Update:
        """Return the draft and the number of the next layer, or the final message.

        Raises:
            NoSurvivorError: If no candidate answered.
        """
        return await _Aggregation(self.router, LayerView(state), run).update()


@dataclass(frozen=True, slots=True)
class _Aggregation:
    """One execution of the node."""

    router: Router
    view: LayerView
    run: NodeRun

    async def update(self) -> Update:
        if self.view.is_inner:
            boots = [answer_from(boot) for boot in self.view.draft_boots]
            return await self._next_layer(*await self._merge(_of_one_kind(boots)), boots)
        view, query = self.view, self.router.query(self.view, self.run)
        answers, last_resort = [view.answers[name] for name in self.router.counted(view, query)], None
        if not answers:
            last_resort = view.last_resort
            accepts = query.request.accepts
            answers = [a for a in last_resort.answers if accepts(strip_reasoning(a["text"]), a["tool_call_message"])]
        if not answers:
            raise self._no_survivor(view)
        answers = _of_one_kind(answers, _agreed_key(view))
        merged, call_costs = await self._merge(answers)
        if last_resort is not None:
            merged = replace(merged, notes={**merged.notes, "last_resort": last_resort.source})
        ended = view.after({"call_costs": call_costs})
        if last_resort is not None and view.is_late:
            ended = ended.after({"deadline_exceeded": True})
        complete = last_resort is None or last_resort.complete
        final = await self._final(ended, merged, answers, call_costs, complete=complete)
        return {**final, "call_costs": [*call_costs, *final["call_costs"]]}

    async def _merge(self, answers: Sequence[Answer]) -> tuple[Merged, list[CallCost]]:
        query = self.router.query(self.view, self.run, stage="aggregate")
        if len(answers) == 1:
            return passed_through(answers[0], "passthrough"), []
        keys = {self.view.keys.get(answer["candidate"], answer["key"]) for answer in answers}
        # Replies that call tools may all be without text; their calls are in their keys.
        same_text = query.final and not _calls_tools(answers[0]) and len({answer["text"] for answer in answers}) == 1
        if (len(keys) == 1 and None not in keys) or same_text:
            return passed_through(answers[0], "agreement"), []
        if query.seconds <= 0:
            return await VoteAggregator().merge(query, answers), []
        remaining, progress = remaining_of(self.view), progress_of(self.view, query)
        query, notes = self.router.planner.plan_merge(query, remaining, progress, answers)
        with record_calls() as call_costs:
            merged = await self._merged(query, answers)
        if notes:
            merged = replace(merged, notes={**merged.notes, "budget": "\n".join(notes)})
        return merged, call_costs

    async def _merged(self, query: Query, answers: Sequence[Answer]) -> Merged:
        aggregator = self.router.aggregators[query.settings.aggregator]
        keyed = [with_old_keys({**a, "key": self.view.keys.get(a["candidate"], a["key"])}) for a in answers]
        try:
            merged = await call_part(self.view, aggregator.merge(query, keyed))
        except PartError as exc:
            return await _fallback(query, answers, str(exc)[:MAX_PROBLEM])
        if not isinstance(merged, Merged):
            msg = f"{type(aggregator).__name__}.merge returned {type(merged).__name__}, expected Merged"
            raise SelectionError(msg)
        # Plain strings: a numpy scalar is refused by strict checkpoints. Two names belong to the record itself.
        notes = {str(name): str(note) for name, note in merged.notes.items() if name not in _RESERVED_NOTES}
        merged = replace(merged, notes=notes)
        # The streamed tokens and the answer are one message, also if the aggregator did not pass the id on.
        ids = [reply.message_id for reply in query.streamed if reply.text == merged.text]
        return replace(merged, message_id=ids[-1]) if ids and merged.message_id is None else merged

    async def _next_layer(self, merged: Merged, call_costs: list[CallCost], boots: Sequence[Answer]) -> Update:
        """Begin the next layer with a draft; if the budget cannot pay for it, the draft is the answer."""
        state, layer = self.view.state, self.view.state["layer"]
        text, names = render_reply(merged.text, merged.tool_call_message), [boot["candidate"] for boot in boots]
        notes = merged.notes.get("budget", "").splitlines()
        update: Update = {
            "drafts": [{"layer": layer, "text": text, "candidates": names}],
            "call_costs": call_costs,
            "layer": layer + 1,
        }
        view = self.view.after(update)
        query = self.router.query(view, self.run)
        try:
            plan = self.router.planner.plan_layer(query, remaining_of(view), progress_of(view, query))
        except BudgetError as exc:
            notes.append(f"budget: no further layer: {exc}")
            _emit_draft(update, (), notes)
            return await self._draft_as_answer(view, merged, boots, update, notes)
        notes += plan.notes
        _emit_draft(update, plan.candidates, notes)
        return {**update, **plan.layer_update(state["settings"]), "notes": notes}

    async def _draft_as_answer(
        self, view: LayerView, merged: Merged, boots: Sequence[Answer], update: Update, notes: Sequence[str]
    ) -> Update:
        layer = self.view.state["layer"]
        ended = view.after({"layer": layer, "budget_exhausted": True, "notes": notes})
        if not self.router.request_of(self.run).accepts(merged.text, merged.tool_call_message):
            raise self._no_survivor(ended)
        # The notes on the budget are in the state already.
        merged = replace(merged, notes={**merged.notes, "last_resort": f"draft of layer {layer}", "budget": ""})
        final = await self._final(ended, merged, boots, update["call_costs"], complete=False)
        ending = {"agreement": agreement_of([]), "budget_exhausted": True, "notes": list(notes), "layer": layer}
        return {**update, **final, **ending, "call_costs": [*update["call_costs"], *final["call_costs"]]}

    async def _final(
        self, view: LayerView, merged: Merged, answers: Sequence[Answer], costs: Sequence[CallCost], *, complete: bool
    ) -> Update:
        tokens = answer_tokens(merged, answers, costs, view)
        query, bill = self.router.part_query(view, self.run, "aggregate"), self._bill(view, tokens)
        rule, own_rule = self.router.stop_rule(view), self.router.stop is not None
        decision = record_decision(view, rule, query, merged, bill, complete=complete, own_rule=own_rule)
        decision["deadline_exceeded"] |= view.is_late  # while merging: not why it stopped
        with record_calls() as call_costs:
            await self._observe(view, query, decision)
        if call_costs:
            decision["bill"] = bill = self._bill(view.after({"call_costs": call_costs}), tokens)
        emit_event({"type": "lightrouter", "event": "billed", "bill": bill})
        message = answer_message(view.state, merged, decision)
        return {"messages": [message], "seconds": bill["seconds"], "call_costs": call_costs}

    async def _observe(self, view: LayerView, query: Query, decision: Decision) -> None:
        try:
            async with view.time_limit() as limit:
                await run_hidden(observe((self.router.prior, self.router.memory), query, decision))
        except TimeoutError:
            if not limit.expired():
                raise
            logger.warning("observe exceeded the deadline of the run and was cancelled")

    def _bill(self, view: LayerView, merged_tokens: int) -> Bill:
        pool = self.router.pool
        return make_bill(
            view.state["call_costs"],
            view.state["boots"],
            view.state["answers"],
            pool=pool,
            first=view.first_ranked,
            merged_tokens=merged_tokens,
            merge_prompt_tokens=count_tokens_approximately(merge_answers([], [""] * len(pool), final=True)),
            seconds=now() - view.state["started_at"],
        )

    def _no_survivor(self, view: LayerView) -> NoSurvivorError:
        bill = cast("Mapping[str, Any]", self._bill(view, 0))
        records = [*view.state["boots"], *view.state["answers"]]
        waits = [r["failure"]["retry_after_s"] for r in records if r["failure"] and "retry_after_s" in r["failure"]]
        failures, wait_s = failures_of(view), min(waits, default=None)
        return NoSurvivorError(layer=view.state["layer"], failures=failures, bill=bill, retry_after_s=wait_s)


async def _fallback(query: Query, answers: Sequence[Answer], problem: str) -> Merged:
    """Merge the answers without the aggregator that failed."""
    logger.warning("the aggregator failed, a vote merges the answers instead: %s", log_line(problem))
    merged = await VoteAggregator().merge(query, answers)
    fallback = f"the aggregator failed; strategy {merged.strategy!r} was used instead"
    notes = {"fallback": fallback, "aggregator_problem": problem}
    return replace(merged, notes={**merged.notes, **notes})


def _of_one_kind(answers: Sequence[Answer], agreed: str | None = None) -> list[Answer]:
    """Keep the answers of one kind, tool calls or texts: the kind of the agreed answer, else of the best-ranked."""
    first = next((answer for answer in answers if agreed is not None and answer["key"] == agreed), answers[0])
    return [answer for answer in answers if _calls_tools(answer) == _calls_tools(first)]


def _agreed_key(view: LayerView) -> str | None:
    """Return the agreed key that stopped the run; None if none did."""
    agree, agreement = view.settings.agree, view.state["agreement"]
    if agree is None or agreement is None or agreement["agreed"] < agree:
        return None
    return agreement["leader"]


def _calls_tools(answer: Answer) -> bool:
    return answer["tool_call_message"] is not None


def _emit_draft(update: Update, first_wave: Sequence[str], notes: Sequence[str]) -> None:
    draft = update["drafts"][0]
    emit_event(
        {
            "type": "lightrouter",
            "event": "drafted",
            "layer": draft["layer"],
            "text": draft["text"],
            "candidates": draft["candidates"],
            "first_wave": list(first_wave),
            "notes": list(notes),
        }
    )

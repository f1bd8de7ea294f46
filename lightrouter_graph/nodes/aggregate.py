"""`aggregate`: one text out of several; a draft in an inner layer, the answer in the last."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from langchain_core.messages import AIMessage
from langchain_core.messages.utils import count_tokens_approximately

from lightrouter_graph.aggregators import Aggregator, Merged, VoteAggregator
from lightrouter_graph.aggregators.base import passed_through
from lightrouter_graph.answer_keys import AnswerKey
from lightrouter_graph.errors import PROGRAMMING_ERRORS, BudgetError, NoSurvivorError, SelectionError
from lightrouter_graph.llm.client import record_calls
from lightrouter_graph.llm.request import PLAIN, Request
from lightrouter_graph.llm.tool_calls import render_reply, with_unique_ids
from lightrouter_graph.nodes.decision_record import failures_of, record_decision
from lightrouter_graph.planning import Planner, progress_of, remaining_of
from lightrouter_graph.pool import Pool
from lightrouter_graph.prompts import merge_answers
from lightrouter_graph.query import Query, query_of
from lightrouter_graph.reasoning import streamable_prefix, strip_reasoning
from lightrouter_graph.records import Answer
from lightrouter_graph.redaction import redact
from lightrouter_graph.runtime.event_loops import now
from lightrouter_graph.runtime.run_registry import RunRegistry
from lightrouter_graph.runtime.token_stream import run_hidden
from lightrouter_graph.state import State, Update, settings_of
from lightrouter_graph.state_queries import (
    agreement_of,
    answer_from,
    bound_by_deadline,
    counted_answers,
    drafting_boots,
    first_ranked,
    is_inner,
    last_resort,
    seconds_left,
)
from lightrouter_graph.telemetry.bill import Bill, make_bill, usage_metadata
from lightrouter_graph.telemetry.events import emit_event
from lightrouter_graph.telemetry.tracing import chat_model_mode, trace_decision

_LONGEST_PROBLEM = 300


@dataclass(frozen=True, slots=True)
class AggregateNode:
    """Merge what the layer brought. One answer, or several equal ones, pass through without a call.

    Where some answers call tools and others do not, the best-ranked decides which kind counts: a text and a call are
    never merged.

    Source: arXiv 2505.16221: inner layers aggregate the chosen boots into an intermediate answer, the last layer the
    full answers.
    """

    pool: Pool
    key: AnswerKey
    aggregators: Mapping[str, Aggregator]
    runs: RunRegistry
    planner: Planner
    request: Request = PLAIN

    async def __call__(self, state: State) -> Update:
        """Return the draft and the next layer's number, or the final message.

        Raises:
            NoSurvivorError: If nobody answered.
        """
        if is_inner(state):
            boots = [answer_from(boot) for boot in drafting_boots(state)]
            return self._drafted(state, await self._merge(state, _of_one_kind(boots)), boots)
        answers, resort = counted_answers(state), None
        if not answers:
            resort = last_resort(state)
            answers = [
                a for a in resort.answers if self.request.accepts(strip_reasoning(a["text"]), a["tool_call_message"])
            ]
        if not answers:
            self.runs.forget(state["run"])
            raise NoSurvivorError(
                layer=state["layer"],
                failures=failures_of(state),
                bill=cast("Mapping[str, Any]", _bill(state, 0, self.pool)),
            )
        answers = _of_one_kind(answers, _agreed(state))
        merged = await self._merge(state, answers)
        if resort is not None:
            merged = replace(merged, notes={**merged.notes, "last_resort": resort.what})
        self.runs.forget(state["run"])
        late = state["late"] or seconds_left(state["started"], settings_of(state).deadline_s, 1.0) == 0
        ended: State = {**state, "late": late}
        return _final(ended, merged, answers, self.pool, complete=resort is None or resort.complete)

    def _drafted(self, state: State, merged: Merged, boots: Sequence[Answer]) -> Update:
        """Go on with a draft; where there is not enough left for another layer, it is the answer."""
        update, notes = _draft(state, merged, boots), merged.notes.get("budget", "").splitlines()
        begun: State = {
            **state,
            "drafts": [*state["drafts"], *update["drafts"]],
            "call_costs": [*state["call_costs"], *merged.call_costs],
            "layer": update["layer"],
        }
        query = query_of(begun, self.pool, self.key, self.request, self.runs)
        try:
            plan = self.planner.plan_layer(query, remaining_of(begun), progress_of(begun, query))
        except BudgetError as exc:
            notes = [*notes, f"budget: no further layer: {exc}"]
            _tell_draft(update, (), notes)
            return self._ended_by_draft({**begun, "layer": state["layer"]}, merged, boots, notes)
        notes = [*notes, *plan.notes]
        _tell_draft(update, plan.candidates, notes)
        return {
            **update,
            "settings": {**state["settings"], **plan.settings},
            "order": list(plan.order),
            "booting": list(plan.candidates),
            "allowances": dict(plan.allowances),
            "in_flight": plan.reserved,
            "up": None,
            "notes": notes,
        }

    def _ended_by_draft(self, state: State, merged: Merged, boots: Sequence[Answer], notes: Sequence[str]) -> Update:
        broke: State = {**state, "broke": True, "notes": [*state["notes"], *notes]}
        self.runs.forget(state["run"])
        if not self.request.accepts(merged.text, merged.tool_call_message):
            bill = cast("Mapping[str, Any]", _bill(broke, 0, self.pool))
            raise NoSurvivorError(layer=state["layer"], failures=failures_of(broke), bill=bill)
        what = {"last_resort": f"the draft of layer {state['layer']}"}
        answer = replace(merged, call_costs=(), notes={**merged.notes, **what, "budget": ""})  # both stand in the state
        final = _final(broke, answer, boots, self.pool, complete=False)
        ended: Update = {"agreement": agreement_of([]), "broke": True, "notes": list(notes)}
        return {**final, "drafts": state["drafts"][-1:], "call_costs": list(merged.call_costs), **ended}

    async def _merge(self, state: State, answers: Sequence[Answer]) -> Merged:
        query = query_of(state, self.pool, self.key, self.request, self.runs)
        if len(answers) == 1:
            return passed_through(answers[0], "pass-through")
        same_key = answers[0]["answer"] is not None and len({answer["answer"] for answer in answers}) == 1
        # Replies that call tools may all be without text; what they call is in their keys.
        same_text = query.final and not _calls(answers[0]) and len({answer["text"] for answer in answers}) == 1
        if same_key or same_text:
            return passed_through(answers[0], "agreement")
        if query.seconds <= 0:
            return await VoteAggregator().merge(query, answers)
        progress = progress_of(state, query)
        plan = self.planner.plan_merge(query, remaining_of(state), progress, answers)
        query = replace(
            query,
            settings=query.settings.model_copy(update=plan.settings),
            purse=progress.reservations(plan.allowance),
        )
        merged = await self._merged_by(state, query, answers)
        return replace(merged, notes={**merged.notes, "budget": "\n".join(plan.notes)}) if plan.notes else merged

    async def _merged_by(self, state: State, query: Query, answers: Sequence[Answer]) -> Merged:
        aggregator = self.aggregators[query.settings.aggregator]
        try:
            with record_calls() as noted:
                async with bound_by_deadline(state) as limit:
                    merged = await run_hidden(aggregator.merge(query, answers))
        except PROGRAMMING_ERRORS:
            raise
        except Exception as exc:  # noqa: BLE001 - an aggregator that calls out may raise anything; a vote cannot
            late = isinstance(exc, TimeoutError) and limit.expired()
            problem = "it took longer than the deadline allows" if late else redact(f"{type(exc).__name__}: {exc}")
            return replace(await _instead(query, answers, problem), call_costs=tuple(noted))
        if not isinstance(merged, Merged):
            msg = f"{type(aggregator).__name__}.merge returned {type(merged).__name__}, expected Merged"
            raise SelectionError(msg)
        return merged


async def _instead(query: Query, answers: Sequence[Answer], problem: str) -> Merged:
    """Merge the answers without the aggregator that failed."""
    merged = await VoteAggregator().merge(query, answers)
    notes = {"fallback": f"the aggregator failed, {merged.strategy} instead", "aggregator_problem": problem}
    return replace(merged, notes={**merged.notes, **{name: note[:_LONGEST_PROBLEM] for name, note in notes.items()}})


def _of_one_kind(answers: Sequence[Answer], agreed: str | None = None) -> list[Answer]:
    """Keep the answers that call tools, or those that do not: as those do that agreed, else as the best-ranked."""
    first = next((answer for answer in answers if agreed is not None and answer["answer"] == agreed), answers[0])
    return [answer for answer in answers if _calls(answer) == _calls(first)]


def _agreed(state: State) -> str | None:
    """Return the answer whose agreement stopped the run; None where none did."""
    agree, agreement = settings_of(state).agree, state["agreement"]
    if agree is None or agreement is None or agreement["agreed"] < agree:
        return None
    return agreement["leader"]


def _calls(answer: Answer) -> bool:
    return answer["tool_call_message"] is not None


def _draft(state: State, merged: Merged, answers: Sequence[Answer]) -> Update:
    candidates, text = [answer["candidate"] for answer in answers], render_reply(merged.text, merged.tool_call_message)
    return {
        "drafts": [{"layer": state["layer"], "text": text, "candidates": candidates}],
        "call_costs": list(merged.call_costs),
        "layer": state["layer"] + 1,
    }


def _tell_draft(update: Update, booting: Sequence[str], notes: Sequence[str]) -> None:
    draft = update["drafts"][0]
    emit_event(
        {
            "type": "lightrouter",
            "event": "drafted",
            "layer": draft["layer"],
            "text": draft["text"],
            "candidates": draft["candidates"],
            "booting": list(booting),
            "notes": list(notes),
        }
    )


def _final(state: State, merged: Merged, answers: Sequence[Answer], pool: Pool, *, complete: bool) -> Update:
    spent: State = {**state, "call_costs": [*state["call_costs"], *merged.call_costs]}
    bill = _bill(spent, _length(merged, answers, spent), pool)
    decision = record_decision(spent, merged, bill, complete=complete)
    spoken, metadata = _spoken(merged, state)
    message = AIMessage(
        **spoken,
        id=merged.message_id,
        usage_metadata=usage_metadata(bill["usage"]),
        response_metadata={
            **metadata,
            "model_name": "lightrouter",
            "finish_reason": merged.finish_reason,
            "lightrouter": {**decision, **trace_decision(decision)},
        },
    )
    emit_event({"type": "lightrouter", "event": "billed", "bill": bill})
    return {"messages": [message], "call_costs": list(merged.call_costs), "seconds": bill["seconds"]}


def _spoken(merged: Merged, state: State) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the answer's content and calls, and what LangChain must know to read them."""
    if merged.tool_call_message is None:
        return {"content": _visible(merged)}, {}
    tool_call_message = with_unique_ids(merged.tool_call_message, state["messages"])
    spoken = {name: tool_call_message[name] for name in ("content", "tool_calls", "additional_kwargs")}
    return spoken, tool_call_message["response_metadata"]


def _visible(merged: Merged) -> str:
    """Return the text without its reasoning, unless a chat model's stream has already shown that reasoning."""
    text = strip_reasoning(merged.text)
    streamed = merged.message_id is not None and chat_model_mode() == "stream"
    return merged.text if streamed and not text.startswith(streamable_prefix(merged.text)) else text


def _length(merged: Merged, answers: Sequence[Answer], state: State) -> int:
    """Return the tokens of the final answer: those of its call, or of the answer that was passed on."""
    written = sum(call_cost["usage"]["output_tokens"] for call_cost in merged.call_costs)
    boots = [boot for boot in state["boots"] if boot["candidate"] == merged.candidate]
    passed = {answer["candidate"]: answer for answer in answers}.get(merged.candidate, answers[0])
    begun = boots[-1]["usage"]["output_tokens"] if boots and passed["via"] != "regeneration" else 0
    return written or begun + passed["usage"]["output_tokens"]


def _bill(state: State, merged_tokens: int, pool: Pool) -> Bill:
    return make_bill(
        state["call_costs"],
        state["boots"],
        state["answers"],
        pool=pool,
        first=first_ranked(state),
        merged_tokens=merged_tokens,
        merge_prompt_tokens=count_tokens_approximately(merge_answers([], [""] * len(pool), final=True)),
        seconds=now() - state["started"],
    )

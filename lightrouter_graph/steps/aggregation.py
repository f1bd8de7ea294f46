"""`aggregate`: one text out of several; a draft in an inner layer, the answer in the last."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.messages.utils import count_tokens_approximately

from lightrouter_graph.aggregators import Aggregator, Merged
from lightrouter_graph.aggregators.base import passed_through
from lightrouter_graph.answers import AnswerKey
from lightrouter_graph.bill import Bill, draw_bill, usage_metadata
from lightrouter_graph.decision import failures_of, record_decision
from lightrouter_graph.errors import NoSurvivorError, SelectionError
from lightrouter_graph.events import tell
from lightrouter_graph.pool import Pool
from lightrouter_graph.prompts import merge_answers
from lightrouter_graph.query import Query, query_of
from lightrouter_graph.records import Answer
from lightrouter_graph.request import PLAIN, Request
from lightrouter_graph.standing import (
    answer_from,
    bound_by_deadline,
    chosen_boots,
    counted_answers,
    first_ranked,
    is_inner,
    last_resort,
)
from lightrouter_graph.state import State, Update, settings_of
from lightrouter_graph.tool_calls import shown, with_unique_ids
from lightrouter_graph.tracing import note_decision


@dataclass(frozen=True, slots=True)
class AggregateStep:
    """Merge what the layer brought. One answer, or several equal ones, pass through without a call.

    Where some answers call tools and others do not, the best-ranked decides which kind counts: a text and a call are
    never merged.

    Source: arXiv 2505.16221: inner layers aggregate the chosen boots into an intermediate answer, the last layer the
    full answers.
    """

    pool: Pool
    key: AnswerKey
    aggregators: Mapping[str, Aggregator]
    request: Request = PLAIN

    async def __call__(self, state: State) -> Update:
        """Return the draft and the next layer's number, or the final message.

        Raises:
            NoSurvivorError: If nobody answered.
        """
        query = query_of(state, self.pool, self.key, self.request)
        if is_inner(state):
            boots = [answer_from(boot) for boot in chosen_boots(state)]
            return _draft(state, await self._merge(query, _of_one_kind(boots)), boots)
        answers, instead = counted_answers(state), ""
        if not answers:
            found, instead = last_resort(state)
            answers = [answer for answer in found if self.request.admits(answer["text"], answer["proposal"])]
        if not answers:
            raise NoSurvivorError(layer=state["layer"], failures=failures_of(state))
        answers = _of_one_kind(answers, _agreed(state))
        try:
            async with bound_by_deadline(state) as limit:
                merged = await self._merge(query, answers)
        except TimeoutError:
            if not limit.expired():
                raise  # the aggregator's own
            merged = await self.aggregators["vote"].merge(query, answers)
        if instead:
            merged = replace(merged, notes={**merged.notes, "last_resort": instead})
        return _final(state, merged, answers, self.pool)

    async def _merge(self, query: Query, answers: Sequence[Answer]) -> Merged:
        if len(answers) == 1:
            return passed_through(answers[0], "pass-through")
        same_key = answers[0]["answer"] is not None and len({answer["answer"] for answer in answers}) == 1
        # Replies that call tools may all be without text; what they call is in their keys.
        same_text = query.final and not _calls(answers[0]) and len({answer["text"] for answer in answers}) == 1
        if same_key or same_text:
            return passed_through(answers[0], "agreement")
        if query.seconds <= 0:
            return await self.aggregators["vote"].merge(query, answers)
        merged = await self.aggregators[query.settings.aggregator].merge(query, answers)
        if not isinstance(merged, Merged):
            name = type(self.aggregators[query.settings.aggregator]).__name__
            msg = f"{name}.merge returned {type(merged).__name__}, expected Merged"
            raise SelectionError(msg)
        return merged


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
    return answer["proposal"] is not None


def _draft(state: State, merged: Merged, answers: Sequence[Answer]) -> Update:
    candidates, text = [answer["candidate"] for answer in answers], shown(merged.text, merged.proposal)
    tell(
        {
            "type": "lightrouter",
            "event": "drafted",
            "layer": state["layer"],
            "text": text,
            "candidates": candidates,
        }
    )
    return {
        "drafts": [{"layer": state["layer"], "text": text, "candidates": candidates}],
        "spendings": list(merged.spendings),
        "layer": state["layer"] + 1,
    }


def _final(state: State, merged: Merged, answers: Sequence[Answer], pool: Pool) -> Update:
    spent: State = {**state, "spendings": [*state["spendings"], *merged.spendings]}
    bill = _bill(spent, merged, answers, pool)
    decision = record_decision(spent, merged, bill)
    said, metadata = _said(merged, state)
    message = AIMessage(
        **said,
        id=merged.message_id,
        usage_metadata=usage_metadata(bill["usage"]),
        response_metadata={
            **metadata,
            "model_name": "lightrouter",
            "finish_reason": merged.finish_reason,
            "lightrouter": {**decision, **note_decision(decision)},
        },
    )
    tell({"type": "lightrouter", "event": "billed", "bill": bill})
    return {"messages": [message], "spendings": list(merged.spendings)}


def _said(merged: Merged, state: State) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the answer's content and calls, and what LangChain must know to read them."""
    if merged.proposal is None:
        return {"content": merged.text}, {}
    proposal = with_unique_ids(merged.proposal, state["messages"])
    said = {name: proposal[name] for name in ("content", "tool_calls", "additional_kwargs")}
    return said, proposal["response_metadata"]


def _bill(state: State, merged: Merged, answers: Sequence[Answer], pool: Pool) -> Bill:
    by_candidate = {answer["candidate"]: answer for answer in answers}
    written = sum(spending["usage"]["output_tokens"] for spending in merged.spendings)
    boots = [boot for boot in state["boots"] if boot["candidate"] == merged.candidate]
    passed = by_candidate.get(merged.candidate, answers[0])
    begun = boots[-1]["usage"]["output_tokens"] if boots and passed["via"] != "regeneration" else 0
    return draw_bill(
        state["spendings"],
        state["boots"],
        state["answers"],
        pool=pool,
        first=first_ranked(state),
        merged_tokens=written or begun + passed["usage"]["output_tokens"],
        merge_prompt_tokens=count_tokens_approximately(merge_answers([], [""] * len(pool), final=True)),
        seconds=time.time() - state["started"],
    )

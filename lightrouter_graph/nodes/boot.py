"""`boot`: the candidates of the first wave write their boot tokens in parallel."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

from langchain_core.messages import AnyMessage

from lightrouter_graph.llm.call import Call
from lightrouter_graph.llm.client import complete
from lightrouter_graph.llm.completion import Completion, has_only_reasoned
from lightrouter_graph.llm.request import Request
from lightrouter_graph.llm.tool_calls import render_reply
from lightrouter_graph.nodes.router import Router
from lightrouter_graph.planning.planner import candidate_reservations
from lightrouter_graph.pool import Candidate
from lightrouter_graph.pool.opinions import Reply, replies_of
from lightrouter_graph.prompts import with_draft
from lightrouter_graph.providers.model_facts import lesser_effort
from lightrouter_graph.query import question_text
from lightrouter_graph.records import Boot, Usage, add_usage
from lightrouter_graph.runtime.early_stop import EarlyStop, EarlyStopRules
from lightrouter_graph.runtime.node_runnable import NodeRun, Update
from lightrouter_graph.selectors.lexical import informative_share
from lightrouter_graph.state import State
from lightrouter_graph.state_queries import LayerView
from lightrouter_graph.telemetry.events import emit_event

_REASONING_FACTOR = 4
"""Factor on the cap of a boot that reasoning used up; a cap is a limit, not a target."""

_MIN_EVIDENCE = 12
"""Characters; a shorter truncated reply is no evidence."""

_UNINFORMATIVE_SHARE = 0.25
"""A boot with at most this share of its own words is uninformative. On the recorded outputs of nine sets (120
questions, up to 8 models each) these are 5 of 3,637 boots of 200 tokens, 81 of 6,531 of 64, 348 of 6,974 of 32."""

_PARTIAL = frozenset({"timeout", "slow_after_quorum", "disconnected", "unavailable"})
"""Causes of failure after which the received text of a boot still counts."""


@dataclass(frozen=True, slots=True)
class BootNode:
    """Query the first wave for boot tokens, hidden from the user's stream. A failure is a record, not an exception.

    A boot that reasoning used up is requested again, once, with less effort and a higher cap. An uninformative boot is
    extended once. The received text of a boot that was stopped counts.

    Source: arXiv 2505.16221, boot tokens. Deviation: with `agree`, equal finished boots cancel the boots in flight;
    with `boot_quorum`, a quorum does. The paper names boots of boilerplate and of hidden reasoning as
    failures of the method and does not handle them.
    """

    router: Router

    def __call__(self, state: State, run: NodeRun) -> "BootFanOut":
        """Return the fan-out over the first wave."""
        return BootFanOut(self.router, LayerView(state), run)


@dataclass
class BootFanOut:
    """The boots of one layer. Each query returns the boot and the cost of its calls."""

    router: Router
    view: LayerView
    run: NodeRun
    stage: ClassVar[str] = "boot"

    @property
    def names(self) -> Sequence[str]:
        """Candidates that boot, in prior order."""
        return self.view.state["first_wave"]

    async def query(self, name: str) -> Update:
        """Return one candidate's boot.

        Args:
            name: Name of the candidate.
        """
        candidate = self.router.pool[name]
        completion = await self._complete(candidate)
        boot = self._record(candidate, completion)
        _emit(boot)
        return {"boots": [boot], "call_costs": completion.call_costs}

    @cached_property
    def _early_stop(self) -> EarlyStop | None:
        calls = self.view.settings.calls
        agree = self.view.settings.agree if self.router.stop is None else None
        rules = EarlyStopRules(agree, calls.boot_quorum, calls.boot_grace_s)
        replies = replies_of(self.view.state["boots"])
        return EarlyStop(rules, opinions=self.router.pool.opinions, replies=replies) if rules else None

    @cached_property
    def _request(self) -> Request:
        return self.router.request_of(self.run)

    @cached_property
    def _question(self) -> str:
        return question_text(self.view.messages)

    @cached_property
    def _messages(self) -> list[AnyMessage]:
        draft = self.view.draft
        return with_draft(self.view.messages, None if draft is None else draft["text"])

    async def _complete(self, candidate: Candidate) -> Completion:
        cache, call = self.router.boot_cache, self._call(candidate)
        cached = None if cache is None else await cache.find(candidate, self._messages, call)
        completion = cached or await self._boot(candidate, call)
        if self._early_stop is not None and (completion.failure is None or _is_spent_on_reasoning(completion)):
            key = self._key(completion) if self._is_whole(completion) else None
            reply = Reply(candidate.name, completion.text, completion.metadata)
            self._early_stop.report(candidate.name, key, reply)
        if cache is not None and cached is None:  # after the report: early stopping does not wait for a cache
            await cache.keep(candidate, self._messages, call, completion)
        return completion

    def _call(self, candidate: Candidate) -> Call:
        settings = self.view.settings
        call = Call(
            stage="boot",
            layer=self.view.state["layer"],
            timeout_s=candidate.timeout_s or settings.calls.boot_timeout_s,
            max_tokens=min(settings.boot_tokens, settings.max_tokens or settings.boot_tokens),
            request=self._request,
            stream_internally=settings.calls.boot_quorum is not None,
            keeps_partial=True,
            deadline=self.view.ends_at,
            retries=self.run.scope.retries(settings.calls.max_retries),
            reservations=candidate_reservations(self.view, self.router.pool, candidate.name, self._request),
        )
        return _with_room(call, settings.max_tokens) if candidate.learned.reasons else call

    async def _boot(self, candidate: Candidate, call: Call) -> Completion:
        first = await complete(candidate, self._messages, call, early_stop=self._early_stop)
        again = self._second_call(candidate, first, call)
        if again is None:
            return first
        used = sum(cost["seconds"] for cost in first.call_costs)
        again = replace(again, timeout_s=max(0.0, call.timeout_s - used))
        second = await complete(candidate, self._messages, again, early_stop=self._early_stop)
        return _combined(first, second, again)

    def _second_call(self, candidate: Candidate, first: Completion, call: Call) -> Call | None:
        """Return a second call for a boot that is no evidence yet; None if it is, or if a call would not help."""
        most = self.view.settings.max_tokens
        if _is_spent_on_reasoning(first) and not call.reduce_reasoning:
            candidate.learned.reasons = True
            again = _with_room(call, most)
            helps = again.max_tokens != call.max_tokens or bool(lesser_effort(candidate.model))
            return again if helps else None
        if not self._is_uninformative(first) or call.max_tokens is None:
            return None
        if candidate.continuation is not None and not candidate.learned.restarts and self._request.continues:
            left = call.max_tokens if most is None else min(call.max_tokens, most - call.max_tokens)
            tokens = first.usage["output_tokens"]
            return replace(call, prefix=first.text, prefix_tokens=tokens, max_tokens=left) if left > 0 else None
        longer = min(2 * call.max_tokens, most or 2 * call.max_tokens)
        return replace(call, max_tokens=longer) if longer > call.max_tokens else None

    def _is_uninformative(self, completion: Completion) -> bool:
        """Return True for a truncated boot that so far is only boilerplate or the question restated."""
        if not completion.truncated or self._request.tools or not completion.visible_text.strip():
            return False  # with tools a call may follow, which is what counts
        if completion.failure is not None or self._is_whole(completion):
            return False
        share = informative_share(completion.visible_text, self._question)
        return share <= _UNINFORMATIVE_SHARE and self._key(completion) is None

    def _key(self, completion: Completion) -> str | None:
        text, message, whole = completion.visible_text, completion.tool_call_message, self._is_whole(completion)
        return self._request.key_of(text, message, self._question, self.router.key, finished=whole)

    def _is_whole(self, completion: Completion) -> bool:
        """Return True if the boot is the whole answer: the model ended it, or it has the length of a full answer."""
        settings = self.view.settings
        longest = settings.max_tokens is not None and settings.max_tokens <= settings.boot_tokens
        return completion.failure is None and (
            completion.finished or (longest and completion.capped and self._request.continues)
        )

    def _record(self, candidate: Candidate, completion: Completion) -> Boot:
        failure, stop_reason, uninformative = completion.failure, "", ""
        if failure is not None and failure["cause"] in _PARTIAL and _is_evidence(completion):
            stop_reason, failure = f"{failure['cause']}: {failure['message']}", None
        elif _is_spent_on_reasoning(completion):
            uninformative, failure = "" if completion.reasoning else "hidden reasoning used all tokens", None
        elif self._is_uninformative(completion):
            uninformative = "only boilerplate or the question restated"
        prices = [cost["usd"] for cost in completion.call_costs]
        known = [price for price in prices if price is not None]
        return {
            "layer": self.view.state["layer"],
            "candidate": candidate.name,
            "text": completion.text if failure is None else "",
            "finish_reason": completion.finish_reason,
            "finished": self._is_whole(completion),
            "key": None if completion.failure is not None and not stop_reason else self._key(completion),
            "tool_call_message": completion.tool_call_message,
            "reasoning": "" if completion.visible_text.strip() else completion.reasoning,
            "stop_reason": stop_reason,
            "uninformative_reason": uninformative,
            "usage": completion.usage,
            "usd": sum(known) if len(known) == len(prices) else None,
            "seconds": sum(cost["seconds"] for cost in completion.call_costs),
            "failure": failure,
            "metadata": dict(completion.metadata),
        }


def _with_room(call: Call, most: int | None) -> Call:
    """Reduce the reasoning effort and raise the cap."""
    raised = (call.max_tokens or 1) * _REASONING_FACTOR
    return replace(call, reduce_reasoning=True, max_tokens=raised if most is None else min(raised, most))


def _combined(first: Completion, second: Completion, again: Call) -> Completion:
    """Return the second of two calls for one boot, unless it returned less than the first."""
    if second.failure is not None and not _is_evidence(second):
        return replace(first, earlier=(*first.earlier, *second.call_costs))
    joined = replace(second, earlier=(*first.call_costs, *second.earlier))
    if again.prefix is None or second.restarted:
        return joined
    usage: Usage = {**add_usage(first.usage, second.usage), "input_tokens": first.usage["input_tokens"]}
    return replace(joined, text_usage=usage)


def _is_spent_on_reasoning(completion: Completion) -> bool:
    return has_only_reasoned(completion) and completion.capped


def _is_evidence(completion: Completion) -> bool:
    return len((completion.visible_text or completion.reasoning).strip()) >= _MIN_EVIDENCE


def _emit(boot: Boot) -> None:
    emit_event(
        {
            "type": "lightrouter",
            "event": "boot",
            "layer": boot["layer"],
            "candidate": boot["candidate"],
            "text": render_reply(boot["text"], boot["tool_call_message"]),
            "finished": boot["finished"],
            "key": boot["key"],
            "note": boot["stop_reason"] or boot["uninformative_reason"],
            "output_tokens": boot["usage"]["output_tokens"],
            "usd": boot["usd"],
            "seconds": boot["seconds"],
            "failure": boot["failure"],
        }
    )

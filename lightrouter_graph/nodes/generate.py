"""`generate`: the candidates that are queried next answer in full, in parallel."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

from langchain_core.messages import AnyMessage

from lightrouter_graph.budget.reservations import BudgetReservations
from lightrouter_graph.llm.call import Call
from lightrouter_graph.llm.client import complete
from lightrouter_graph.llm.completion import Completion
from lightrouter_graph.llm.request import Request
from lightrouter_graph.llm.tool_calls import render_reply
from lightrouter_graph.nodes.router import Router
from lightrouter_graph.planning.planner import candidate_reservations
from lightrouter_graph.pool import Candidate
from lightrouter_graph.pool.opinions import Reply
from lightrouter_graph.prompts import with_draft, with_shared_boots
from lightrouter_graph.providers.learned import NO_CONTINUATION
from lightrouter_graph.query import question_text
from lightrouter_graph.reasoning import strip_reasoning
from lightrouter_graph.records import Answer, Boot, Via
from lightrouter_graph.runtime.early_stop import EarlyStop, EarlyStopRules
from lightrouter_graph.runtime.node_runnable import NodeRun, Update
from lightrouter_graph.state import State
from lightrouter_graph.state_queries import LayerView, comparable_boot
from lightrouter_graph.telemetry.events import emit_event


@dataclass(frozen=True, slots=True)
class GenerateNode:
    """Query the next candidates for full answers, each in the cheapest way that is known to work for it.

    A boot is continued if the provider is known to continue a final assistant message. Otherwise, or if the answer is
    to be conditioned on the boots of other candidates, it is generated from scratch. A finished boot is never queried.

    Source: arXiv 2505.16221, full generation conditioned on the boots ("shared"). Deviation: "own" and continuation.
    """

    router: Router

    def __call__(self, state: State, run: NodeRun) -> "AnswerFanOut":
        """Return the fan-out over the next candidates."""
        return AnswerFanOut(self.router, LayerView(state), run)


@dataclass
class AnswerFanOut:
    """One round of full answers. Each query returns the answer and the cost of its calls."""

    router: Router
    view: LayerView
    run: NodeRun
    stage: ClassVar[str] = "generate"

    @property
    def names(self) -> Sequence[str]:
        """Candidates that answer, best-ranked first."""
        return self.view.state["next_candidates"]

    async def query(self, name: str) -> Update:
        """Return one candidate's answer.

        Args:
            name: Name of the candidate.
        """
        candidate = self.router.pool[name]
        boot = self._boot_to_continue(candidate)
        reservations = candidate_reservations(self.view, self.router.pool, name, self._request)
        replies = [await self._complete(candidate, boot, reservations)]
        if boot is not None and _must_restart(replies[0]):
            boot = None
            replies.append(await self._complete(candidate, boot, reservations))
            if replies[1].failure is None:  # the continuation failed, not the provider
                candidate.learned.add_forms(NO_CONTINUATION)
        answer = self._record(candidate, boot, replies)
        _emit(answer)
        return {"answers": [answer], "call_costs": [cost for reply in replies for cost in reply.call_costs]}

    @cached_property
    def _early_stop(self) -> EarlyStop | None:
        calls = self.view.settings.calls
        agree = self.view.settings.agree if self.router.stop is None else None
        rules = EarlyStopRules(agree, calls.answer_quorum, calls.answer_grace_s)
        keys = {name: key for name, key in self.view.keys.items() if key is not None}
        return EarlyStop(rules, keys, self.router.pool.opinions, self.view.replies) if rules else None

    @cached_property
    def _request(self) -> Request:
        return self.router.request_of(self.run)

    @cached_property
    def _shared_boots(self) -> list[str]:
        """Boots of all selected candidates, best first, under `conditioning="shared"`; empty for a single one."""
        if self.view.settings.conditioning != "shared":
            return []
        boots = [comparable_boot(boot) for boot in self.view.top_boots if not boot["uninformative_reason"]]
        texts = [render_reply(boot["text"], boot["tool_call_message"]) for boot in boots]
        return texts if len(texts) > 1 else []

    @cached_property
    def _prompt(self) -> list[AnyMessage]:
        draft = self.view.draft
        messages = with_draft(self.view.messages, None if draft is None else draft["text"])
        return with_shared_boots(messages, self._shared_boots)

    @cached_property
    def _streams(self) -> bool:
        """True if this answer can only be the final one, so that its tokens may stream to the user."""
        alone = self.router.stop is None and min(self.view.settings.top_k, len(self.view.candidates)) == 1
        return (alone or len(self.view.candidates) == 1) and not self.view.answers and not self.view.is_inner

    def _boot_of(self, name: str) -> Boot | None:
        return next((boot for boot in self.view.boots if boot["candidate"] == name), None)

    def _boot_to_continue(self, candidate: Candidate) -> Boot | None:
        boot = self._boot_of(candidate.name)
        able = candidate.continuation is not None and not candidate.learned.restarts
        wanted = self.view.settings.calls.continuation == "auto" and not self._shared_boots and self._request.continues
        return boot if able and wanted and boot is not None and strip_reasoning(boot["text"]).strip() else None

    async def _complete(self, candidate: Candidate, boot: Boot | None, reservations: BudgetReservations) -> Completion:
        call = self._call(candidate, boot, reservations)
        completion = await complete(candidate, self._prompt, call, early_stop=self._early_stop)
        if self._early_stop is not None and completion.failure is None:
            reply = Reply(candidate.name, completion.text, completion.metadata)
            self._early_stop.report(candidate.name, self._key(completion), reply)
        return completion

    def _call(self, candidate: Candidate, boot: Boot | None, reservations: BudgetReservations) -> Call:
        settings = self.view.settings
        call = Call(
            stage="generate",
            layer=self.view.state["layer"],
            timeout_s=candidate.timeout_s or settings.calls.timeout_s,
            max_tokens=settings.max_tokens,
            request=self._request,
            stream_to_user=self._streams,
            stream_internally=settings.calls.answer_quorum is not None,
            keeps_partial=True,
            probe=candidate.name == self.view.last_hope,
            deadline=self.view.ends_at,
            retries=self.run.scope.retries(settings.calls.max_retries),
            reservations=reservations,
        )
        if boot is None:
            return call
        tokens = boot["usage"]["output_tokens"]
        left = None if call.max_tokens is None else max(1, call.max_tokens - tokens)
        return replace(call, prefix=boot["text"], prefix_tokens=tokens, max_tokens=left)

    def _key(self, completion: Completion) -> str | None:
        if completion.failure is not None or completion.interrupted:
            return None
        question, whole = question_text(self.view.messages), not completion.truncated
        text, message = completion.visible_text, completion.tool_call_message
        return self._request.key_of(text, message, question, self.router.key, finished=whole)

    def _record(self, candidate: Candidate, boot: Boot | None, replies: Sequence[Completion]) -> Answer:
        last = replies[-1]
        return {
            "layer": self.view.state["layer"],
            "candidate": candidate.name,
            "text": last.text,
            "finish_reason": last.finish_reason,
            "key": self._key(last),
            "tool_call_message": last.tool_call_message,
            "via": self._via(candidate, boot, last),
            "usage": last.call_cost["usage"],
            "usd": last.call_cost["usd"],
            "seconds": sum(cost["seconds"] for reply in replies for cost in reply.call_costs),
            "failure": last.failure,
            "message_id": last.message_id if self._streams else None,
            "metadata": dict(last.metadata),
        }

    def _via(self, candidate: Candidate, boot: Boot | None, completion: Completion) -> Via:
        if boot is not None and not completion.restarted:
            return "continuation"
        return "direct" if self._boot_of(candidate.name) is None else "regeneration"


def _must_restart(completion: Completion) -> bool:
    """Return True if the provider refused the prefix, or the model started over and reached the cap of the rest."""
    refused = completion.failure is not None and completion.failure["cause"] == "bad_response"
    return refused or (completion.restarted and completion.truncated)


def _emit(answer: Answer) -> None:
    emit_event(
        {
            "type": "lightrouter",
            "event": "answer",
            "layer": answer["layer"],
            "candidate": answer["candidate"],
            "text": render_reply(answer["text"], answer["tool_call_message"]),
            "key": answer["key"],
            "via": answer["via"],
            "output_tokens": answer["usage"]["output_tokens"],
            "usd": answer["usd"],
            "seconds": answer["seconds"],
            "failure": answer["failure"],
        }
    )

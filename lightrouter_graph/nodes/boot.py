"""`boot`: one candidate's first tokens."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from langchain_core.messages import AnyMessage

from lightrouter_graph.answer_keys import AnswerKey
from lightrouter_graph.llm.boot_cache import BootCache, cached_completion
from lightrouter_graph.llm.call import Call
from lightrouter_graph.llm.client import complete
from lightrouter_graph.llm.completion import Completion, has_only_reasoned
from lightrouter_graph.llm.request import PLAIN, Request
from lightrouter_graph.llm.tool_calls import render_reply
from lightrouter_graph.planning import task_reservations
from lightrouter_graph.pool import Candidate, Pool
from lightrouter_graph.prompts import with_draft
from lightrouter_graph.providers.model_facts import lesser_effort
from lightrouter_graph.query import question_text
from lightrouter_graph.records import Boot, Usage, add_usage
from lightrouter_graph.runtime.early_stop import EarlyStop, EarlyStopRules
from lightrouter_graph.runtime.run_registry import RunRegistry
from lightrouter_graph.selectors.lexical import informative_share
from lightrouter_graph.state import Task, Update, settings_of
from lightrouter_graph.state_queries import end_of
from lightrouter_graph.telemetry.events import emit_event

_REASONING_ROOM = 4
"""So many times the cap of a boot has a model whose reasoning ate one: the cap is a limit, not a wish."""

_LEAST_EVIDENCE = 12
"""Characters; a reply that was stopped earlier says nothing."""

_SAYS_NOTHING = 0.25
"""A boot with no larger share of words of its own says nothing yet. On the recorded outputs of nine sets (120
questions, up to 8 models each) these are 5 of 3,637 boots of 200 tokens, 81 of 6,531 of 64, 348 of 6,974 of 32."""

_HEARD = frozenset({"timeout", "straggler", "disconnected"})
"""Ends of a boot that leave what was heard of it as evidence."""


@dataclass(frozen=True, slots=True)
class BootNode:
    """Let one candidate write its boot tokens, streamed to nobody. A failure is a record, never an exception.

    A boot that reasoning ate is asked for once more, with less effort and more room; one that says nothing yet is
    extended once. One that was stopped half-way counts as far as it was heard.

    Source: arXiv 2505.16221, boot tokens. Deviation: with `agree` set, boots that finished and agree end the race
    for those still writing; with `boot_quorum` set, a quorum does. The paper names boots of boilerplate and of hidden
    reasoning as failures of the method and has no answer to them.
    """

    pool: Pool
    key: AnswerKey
    runs: RunRegistry
    request: Request = PLAIN
    cache: BootCache | None = None

    async def __call__(self, task: Task) -> Update:
        """Return the boot and what it cost."""
        completion = await self._write(task)
        boot = self._record(task, completion)
        _tell(boot)
        return {"boots": [boot], "call_costs": completion.call_costs}

    async def _write(self, task: Task) -> Completion:
        candidate = self.pool[task["candidate"]]
        messages, call = with_draft(task["messages"], task["draft"]), self._call(task, candidate)
        race = self._race(task)
        completion = await self._ask(task, race, candidate, messages, call)
        if race is not None and (completion.failure is None or _is_spent_on_thoughts(completion)):
            whole = self._is_whole(task, completion)
            race.arrive(task["candidate"], self._answer(task, completion) if whole else None)
        if (
            self.cache is not None and completion.call_cost["outcome"] != "cached"
        ):  # only now: the race does not wait for a cache
            await self.cache.keep(candidate, messages, call, completion)
        return completion

    def _race(self, task: Task) -> EarlyStop | None:
        settings = settings_of(task)
        rules = EarlyStopRules(settings.agree, settings.boot_quorum, settings.boot_grace_s)
        return self.runs.join(task["run"], f"boot {task['layer']}", rules)

    def _call(self, task: Task, candidate: Candidate) -> Call:
        settings = settings_of(task)
        call = Call(
            stage="boot",
            layer=task["layer"],
            timeout_s=settings.boot_timeout_s,
            max_tokens=min(settings.boot_tokens, settings.max_tokens or settings.boot_tokens),
            request=self.request,
            stream_internally=settings.boot_quorum is not None or settings.deadline_s is not None,
            deadline=end_of(task),
            retries=self.runs.retries(task["run"], settings.max_retries),
            reservations=task_reservations(task, candidate, self.request),
        )
        return _roomier(call, settings.max_tokens) if candidate.learned.reasons else call

    async def _ask(
        self, task: Task, race: EarlyStop | None, candidate: Candidate, messages: Sequence[AnyMessage], call: Call
    ) -> Completion:
        if self.cache is not None and (kept := await self.cache.find(candidate, messages, call)) is not None:
            return cached_completion(kept, candidate, call)
        first = await complete(candidate, messages, call, early_stop=race)
        again = self._second_call(task, candidate, first, call)
        if again is None:
            return first
        used = sum(call_cost["seconds"] for call_cost in first.call_costs)
        again = replace(again, timeout_s=max(0.0, call.timeout_s - used))
        return _together(first, await complete(candidate, messages, again, early_stop=race), again)

    def _second_call(self, task: Task, candidate: Candidate, first: Completion, call: Call) -> Call | None:
        """Return how to ask once more where the boot is no evidence yet; None where it is, or nothing would help."""
        most = settings_of(task).max_tokens
        if _is_spent_on_thoughts(first) and not call.reduce_reasoning:
            candidate.learned.reasons = True
            again = _roomier(call, most)
            helps = again.max_tokens != call.max_tokens or bool(lesser_effort(candidate.model))
            return again if helps else None
        if not self._says_nothing(task, first) or call.max_tokens is None:
            return None
        if candidate.continuation is not None and not candidate.learned.restarts and self.request.continues:
            left = call.max_tokens if most is None else min(call.max_tokens, most - call.max_tokens)
            return replace(call, prefix=first.text, max_tokens=left) if left > 0 else None
        longer = min(2 * call.max_tokens, most or 2 * call.max_tokens)
        return replace(call, max_tokens=longer) if longer > call.max_tokens else None

    def _says_nothing(self, task: Task, completion: Completion) -> bool:
        """Whether a boot that goes on is nothing but boilerplate or the question again, as far as it came."""
        if not completion.truncated or self.request.tools or not completion.visible_text.strip():
            return False  # with tools a call may follow, which is what counts
        if completion.failure is not None or self._is_whole(task, completion):
            return False
        question = question_text(task["messages"])
        share = informative_share(completion.visible_text, question)
        return share <= _SAYS_NOTHING and self._answer(task, completion) is None

    def _answer(self, task: Task, completion: Completion) -> str | None:
        whole, question = self._is_whole(task, completion), question_text(task["messages"])
        return self.request.key_of(
            completion.visible_text, completion.tool_call_message, question, self.key, finished=whole
        )

    def _is_whole(self, task: Task, completion: Completion) -> bool:
        """Whether the boot is the whole answer: it ended by itself, or it is text and may be no longer."""
        settings = settings_of(task)
        longest = settings.max_tokens is not None and settings.max_tokens <= settings.boot_tokens
        return completion.failure is None and (completion.finished or (longest and self.request.continues))

    def _record(self, task: Task, completion: Completion) -> Boot:
        failure, stopped, silent = completion.failure, "", ""
        if failure is not None and failure["cause"] in _HEARD and _is_evidence(completion):
            stopped, failure = f"{failure['cause']}: {failure['message']}", None
        elif _is_spent_on_thoughts(completion):
            silent, failure = "" if completion.reasoning else "hidden reasoning took all of it", None
        elif self._says_nothing(task, completion):
            silent = "nothing but boilerplate or the question again"
        prices = [call_cost["usd"] for call_cost in completion.call_costs]
        known = [price for price in prices if price is not None]
        return {
            "layer": task["layer"],
            "candidate": task["candidate"],
            "text": completion.text if failure is None else "",
            "finish_reason": completion.finish_reason,
            "finished": self._is_whole(task, completion),
            "answer": None if completion.failure is not None and not stopped else self._answer(task, completion),
            "tool_call_message": completion.tool_call_message,
            "thoughts": "" if completion.visible_text.strip() else completion.reasoning,
            "stopped": stopped,
            "silent": silent,
            "usage": completion.usage,
            "usd": sum(known) if len(known) == len(prices) else None,
            "seconds": sum(call_cost["seconds"] for call_cost in completion.call_costs),
            "failure": failure,
        }


def _roomier(call: Call, most: int | None) -> Call:
    """Ask for less reasoning, and give it room."""
    room = (call.max_tokens or 1) * _REASONING_ROOM
    return replace(call, reduce_reasoning=True, max_tokens=room if most is None else min(room, most))


def _together(first: Completion, second: Completion, again: Call) -> Completion:
    """Make one boot of two tries: the second, unless it brought less than the first."""
    if second.failure is not None and not _is_evidence(second):
        return replace(first, earlier=(*first.earlier, *second.call_costs))
    joined = replace(second, earlier=(*first.call_costs, *second.earlier))
    if again.prefix is None or second.restarted:
        return joined
    usage: Usage = {**add_usage(first.usage, second.usage), "input_tokens": first.usage["input_tokens"]}
    return replace(joined, text_usage=usage)


def _is_spent_on_thoughts(completion: Completion) -> bool:
    return has_only_reasoned(completion) and completion.truncated


def _is_evidence(completion: Completion) -> bool:
    return len((completion.visible_text or completion.reasoning).strip()) >= _LEAST_EVIDENCE


def _tell(boot: Boot) -> None:
    emit_event(
        {
            "type": "lightrouter",
            "event": "boot",
            "layer": boot["layer"],
            "candidate": boot["candidate"],
            "text": render_reply(boot["text"], boot["tool_call_message"]),
            "finished": boot["finished"],
            "answer": boot["answer"],
            "note": boot["stopped"] or boot["silent"],
            "output_tokens": boot["usage"]["output_tokens"],
            "usd": boot["usd"],
            "seconds": boot["seconds"],
            "failure": boot["failure"],
        }
    )

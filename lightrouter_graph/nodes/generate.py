"""`generate`: one chosen candidate's full answer."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from langchain_core.messages import AnyMessage

from lightrouter_graph.answer_keys import AnswerKey
from lightrouter_graph.budget import BudgetReservations
from lightrouter_graph.llm.call import Call
from lightrouter_graph.llm.client import complete
from lightrouter_graph.llm.completion import Completion
from lightrouter_graph.llm.request import PLAIN, Request
from lightrouter_graph.llm.tool_calls import render_reply
from lightrouter_graph.planning import task_reservations
from lightrouter_graph.pool import Pool
from lightrouter_graph.prompts import with_draft, with_shared_boots
from lightrouter_graph.query import question_text
from lightrouter_graph.reasoning import strip_reasoning
from lightrouter_graph.records import Answer, Boot, Via
from lightrouter_graph.runtime.early_stop import EarlyStop, EarlyStopRules
from lightrouter_graph.runtime.run_registry import RunRegistry
from lightrouter_graph.state import Task, Update, settings_of
from lightrouter_graph.state_queries import end_of
from lightrouter_graph.telemetry.events import emit_event


@dataclass(frozen=True, slots=True)
class GenerateNode:
    """Let one candidate answer in full, the cheapest way that is known to work for it.

    A boot is continued where the provider is known to continue a final assistant message; else, or when the full
    answer is to see the other chosen boots, it is written anew. (A boot that finished never comes here.)

    Source: arXiv 2505.16221, full generation conditioned on the boots ("shared"). Deviation: "own" and continuation.
    """

    pool: Pool
    key: AnswerKey
    runs: RunRegistry
    request: Request = PLAIN

    async def __call__(self, task: Task) -> Update:
        """Return the answer and what it cost."""
        boot = self._to_continue(task)
        purse = task_reservations(task, self.pool[task["candidate"]], self.request)
        tries = [await self._write(task, boot, purse)]
        if boot is not None and _must_begin_anew(tries[0]):
            boot = None
            tries.append(await self._write(task, boot, purse))
            if tries[1].failure is None:  # it was the way, not the day
                self.pool[task["candidate"]].learned.restarts = True
        answer = self._record(task, boot, tries)
        _tell(answer)
        return {"answers": [answer], "call_costs": [spent for tried in tries for spent in tried.call_costs]}

    def _to_continue(self, task: Task) -> Boot | None:
        """Return the boot, if continuing it is the way."""
        boot, candidate = task["boot"], self.pool[task["candidate"]]
        able = candidate.continuation is not None and not candidate.learned.restarts
        wanted = settings_of(task).continuation == "auto" and not task["shared"] and self.request.continues
        return boot if able and wanted and boot is not None and strip_reasoning(boot["text"]).strip() else None

    async def _write(self, task: Task, boot: Boot | None, purse: BudgetReservations) -> Completion:
        race, candidate = self._race(task), self.pool[task["candidate"]]
        retries = self.runs.retries(task["run"], settings_of(task).max_retries)
        call = replace(_call(task, boot), request=self.request, retries=retries, reservations=purse)
        completion = await complete(candidate, _prompt(task), call, early_stop=race)
        if race is not None and completion.failure is None:
            race.arrive(task["candidate"], self._key(task, completion))
        return completion

    def _race(self, task: Task) -> EarlyStop | None:
        settings = settings_of(task)
        rules = EarlyStopRules(settings.agree, settings.answer_quorum, settings.answer_grace_s)
        return self.runs.join(task["run"], f"generate {task['layer']}", rules, task["peers"])

    def _key(self, task: Task, completion: Completion) -> str | None:
        if completion.failure is not None:
            return None
        question, whole = question_text(task["messages"]), not completion.truncated
        return self.request.key_of(
            completion.visible_text, completion.tool_call_message, question, self.key, finished=whole
        )

    def _record(self, task: Task, boot: Boot | None, tries: Sequence[Completion]) -> Answer:
        last = tries[-1]
        return {
            "layer": task["layer"],
            "candidate": task["candidate"],
            "text": last.text,
            "finish_reason": last.finish_reason,
            "answer": self._key(task, last),
            "tool_call_message": last.tool_call_message,
            "via": _via(task, boot, last),
            "usage": last.call_cost["usage"],
            "usd": last.call_cost["usd"],
            "seconds": sum(spent["seconds"] for tried in tries for spent in tried.call_costs),
            "failure": last.failure,
            "message_id": last.message_id if task["stream_to_user"] else None,
        }


def _must_begin_anew(completion: Completion) -> bool:
    """Whether the provider turned the boot down, or the model started over and ran into the cap of the rest."""
    refused = completion.failure is not None and completion.failure["cause"] == "bad_response"
    return refused or (completion.restarted and completion.truncated)


def _via(task: Task, boot: Boot | None, completion: Completion) -> Via:
    if boot is not None and not completion.restarted:
        return "continuation"
    return "direct" if task["boot"] is None else "regeneration"


def _prompt(task: Task) -> list[AnyMessage]:
    return with_shared_boots(with_draft(task["messages"], task["draft"]), task["shared"])


def _call(task: Task, boot: Boot | None) -> Call:
    settings = settings_of(task)
    call = Call(
        stage="generate",
        layer=task["layer"],
        timeout_s=settings.timeout_s,
        max_tokens=settings.max_tokens,
        stream_to_user=task["stream_to_user"],
        stream_internally=settings.answer_quorum is not None or settings.deadline_s is not None,
        deadline=end_of(task),
    )
    if boot is None:
        return call
    left = None if call.max_tokens is None else max(1, call.max_tokens - boot["usage"]["output_tokens"])
    return replace(call, prefix=boot["text"], max_tokens=left)


def _tell(answer: Answer) -> None:
    emit_event(
        {
            "type": "lightrouter",
            "event": "answer",
            "layer": answer["layer"],
            "candidate": answer["candidate"],
            "text": render_reply(answer["text"], answer["tool_call_message"]),
            "answer": answer["answer"],
            "via": answer["via"],
            "output_tokens": answer["usage"]["output_tokens"],
            "usd": answer["usd"],
            "seconds": answer["seconds"],
            "failure": answer["failure"],
        }
    )

"""`generate`: one chosen candidate's full answer."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from langchain_core.messages import AnyMessage

from lightrouter_graph.answers import AnswerKey
from lightrouter_graph.completion import Call, Completion, complete_unless_decided
from lightrouter_graph.events import tell
from lightrouter_graph.pool import Pool
from lightrouter_graph.prompts import with_draft, with_shared_boots
from lightrouter_graph.query import question_text
from lightrouter_graph.races import Races
from lightrouter_graph.records import Answer, Boot, Failure, Via
from lightrouter_graph.standing import seconds_left
from lightrouter_graph.state import Task, Update, settings_of

_RESTART = 24
"""A continuation that begins with so many characters of the boot has started over instead of going on."""


@dataclass(frozen=True, slots=True)
class GenerateStep:
    """Let one candidate answer in full, the cheapest way that is known to work for it.

    A boot is continued where the provider is known to continue a final assistant message; else, or when the full
    answer is to see the other chosen boots, it is written anew. (A boot that finished never comes here.)

    Source: arXiv 2505.16221, full generation conditioned on the boots ("shared"). Deviation: "own" and continuation.
    """

    pool: Pool
    key: AnswerKey
    races: Races

    async def __call__(self, task: Task) -> Update:
        """Return the answer and what it cost."""
        attempts = [await self._attempt(task, self._to_continue(task))]
        if attempts[0].refused:
            attempts.append(await self._attempt(task, None))
        answer = self._record(task, attempts)
        _tell(answer)
        return {"answers": [answer], "spendings": [attempt.completion.spending for attempt in attempts]}

    def _to_continue(self, task: Task) -> Boot | None:
        """Return the boot, if continuing it is the way."""
        able = self.pool[task["candidate"]].continuation is not None
        wanted = settings_of(task).continuation == "auto" and not task["shared"]
        return task["boot"] if able and wanted else None

    async def _attempt(self, task: Task, boot: Boot | None) -> "_Attempt":
        agree, race = settings_of(task).agree, None
        if agree is not None:
            race = self.races.join(task["run"], f"generate {task['layer']}", agree, task["peers"])
        candidate = self.pool[task["candidate"]]
        completion = await complete_unless_decided(race, candidate, _prompt(task), _call(task, boot))
        attempt = _Attempt(completion, boot, booted=task["boot"] is not None)
        if race is not None:
            race.vote(self._key(task, attempt))
        return attempt

    def _key(self, task: Task, attempt: "_Attempt") -> str | None:
        if attempt.failure is not None:
            return None
        return self.key(attempt.text, question_text(task["messages"]), finished=not attempt.completion.cut)

    def _record(self, task: Task, attempts: Sequence["_Attempt"]) -> Answer:
        last = attempts[-1]
        return {
            "layer": task["layer"],
            "candidate": task["candidate"],
            "text": last.text,
            "finish_reason": last.completion.finish_reason,
            "answer": self._key(task, last),
            "via": last.via,
            "usage": last.completion.spending["usage"],
            "usd": last.completion.spending["usd"],
            "seconds": sum(attempt.completion.spending["seconds"] for attempt in attempts),
            "failure": last.failure,
            "message_id": last.completion.message_id if task["visible"] and last.boot is None else None,
        }


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One call for a full answer.

    `boot` is what it was to continue, None when it began anew; `booted` says whether there was a boot.
    """

    completion: Completion
    boot: Boot | None
    booted: bool

    @property
    def refused(self) -> bool:
        """Whether the provider turned the final assistant message down."""
        failure = self.completion.failure
        return self.boot is not None and failure is not None and failure["cause"] == "bad_response"

    @property
    def failure(self) -> Failure | None:
        """What went wrong. A model that was to go on and ended with nothing to add had said everything."""
        failure = self.completion.failure
        said_all = self.boot is not None and not self.completion.cut
        return None if said_all and failure is not None and failure["cause"] == "empty" else failure

    @property
    def via(self) -> Via:
        """How the text came to be: a model may start over although it was to go on."""
        if self.boot is None:
            return "regeneration" if self.booted else "direct"
        begun = self.boot["text"].lstrip()[:_RESTART]
        return "regeneration" if self.completion.text.lstrip().startswith(begun) else "continuation"

    @property
    def text(self) -> str:
        """The whole answer, the boot included; empty when there is none."""
        if self.failure is not None:
            return ""
        before = self.boot["text"] if self.boot is not None and self.via == "continuation" else ""
        return before + self.completion.text


def _prompt(task: Task) -> list[AnyMessage]:
    return with_shared_boots(with_draft(task["messages"], task["draft"]), task["shared"])


def _call(task: Task, boot: Boot | None) -> Call:
    settings = settings_of(task)
    call = Call(
        stage="generate",
        layer=task["layer"],
        timeout_s=seconds_left(task["started"], settings.deadline_s, settings.timeout_s),
        max_tokens=settings.max_tokens,
        visible=task["visible"] and boot is None,
    )
    if boot is None:
        return call
    left = None if call.max_tokens is None else max(1, call.max_tokens - boot["usage"]["output_tokens"])
    return replace(call, prefix=boot["text"], max_tokens=left)


def _tell(answer: Answer) -> None:
    tell(
        {
            "type": "lightrouter",
            "event": "answer",
            "layer": answer["layer"],
            "candidate": answer["candidate"],
            "text": answer["text"],
            "answer": answer["answer"],
            "via": answer["via"],
            "output_tokens": answer["usage"]["output_tokens"],
            "usd": answer["usd"],
            "seconds": answer["seconds"],
            "failure": answer["failure"],
        }
    )

"""`boot`: one candidate's first tokens."""

from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.messages import AnyMessage

from lightrouter_graph.answers import AnswerKey
from lightrouter_graph.boot_cache import BootCache, as_completion
from lightrouter_graph.calling import Call
from lightrouter_graph.completion import Completion, complete_unless_decided
from lightrouter_graph.events import tell
from lightrouter_graph.pool import Candidate, Pool
from lightrouter_graph.prompts import with_draft
from lightrouter_graph.query import question_text
from lightrouter_graph.races import Race, Races
from lightrouter_graph.records import Boot
from lightrouter_graph.request import PLAIN, Request
from lightrouter_graph.standing import seconds_left
from lightrouter_graph.state import Task, Update, settings_of
from lightrouter_graph.tool_calls import shown


@dataclass(frozen=True, slots=True)
class BootStep:
    """Let one candidate write its boot tokens, streamed to nobody. A failure is a record, never an exception.

    Source: arXiv 2505.16221, boot tokens. Deviation: with `agree` set, boots that finished and agree end the race
    for those still writing.
    """

    pool: Pool
    key: AnswerKey
    races: Races
    request: Request = PLAIN
    cache: BootCache | None = None

    async def __call__(self, task: Task) -> Update:
        """Return the boot and what it cost."""
        completion = await self._write(task)
        boot = self._record(task, completion)
        _tell(boot)
        return {"boots": [boot], "spendings": [completion.spending]}

    async def _write(self, task: Task) -> Completion:
        settings = settings_of(task)
        candidate = self.pool[task["candidate"]]
        messages = with_draft(task["messages"], task["draft"])
        call = Call(
            stage="boot",
            layer=task["layer"],
            timeout_s=seconds_left(task["started"], settings.deadline_s, settings.boot_timeout_s),
            max_tokens=min(settings.boot_tokens, settings.max_tokens or settings.boot_tokens),
            request=self.request,
        )
        race = None
        if settings.agree is not None:
            race = self.races.join(task["run"], f"boot {task['layer']}", settings.agree)
        completion = await self._ask(race, candidate, messages, call)
        if race is not None and self._is_whole(task, completion):
            race.vote(task["candidate"], self._answer(task, completion))
        if self.cache is not None and completion.cached is None:  # only now: the race does not wait for a cache
            await self.cache.keep(candidate, messages, call, completion)
        return completion

    async def _ask(
        self, race: Race | None, candidate: Candidate, messages: Sequence[AnyMessage], call: Call
    ) -> Completion:
        if self.cache is not None and (kept := await self.cache.find(candidate, messages, call)) is not None:
            return as_completion(kept, candidate, call)
        return await complete_unless_decided(race, candidate, messages, call)

    def _answer(self, task: Task, completion: Completion) -> str | None:
        whole, question = self._is_whole(task, completion), question_text(task["messages"])
        return self.request.comparable(completion.text, completion.proposal, question, self.key, finished=whole)

    def _is_whole(self, task: Task, completion: Completion) -> bool:
        """Whether the boot is the whole answer: it ended by itself, or it is text and may be no longer."""
        settings = settings_of(task)
        longest = settings.max_tokens is not None and settings.max_tokens <= settings.boot_tokens
        return completion.failure is None and (completion.finished or (longest and self.request.continues))

    def _record(self, task: Task, completion: Completion) -> Boot:
        failed = completion.failure is not None
        return {
            "layer": task["layer"],
            "candidate": task["candidate"],
            "text": completion.text,
            "finish_reason": completion.finish_reason,
            "finished": self._is_whole(task, completion),
            "answer": None if failed else self._answer(task, completion),
            "proposal": completion.proposal,
            "usage": completion.usage,
            "usd": completion.spending["usd"],
            "seconds": completion.spending["seconds"],
            "failure": completion.failure,
        }


def _tell(boot: Boot) -> None:
    tell(
        {
            "type": "lightrouter",
            "event": "boot",
            "layer": boot["layer"],
            "candidate": boot["candidate"],
            "text": shown(boot["text"], boot["proposal"]),
            "finished": boot["finished"],
            "answer": boot["answer"],
            "output_tokens": boot["usage"]["output_tokens"],
            "usd": boot["usd"],
            "seconds": boot["seconds"],
            "failure": boot["failure"],
        }
    )

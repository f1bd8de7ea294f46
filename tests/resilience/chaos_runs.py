"""Plays a plan against the server, and notes all that it did and left behind."""

import asyncio
import time
import weakref
from collections import Counter
from collections.abc import Coroutine, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, get_args

from langchain_core.messages import BaseMessage
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.memory import InMemorySaver
from resilience.chaos_plans import CANDIDATES, ROLES, SCHEMA, Plan, judge

from lightrouter_graph import Candidate, Context, LLMAggregator, LLMSelector, create_lightrouter
from lightrouter_graph.rate_limits import endpoints
from lightrouter_graph.testing import Bill, RecordedModelServer
from lightrouter_graph.testing.server.billing import Kind

ASKED = {"messages": [("user", "How many apples are in the basket?")]}
HANGS_S = 20.0
"""A run that takes so long has hung."""

SETTLES_S = 0.1
"""So soon after a run nothing of it may be left."""

_RECORDS = ("call_costs", "boots", "answers")
_playing: ContextVar["weakref.WeakSet[asyncio.Task[Any]] | None"] = ContextVar("playing", default=None)


@dataclass
class Outcome:
    """What a plan came to.

    Attributes:
        plan: The plan.
        names: What each role is called at the server.
        messages: What was appended to the conversation.
        error: What was raised instead.
        records: The call_costs, boots and answers that were told of.
        streamed: The text that was streamed under each message id.
        seconds: How long it took.
        taken: Places that were still taken when it was over.
        tasks: Tasks that were still there a moment later.
        asked: How many requests of each role the server saw.
        billed: What the server counted for each.
    """

    plan: Plan
    names: Mapping[str, str]
    messages: list[BaseMessage] = field(default_factory=list)
    error: BaseException | None = None
    records: dict[str, list[Any]] = field(default_factory=lambda: {name: [] for name in _RECORDS})
    streamed: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    taken: int = 0
    tasks: list[str] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)
    billed: dict[str, Bill] = field(default_factory=dict)


class Play:
    """A plan made ready: building eight models takes longer than some plans last.

    Args:
        plan: The plan.
        server: Where its models are.
        turn: A further turn of a plan has models, and so breakers and a bill, of its own.
    """

    def __init__(self, plan: Plan, server: RecordedModelServer, turn: int = 0) -> None:
        self.outcome = Outcome(plan, {role: f"seed-{plan.seed}-{turn}-{role}" for role in ROLES})
        _cast(self.outcome, server)
        self._candidates = _candidates(self.outcome, server)
        self._graph = _graph(plan, self._candidates)

    async def run(self) -> Outcome:
        """Run it."""
        outcome: Outcome = self.outcome
        mine: weakref.WeakSet[asyncio.Task[Any]] = weakref.WeakSet()
        token = _playing.set(mine)
        began = time.monotonic()
        try:
            async with asyncio.timeout(HANGS_S):
                await _ask(self._graph, outcome)
        except (Exception, asyncio.CancelledError) as exc:  # noqa: BLE001 - whatever it is, it is looked at later
            outcome.error = exc
        finally:
            outcome.seconds = time.monotonic() - began
            _playing.reset(token)
        outcome.taken = sum(endpoints.of(candidate.model).taken for candidate in self._candidates.values())
        outcome.tasks = await _left_of(mine)
        return outcome


def count_requests(server: RecordedModelServer, outcomes: Iterable[Outcome]) -> None:
    """Note what the server saw of each run, once it has noticed that all are over."""
    requests, billed = Counter(request.body["model"] for request in server.requests), server.billed
    for outcome in outcomes:
        for role, name in outcome.names.items():
            outcome.asked[role] = requests[name]
            outcome.billed[role] = sum((billed.get((name, kind), Bill()) for kind in get_args(Kind)), Bill())


@contextmanager
def tasks_told_apart() -> Iterator[list[dict[str, Any]]]:
    """Note of each new task whose run it belongs to; yields the complaints that reach the event loop meanwhile."""
    loop, complaints = asyncio.get_running_loop(), []

    def make(loop: asyncio.AbstractEventLoop, call: Coroutine[Any, Any, Any], **options: Any) -> "asyncio.Task[Any]":
        task = asyncio.Task(call, loop=loop, **options)
        if (mine := _playing.get()) is not None:
            mine.add(task)
        return task

    loop.set_task_factory(make)
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    try:
        yield complaints
    finally:
        loop.set_task_factory(None)
        loop.set_exception_handler(None)


def _cast(outcome: Outcome, server: RecordedModelServer) -> None:
    for role, name in outcome.names.items():
        played = outcome.plan.roles[role]
        server.responders[name] = judge if role == "judge" else lambda _, says=played.says: says
        for of_models, what in (
            (server.failures, played.fault),
            (server.behaviours, played.behaviour),
            (server.timings, played.timing),
        ):
            if what is not None:
                of_models[name] = what


def _candidates(outcome: Outcome, server: RecordedModelServer) -> dict[str, Candidate]:
    made = {}
    for role, name in outcome.names.items():
        played = outcome.plan.roles[role]
        key = name if outcome.plan.own_keys else name.rpartition("-")[0]
        made[role] = Candidate(
            role,
            ChatOpenAI(model=name, base_url=server.base_url, api_key=key, max_retries=2),
            price=(1.0, 2.0) if played.priced else None,
            continuation="continue_final_message" if played.continues else None,
        )
    return made


def _graph(plan: Plan, candidates: Mapping[str, Candidate]) -> Any:
    builder = create_lightrouter(
        [candidates[name] for name in CANDIDATES],
        selector=LLMSelector(candidates["judge"]) if plan.own_judge else None,
        aggregator=LLMAggregator(candidates["writer"]) if plan.own_writer else None,
        response_format=SCHEMA if plan.structured else None,
        context=Context(**plan.settings),
    )
    return builder.compile(checkpointer=InMemorySaver() if plan.way == "ainvoke" else None)


async def _ask(graph: Any, outcome: Outcome) -> None:
    if outcome.plan.way == "ainvoke":
        thread = {"configurable": {"thread_id": "1"}}
        try:
            await graph.ainvoke(ASKED, thread)
        finally:
            _note_state(outcome, graph.get_state(thread).values)
        return
    async for mode, told in graph.astream(ASKED, stream_mode=outcome.plan.way.split("+")):
        match mode:
            case "values":
                _note_state(outcome, told)
            case "updates":
                for node, update in told.items():
                    if " " not in node:  # the update of a node repeats those of its tasks, such as "boot a"
                        _note_update(outcome, update)
            case "messages":
                message = told[0]
                outcome.streamed[message.id] = outcome.streamed.get(message.id, "") + str(message.text)


def _note_state(outcome: Outcome, state: Mapping[str, Any]) -> None:
    outcome.messages = list(state["messages"][1:])
    outcome.records = {name: state.get(name, []) for name in _RECORDS}


def _note_update(outcome: Outcome, update: Mapping[str, Any]) -> None:
    outcome.messages += update.get("messages", [])
    for name in _RECORDS:
        if isinstance(told := update.get(name), list):
            outcome.records[name] += told


async def _left_of(tasks: "weakref.WeakSet[asyncio.Task[Any]]") -> list[str]:
    if left := [task for task in tasks if not task.done()]:
        await asyncio.wait(left, timeout=SETTLES_S)
    return [repr(task) for task in left if not task.done()]

"""Plays a scenario against the raw server and measures what came of it."""

import asyncio
import json
import logging
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
from langchain_core.messages import AIMessage, ToolMessage, convert_to_openai_messages
from langchain_core.messages.utils import convert_to_messages
from langchain_openai import ChatOpenAI
from resilience.scenarios.outcome import Outcome
from resilience.scenarios.replies import as_json
from resilience.scenarios.scenario import HEALTHY, Member, Mode, Scenario
from resilience.scenarios.wire import WireServer, eventually

from lightrouter_graph import Candidate, ChatLightRouter, Context, LightRouterError, Pool, create_lightrouter
from lightrouter_graph.server import create_app

SECRET = "sk-live-{}-Zq83hfKx0Pw5mTn1"
CPU_GUARD_S = 3.0
"""CPU time after which a scenario is broken off, so that a hang in one does not stop the others."""

_GONE_S = 1.0
_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class TooMuchWorkError(Exception):
    """A scenario used up its CPU time."""


@dataclass(slots=True)
class Stage:
    """What the scenarios of one module share: the server, another host, and the chat models."""

    server: WireServer
    elsewhere: WireServer
    clients: dict[tuple[Any, ...], ChatOpenAI] = field(default_factory=dict)
    routers: dict[tuple[Any, ...], tuple[Pool, Any]] = field(default_factory=dict)

    def address(self, name: str, member: Member) -> str:
        first = name if member.address is None else member.address
        return f"{self.server.url}/{first}/v1" if first else f"{self.server.url}/v1"

    def router(self, scenario: Scenario, mode: Mode) -> tuple[Pool, Any]:
        """Return a pool whose candidates have learned nothing yet, and a graph or a chat model over it.

        Equal pools share them: building a graph takes longer than most scenarios.
        """
        plain = [replace(member, respond=HEALTHY) for member in scenario.models.values()]
        key = (mode, scenario.through_chat_model, tuple(scenario.models), repr(plain))
        if key not in self.routers or "cache" in repr(plain):
            pool = Pool([self._candidate(name, member, mode) for name, member in scenario.models.items()])
            through_chat_model = scenario.through_chat_model or mode == "served"
            router = ChatLightRouter(pool=pool) if through_chat_model else create_lightrouter(pool).compile()
            self.routers[key] = pool, router
        pool, router = self.routers[key]
        for candidate in pool:
            candidate.learned.forget()
        return pool, router

    def _candidate(self, name: str, member: Member, mode: Mode) -> Candidate:
        return Candidate(name, self._model(name, member, mode), **{"price": member.price, **member.candidate})

    def _model(self, name: str, member: Member, mode: Mode) -> Any:
        url = self.address(name, member)
        if mode == "spec":
            return (member.spec or f"vllm:{member.model or name}@{{url}}").format(url=url)
        arguments = {
            "model": member.model or name,
            "base_url": url,
            "api_key": SECRET.format(name),
            "max_retries": 2,
            "stream_usage": True,
            "disable_streaming": mode == "plain",
            "default_headers": {"x-elsewhere": self.elsewhere.url.removeprefix("http://"), "x-extra-key": "k-extra"},
            **member.client,
        }
        if "cache" in arguments:
            return ChatOpenAI(**arguments)
        known = tuple(sorted((key, repr(value)) for key, value in arguments.items()))
        if known not in self.clients:
            self.clients[known] = ChatOpenAI(**arguments)
        return self.clients[known]


@asynccontextmanager
async def stage() -> AsyncIterator[Stage]:
    """Start the server of the scenarios and another host, to which nothing may go."""
    server, elsewhere = await WireServer().start(), await WireServer().start()
    try:
        yield Stage(server, elsewhere)
    finally:
        await server.stop()
        await elsewhere.stop()


async def play(scenario: Scenario, mode: Mode, on: Stage) -> Outcome:
    """Play a scenario once.

    Args:
        scenario: What to play.
        mode: How.
        on: The server and the models.

    Returns:
        What came of it. Nothing is raised but what ends the process.
    """
    on.server.play({name: member.respond for name, member in scenario.models.items()})
    on.elsewhere.play({name: lambda _: as_json({"error": {"message": "wrong host"}}, 404) for name in scenario.models})
    if any(not on.address(name, m).startswith(f"{on.server.url}/{name}/") for name, m in scenario.models.items()):
        responds = {m.model or name: m.respond for name, m in scenario.models.items() if m.address == ""}
        on.server.models = {**on.server.models, **responds}
    outcome, before = Outcome(), asyncio.all_tasks()
    with _logs(outcome), _memory(outcome, measured=scenario.grows is not None), _cpu(outcome):
        try:
            await _turns(scenario, mode, on, outcome)
        except Exception as exc:  # noqa: BLE001 - the checks say which exceptions are right
            outcome.error = exc
    outcome.requests, outcome.elsewhere = on.server.requests, on.elsewhere.requests
    if not await on.server.until_idle(_GONE_S):
        outcome.left.append(f"{on.server.open} requests are still in flight")

    def left() -> set[asyncio.Task[Any]]:
        return {
            task for task in asyncio.all_tasks() - before - on.server.tasks - on.elsewhere.tasks if not task.done()
        } - _client_tasks()

    if not await eventually(lambda: not left(), _GONE_S):
        outcome.left += [f"a task is left: {task.get_coro()!r:.120}" for task in left()]
    outcome.told, outcome.sent = on.server.told, on.server.sent
    return outcome


def _client_tasks() -> set[asyncio.Task[Any]]:
    """Return the task that keeps the HTTP client of an event loop, which belongs to the loop and not to a run."""
    return {task for task in asyncio.all_tasks() if "_close_with_loop" in repr(task.get_coro())}


async def _turns(scenario: Scenario, mode: Mode, on: Stage, outcome: Outcome) -> None:
    pool, router = on.router(scenario, mode)
    calls = {"boot_timeout_s": scenario.limit_s, "timeout_s": scenario.limit_s}
    limits = {} if mode in {"plain", "served"} else {"deadline_s": scenario.limit_s}
    context = Context(**{**limits, "calls": calls, **scenario.settings})
    ask = _asker(scenario, mode, pool, router, context)
    for turn in range(scenario.turns):
        outcome.error = None
        extra = scenario.turn_settings[turn] if turn < len(scenario.turn_settings) else {}
        started = time.perf_counter()
        try:
            outcome.messages.append(await ask(extra))
        except LightRouterError as exc:
            outcome.error = exc
        finally:
            outcome.seconds = max(outcome.seconds, time.perf_counter() - started)
            outcome.turns_at.append(len(on.server.requests))


def _asker(scenario: Scenario, mode: Mode, pool: Pool, router: Any, context: Context) -> Any:
    question = list(scenario.question)
    if mode == "served":
        return _through_server(scenario, pool, context)
    if not scenario.through_chat_model:

        async def ask(extra: Mapping[str, Any]) -> AIMessage:
            settings = context.overlaid(dict(extra))
            return (await router.ainvoke({"messages": question}, context=settings))["messages"][-1]

        return ask
    bound = router.bind_tools(list(scenario.tools)) if scenario.tools else router

    async def converse(extra: Mapping[str, Any]) -> AIMessage:
        talk = convert_to_messages(question)
        for _ in range(4):
            answer = await bound.ainvoke(talk, context=context, **scenario.arguments, **extra)
            if not scenario.loops or not answer.tool_calls:
                return answer
            results = [ToolMessage("391", tool_call_id=call["id"], name=call["name"]) for call in answer.tool_calls]
            talk = [*talk, answer, *results]
        return answer

    return converse


def _through_server(scenario: Scenario, pool: Pool, context: Context) -> Any:
    app = create_app(pool, context=context)

    async def ask(extra: Mapping[str, Any]) -> AIMessage:
        messages = convert_to_openai_messages(convert_to_messages(list(scenario.question)))
        body = {"model": "lightrouter", "messages": messages, **scenario.arguments, **extra}
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            response = await client.post("/v1/chat/completions", json=body)
        if response.status_code == 200:
            return AIMessage(response.json()["choices"][0]["message"]["content"])
        raise LightRouterError(f"{response.status_code}: {json.dumps(response.json()['error'])}")

    return ask


@contextmanager
def _logs(outcome: Outcome) -> Iterator[None]:
    """Collect what the package logs, formatted as on a terminal."""

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            outcome.logged.append(record.getMessage())

    logger, collector = logging.getLogger("lightrouter_graph"), Collector()
    logger.addHandler(collector)
    try:
        yield
    finally:
        logger.removeHandler(collector)


@contextmanager
def _cpu(outcome: Outcome) -> Iterator[None]:
    """Measure CPU time, and break off what never ends: a timer of CPU time interrupts regular expressions as well."""

    def interrupt(*_: Any) -> None:
        outcome.left.append(f"broken off after {CPU_GUARD_S:g} s of CPU time")
        raise TooMuchWorkError

    former = signal.signal(signal.SIGVTALRM, interrupt)
    signal.setitimer(signal.ITIMER_VIRTUAL, CPU_GUARD_S, CPU_GUARD_S)
    started = time.process_time()
    try:
        yield
    except TooMuchWorkError as exc:
        outcome.error = exc
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, former)
        outcome.cpu_s = time.process_time() - started


@contextmanager
def _memory(outcome: Outcome, *, measured: bool) -> Iterator[None]:
    """Measure by how much the resident memory grows at its peak, where the system can tell."""
    if not measured or not os.access(_CLEAR, os.W_OK):
        yield
        return
    _CLEAR.write_text("5")
    before = _kilobytes("VmRSS")
    yield
    outcome.grown = max(_kilobytes("VmHWM") - before, 0) * 1024


def _kilobytes(name: str) -> int:
    lines = _STATUS.read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))

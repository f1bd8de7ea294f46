"""The app behind `RecordedModelServer`: finds what a model said and says it at that model's pace."""

import asyncio
import hmac
import itertools
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import AIMessage

from lightrouter_graph.testing.billing import Ledger, RecordedRequest
from lightrouter_graph.testing.deltas import Said
from lightrouter_graph.testing.exchange import Exchange, Message
from lightrouter_graph.testing.faults import HEALTHY, Fault
from lightrouter_graph.testing.gauge import Gauge
from lightrouter_graph.testing.habits import Habits
from lightrouter_graph.testing.openai_shapes import (
    ApiError,
    Ask,
    Json,
    parse_body,
    read_ask,
)
from lightrouter_graph.testing.performance import Performance, count_input, rehearse
from lightrouter_graph.testing.plans import Plans
from lightrouter_graph.testing.recordings import Recordings
from lightrouter_graph.testing.sending import send_stream, send_whole
from lightrouter_graph.testing.timing import Timing
from lightrouter_graph.testing.wire import ConnectionCut

Responder = Callable[[Json], Said]
"""Plays a model: the request body in; the text out, or a message where the model calls tools."""


@dataclass(eq=False)
class RecordedModels:
    """The ASGI app. Its mappings are read anew for every request."""

    recordings: Recordings
    responders: dict[str, Responder]
    timings: dict[str, Timing]
    default_timing: Timing
    habits: dict[str, Habits]
    plans: Plans
    api_key: str | None = field(repr=False)
    ledger: Ledger = field(default_factory=Ledger)
    in_flight: Gauge = field(default_factory=Gauge)
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        """Serve one request."""
        exchange = Exchange(scope, receive, send)
        with self.in_flight.hold():
            try:
                await self._route(exchange)
            except ApiError as error:
                await exchange.answer(error.status, error.body(), error.headers)

    def abandon(self) -> None:
        """End all requests in flight."""
        for task in self._tasks:
            task.cancel()

    async def _route(self, exchange: Exchange) -> None:
        match exchange.line:
            case "POST /v1/chat/completions":
                await self._complete(exchange)
            case "GET /v1/models":
                self._check_key(exchange)
                await exchange.answer(200, self._list_models())
            case "GET /healthz":
                await exchange.answer(200, {"status": "ok"})
            case line:
                raise ApiError(404, f"no such endpoint: {line}")

    def _list_models(self) -> Json:
        names = sorted({*self.recordings.models, *self.responders})
        return {
            "object": "list",
            "data": [{"id": n, "object": "model", "created": 0, "owned_by": "recorded"} for n in names],
        }

    def _check_key(self, exchange: Exchange) -> None:
        given = exchange.header(b"authorization") or ""
        if self.api_key is not None and not hmac.compare_digest(given.encode(), f"Bearer {self.api_key}".encode()):
            raise ApiError(401, "incorrect API key provided", code="invalid_api_key")

    async def _complete(self, exchange: Exchange) -> None:
        body = parse_body(await exchange.body())
        self.ledger.note(RecordedRequest(body, exchange.header(b"authorization") is not None))
        self._check_key(exchange)
        ask = read_ask(body)
        fault = self.plans.next(ask.model, body)
        work = self._reply(exchange, ask, fault or HEALTHY)
        if fault is None and not ask.stream and self._timing(ask) == Timing():
            await work
        else:
            await self._while_connected(exchange, work)

    async def _reply(self, exchange: Exchange, ask: Ask, fault: Fault) -> None:
        with self.ledger.metered(ask.model, count_input(ask)) as meter:
            try:
                await fault.meet()
                show = self._prepare(ask, fault, meter.input_tokens)
                meter.kind = show.kind
                if ask.stream:
                    await send_stream(exchange, show, fault, meter, include_usage=ask.include_usage)
                else:
                    await send_whole(exchange, show, fault, meter)
            except ConnectionCut as cut:
                meter.settle()
                await exchange.close(reset=cut.reset)

    def _prepare(self, ask: Ask, fault: Fault, input_tokens: int) -> Performance:
        habits = fault.behave(self.habits.get(ask.model, Habits()))
        heard = habits.hear(ask)
        said = fault.say(self._find_said(heard))
        call_id = f"chatcmpl-recorded-{next(self._numbers)}"
        return rehearse(heard, said, habits, self._timing(ask), call_id=call_id, input_tokens=input_tokens)

    def _timing(self, ask: Ask) -> Timing:
        return self.timings.get(ask.model, self.default_timing)

    def _find_said(self, ask: Ask) -> Said:
        if responder := self.responders.get(ask.model):
            return _respond(responder, ask)
        if ask.model not in self.recordings.models:
            raise ApiError(404, f"the model {ask.model!r} does not exist", code="model_not_found")
        recording = self.recordings.find(ask.user_texts())
        if recording is None:
            raise ApiError(404, "no message of the user has a recorded question", code="question_not_found")
        if ask.model not in recording.outputs:
            raise ApiError(404, f"{ask.model!r} has no output for this question", code="output_not_found")
        return recording.outputs[ask.model]

    async def _while_connected(self, exchange: Exchange, work: Coroutine[Any, Any, None]) -> None:
        """Work until done, or until the client goes away or the server stops."""
        task, gone = asyncio.create_task(work), asyncio.create_task(exchange.gone())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
        disconnected = gone.done()
        task.cancel()
        gone.cancel()
        await asyncio.wait((task, gone))
        if not task.cancelled():
            task.result()
        elif not disconnected:
            raise ApiError(503, "the server is shutting down")


def _respond(responder: Responder, ask: Ask) -> Said:
    try:
        said = responder(ask.body)
    except Exception as exc:  # whatever a test's function raises is the client's to see
        raise ApiError(500, f"the responder of {ask.model!r} raised {exc!r}") from exc
    if not isinstance(said, str | AIMessage):
        raise ApiError(500, f"the responder of {ask.model!r} returned {said!r}, not a str or an AIMessage")
    return said

"""The app behind `RecordedModelServer`: finds what a model said and says it at that model's pace."""

import asyncio
import hmac
import itertools
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import AIMessage

from lightrouter_graph.testing.billing import Bill, Kind, Ledger, RecordedRequest
from lightrouter_graph.testing.conditions import Fail, Timing
from lightrouter_graph.testing.deltas import Said
from lightrouter_graph.testing.exchange import Exchange, Message
from lightrouter_graph.testing.openai_shapes import (
    ApiError,
    Ask,
    ChunkWriter,
    Json,
    make_completion,
    parse_body,
    read_ask,
)
from lightrouter_graph.testing.performance import Performance, count_input, rehearse
from lightrouter_graph.testing.recordings import Recordings

Responder = Callable[[Json], Said]
"""Plays a model: the request body in; the text out, or a message where the model calls tools."""


@dataclass
class Meter:
    """Tokens produced so far."""

    tokens: int = 0


@dataclass(eq=False)
class RecordedModels:
    """The ASGI app. Its mappings are read anew for every request."""

    recordings: Recordings
    responders: dict[str, Responder]
    timings: dict[str, Timing]
    default_timing: Timing
    failures: dict[str, Fail]
    api_key: str | None = field(repr=False)
    ledger: Ledger
    failed: Counter[str] = field(default_factory=Counter)
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
        with self.ledger.in_flight():
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
        if self._fails(ask.model):
            await self._while_connected(exchange, self._hang(ask))
            return
        show = self._prepare(ask)
        if ask.stream:
            await self._while_connected(exchange, self._stream(exchange, show, ask.include_usage))
        elif show.duration_s:
            await self._while_connected(exchange, self._answer(exchange, show))
        else:
            await self._answer(exchange, show)

    def _fails(self, model: str) -> bool:
        """Raise the failure that is due for a model, if any; True for one that hangs."""
        fail = self.failures.get(model)
        if fail is None or (fail.times is not None and self.failed[model] >= fail.times):
            return False
        self.failed[model] += 1
        if not fail.hang:
            raise ApiError(fail.status, fail.message, headers=fail.headers)
        return True

    def _prepare(self, ask: Ask) -> Performance:
        timing = self.timings.get(ask.model, self.default_timing)
        return rehearse(ask, self._find_said(ask), timing, f"chatcmpl-recorded-{next(self._numbers)}")

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

    async def _answer(self, exchange: Exchange, show: Performance) -> None:
        with self._metered(show.model, show.kind, show.input_tokens) as meter:
            await _produce(show, meter)
        body = make_completion(show.call_id, show.model, show.message, show.finish_reason, show.usage)
        await exchange.answer(200, body)

    async def _stream(self, exchange: Exchange, show: Performance, include_usage: bool) -> None:
        writer, began = ChunkWriter(show.call_id, show.model), asyncio.get_running_loop().time()
        await exchange.start(200, b"text/event-stream; charset=utf-8", {"cache-control": "no-cache"})
        with self._metered(show.model, show.kind, show.input_tokens) as meter:
            await exchange.write(writer.role(opens_with_text=show.opens_with_text))
            for index, delta in enumerate(show.deltas):
                await _sleep_until(began + show.timing.due_s(index))
                if delta is not None:
                    await exchange.write(writer.delta(delta))
                meter.tokens += 1
        usage = writer.usage(show.usage) if include_usage else b""
        await exchange.write(writer.finish(show.finish_reason) + usage + writer.done(), last=True)

    async def _hang(self, ask: Ask) -> None:
        with self._metered(ask.model, "completion", count_input(ask)):
            await asyncio.Event().wait()

    @contextmanager
    def _metered(self, model: str, kind: Kind, input_tokens: int) -> Iterator[Meter]:
        """Charge what was produced when the block ends, before the client can see that it ended."""
        meter, cancelled = Meter(), 0
        try:
            yield meter
        except asyncio.CancelledError:
            cancelled = 1
            raise
        finally:
            self.ledger.charge(model, kind, Bill(1, input_tokens, meter.tokens, cancelled))

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


async def _produce(show: Performance, meter: Meter) -> None:
    """Take the time that the tokens take; when cancelled, meter those that were out by then."""
    loop, total = asyncio.get_running_loop(), len(show.deltas)
    began = loop.time()
    try:
        if show.duration_s:
            await asyncio.sleep(show.duration_s)
    except asyncio.CancelledError:
        meter.tokens = show.timing.produced(loop.time() - began, total)
        raise
    meter.tokens = total


async def _sleep_until(when: float) -> None:
    # A sleep of 0 lets the event loop notice that the client has gone.
    await asyncio.sleep(max(0.0, when - asyncio.get_running_loop().time()))


def _respond(responder: Responder, ask: Ask) -> Said:
    try:
        said = responder(ask.body)
    except Exception as exc:  # whatever a test's function raises is the client's to see
        raise ApiError(500, f"the responder of {ask.model!r} raised {exc!r}") from exc
    if not isinstance(said, str | AIMessage):
        raise ApiError(500, f"the responder of {ask.model!r} returned {said!r}, not a str or an AIMessage")
    return said

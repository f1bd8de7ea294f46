"""`POST /v1/chat/completions`: asks a model and answers, whole or in pieces, for as long as the client is there."""

import asyncio
import logging
import traceback
import uuid
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from lightrouter_graph.errors import BrokenStreamError, NoSurvivorError
from lightrouter_graph.redaction import redact
from lightrouter_graph.server.budgets import held_to
from lightrouter_graph.server.errors import Fault, fault_of, is_unforeseen
from lightrouter_graph.server.metrics import Metrics, Observation
from lightrouter_graph.server.middleware import Slots, read_body
from lightrouter_graph.server.models import Catalogue
from lightrouter_graph.server.requests import Ask, read_ask
from lightrouter_graph.server.responses import completion_of, decision_of, headers_of
from lightrouter_graph.server.sse import EventStream, event, while_connected
from lightrouter_graph.server.streaming import ChunkWriter

logger = logging.getLogger(__name__)


class ChatCompletions:
    """The endpoint, as an ASGI app: a stream decides for itself when its response begins.

    Args:
        catalogue: The models served.
        metrics: Where requests are counted.
        slots: How many may run at a time.
        max_body_bytes: The largest body that is read.
        keepalive_s: Seconds of silence after which a stream gives a sign of life.
        secrets: What must never be logged.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        metrics: Metrics,
        slots: Slots,
        *,
        max_body_bytes: int,
        keepalive_s: float,
        secrets: Sequence[str] = (),
    ) -> None:
        self._catalogue = catalogue
        self._metrics = metrics
        self._slots = slots
        self._max_body_bytes = max_body_bytes
        self._keepalive_s = keepalive_s
        self._secrets = tuple(secrets)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        name = f"chatcmpl-{uuid.uuid4().hex}"
        stream = EventStream(send, {"x-request-id": name}, self._keepalive_s)
        with self._metrics.observe() as seen:
            try:
                response = await self._answer(Request(scope, receive), name, stream, seen)
            except ClientDisconnect:
                return
            except asyncio.CancelledError:  # the server stops: this was the last that the task had to do
                response = await self._excuse(Fault(503, "the server is shutting down"), name, stream, seen)
            except Exception as exc:  # noqa: BLE001 - whatever a model raises becomes an answer
                response = await self._excuse(exc, name, stream, seen)
        if response is not None:
            await response(scope, receive, send)

    async def _answer(self, request: Request, name: str, stream: EventStream, seen: Observation) -> Response | None:
        """Return the response to send, None where it was sent as a stream."""
        ask = read_ask(await read_body(request, self._max_body_bytes), request.headers)
        model = self._catalogue.find(ask.model)
        seen.model = ask.model
        ask = replace(ask, arguments=held_to(model, ask.arguments))
        with self._slots.take():
            if not ask.stream:
                return await while_connected(request.receive, _whole(model, ask, name, seen))
            await while_connected(request.receive, _in_pieces(model, ask, name, stream, seen))
            return None

    async def _excuse(self, exc: Exception, name: str, stream: EventStream, seen: Observation) -> Response | None:
        """Say what went wrong, within the stream if it has begun."""
        if is_unforeseen(exc):
            told = "".join(traceback.format_exception(exc))
            logger.error("%s failed: %s", name, redact(told, self._secrets))
        if isinstance(exc, BrokenStreamError):
            seen.answered(exc.answer.usage_metadata, decision_of(exc.answer.response_metadata))
        if isinstance(exc, NoSurvivorError):
            seen.unanswered(exc)
        fault = fault_of(exc, name)
        if fault.status >= 500 and not is_unforeseen(exc):
            logger.warning("%s: %s", name, redact(str(exc), self._secrets))
        seen.status = fault.status
        if not stream.started:
            return fault.response({"x-request-id": name})
        await stream.write(event(fault.body()), last=True)
        return None


async def _whole(model: BaseChatModel, ask: Ask, name: str, seen: Observation) -> Response:
    message = await model.ainvoke(list(ask.messages), _config(name), **ask.arguments)
    decision = decision_of(message.response_metadata)
    seen.answered(message.usage_metadata, decision)
    body = completion_of(message, ask, name).model_dump_json(exclude_unset=True)
    return Response(body, headers={"x-request-id": name, **headers_of(decision)}, media_type="application/json")


async def _in_pieces(model: BaseChatModel, ask: Ask, name: str, stream: EventStream, seen: Observation) -> None:
    writer = ChunkWriter(ask, name)
    chunks = model.astream(list(ask.messages), _config(name), **ask.arguments)
    async with stream.kept_alive(), aclosing(cast("AsyncGenerator[AIMessageChunk]", chunks)):
        async for chunk in chunks:
            if data := writer.write(chunk):
                seen.speaks()
                await stream.write(data)
    seen.answered(writer.usage, writer.decision)
    await stream.write(writer.end(), last=True)


def _config(name: str) -> Any:
    """Name the request in traces as in the log."""
    return {"metadata": {"request_id": name}}

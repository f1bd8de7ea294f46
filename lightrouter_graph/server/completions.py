"""Endpoint `POST /v1/chat/completions`: calls a model and returns its answer, whole or as a stream."""

import asyncio
import logging
import traceback
import uuid
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from lightrouter_graph.chat_model import ChatLightRouter
from lightrouter_graph.context import Calls
from lightrouter_graph.errors import BrokenStreamError, NoSurvivorError
from lightrouter_graph.llm.timeouts import operator_limits
from lightrouter_graph.redaction import redact
from lightrouter_graph.redaction.printable import log_line
from lightrouter_graph.server.bodies import BodyReader
from lightrouter_graph.server.errors import ApiError, is_unexpected, to_api_error
from lightrouter_graph.server.limits import within_limits
from lightrouter_graph.server.metrics import Metrics, Observation
from lightrouter_graph.server.middleware import ConcurrencyLimit
from lightrouter_graph.server.models import ServedModels
from lightrouter_graph.server.requests import ChatRequest, parse_request
from lightrouter_graph.server.responses import completion_of, decision_of, headers_of
from lightrouter_graph.server.sse import EventStream, event, while_connected
from lightrouter_graph.server.streaming import DONE, ChunkWriter

logger = logging.getLogger(__name__)


class ChatCompletions:
    """The endpoint as an ASGI app, because a stream sends its status with the first event.

    Args:
        registry: Served models.
        metrics: Metrics of the app.
        limit: Limit of concurrent completions.
        bodies: Reader of request bodies.
        keepalive_s: Seconds without an event after which a stream sends a comment, > 0.
        secrets: Texts that are redacted in the log.
    """

    def __init__(
        self,
        registry: ServedModels,
        metrics: Metrics,
        limit: ConcurrencyLimit,
        *,
        bodies: BodyReader,
        keepalive_s: float,
        secrets: Sequence[str] = (),
    ) -> None:
        self._registry = registry
        self._metrics = metrics
        self._limit = limit
        self._bodies = bodies
        self._keepalive_s = keepalive_s
        self._secrets = tuple(secrets)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request_id = f"chatcmpl-{uuid.uuid4().hex}"
        stream = EventStream(send, {"x-request-id": request_id}, self._keepalive_s)
        with self._metrics.observe() as observation:
            try:
                response = await self._answer(Request(scope, receive), request_id, stream, observation)
            except ClientDisconnect:
                return
            except asyncio.CancelledError:  # the server shuts down; the task ends with this response
                error = ApiError(503, "the server is shutting down")
                response = await self._fail(error, request_id, stream, observation, end=DONE)
            except Exception as exc:  # noqa: BLE001 - every exception of a model becomes an error response
                response = await self._fail(exc, request_id, stream, observation)
        if response is not None:
            await response(scope, receive, send)

    async def _answer(
        self, http: Request, request_id: str, stream: EventStream, observation: Observation
    ) -> Response | None:
        """Return the response to send; None if it was streamed."""
        request = parse_request(await self._bodies.read(http), http.headers)
        model = self._registry.find(request.model)
        observation.model = request.model
        request = within_limits(model, request)
        calls = model.context.calls if isinstance(model, ChatLightRouter) else Calls()
        with self._limit.acquire(), operator_limits(calls):
            if not request.stream:
                return await while_connected(http.receive, _complete(model, request, request_id, observation))
            await while_connected(http.receive, _stream(model, request, request_id, stream, observation))
            return None

    async def _fail(
        self, exc: Exception, request_id: str, stream: EventStream, observation: Observation, end: bytes = b""
    ) -> Response | None:
        """Return the error response; if the stream has started, send the error as its last event and return None.

        A stream that the server itself ends has `end` after it; else `[DONE]` is left out, so that no client takes an
        incomplete answer for a complete one.
        """
        if is_unexpected(exc):
            details = "".join(traceback.format_exception(exc))
            logger.error("%s failed: %s", request_id, log_line(redact(details, self._secrets)))
        if isinstance(exc, BrokenStreamError):
            observation.record_answer(exc.answer.usage_metadata, decision_of(exc.answer))
        if isinstance(exc, NoSurvivorError):
            observation.record_failure(exc)
        error = to_api_error(exc, request_id)
        if error.status >= 500 and not is_unexpected(exc):
            logger.warning("%s: %s", request_id, log_line(redact(str(exc), self._secrets)))
        observation.status = error.status
        if not stream.started:
            return error.response({"x-request-id": request_id})
        await stream.write(event(error.body()) + end, last=True)
        return None


async def _complete(model: BaseChatModel, request: ChatRequest, request_id: str, observation: Observation) -> Response:
    message = await model.ainvoke(list(request.messages), _config(request, request_id), **request.arguments)
    decision = decision_of(message)
    observation.record_answer(message.usage_metadata, decision)
    body = completion_of(message, request, request_id).model_dump_json(exclude_unset=True)
    return Response(body, headers={"x-request-id": request_id, **headers_of(decision)}, media_type="application/json")


async def _stream(
    model: BaseChatModel, request: ChatRequest, request_id: str, stream: EventStream, observation: Observation
) -> None:
    writer = ChunkWriter(request, request_id)
    chunks = model.astream(list(request.messages), _config(request, request_id), **request.arguments)
    async with stream.keep_alive(), aclosing(cast("AsyncGenerator[AIMessageChunk]", chunks)):
        async for chunk in chunks:
            if data := writer.write(chunk):
                observation.record_token()
                await stream.write(data)
    observation.record_answer(writer.usage, writer.decision)
    await stream.write(writer.end(), last=True)


def _config(request: ChatRequest, request_id: str) -> Any:
    """Return the config of the model call: the request id for traces, session and user for the parts of a router."""
    ids = {"thread_id": request.thread_id, "user_id": request.user_id}
    return {
        "metadata": {"request_id": request_id},
        "configurable": {name: value for name, value in ids.items() if value},
    }

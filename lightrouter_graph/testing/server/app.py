"""ASGI app of the recorded-model server: looks up the reply of a model and sends it at the model's speed."""

import asyncio
import hmac
import itertools
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus

from langchain_core.messages import AIMessage
from openai.types import Model
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from lightrouter_graph.testing.gauge import Gauge
from lightrouter_graph.testing.server.behaviours import ServerBehaviour
from lightrouter_graph.testing.server.billing import Meter, RecordedRequest, RequestLog
from lightrouter_graph.testing.server.body_parts import plain_parts, produce, send_parts, stream_parts
from lightrouter_graph.testing.server.completion_request import CompletionRequest, Json, parse_json, text_of
from lightrouter_graph.testing.server.errors import ApiError, ConnectionCut
from lightrouter_graph.testing.server.fault_plans import FaultPlans
from lightrouter_graph.testing.server.faults import HEALTHY, Fault
from lightrouter_graph.testing.server.recordings import Recordings
from lightrouter_graph.testing.server.timed_response import CandidateReply, TimedResponse, make_response
from lightrouter_graph.testing.server.uvicorn_thread import CLOSE
from lightrouter_graph.testing.timing import Timing
from lightrouter_graph.testing.tokens import count_prompt_tokens

Responder = Callable[[Json], CandidateReply]
"""Computes the reply of a model from the request body: a text, or a message with tool calls."""

_HEADERS = {
    False: {"content-type": "application/json"},
    True: {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"},
}


@dataclass(eq=False)
class RecordedModels:
    """The ASGI app. Its mappings are read for every request, so they may change while it runs."""

    recordings: Recordings
    responders: dict[str, Responder]
    timings: dict[str, Timing]
    default_timing: Timing
    behaviours: dict[str, ServerBehaviour]
    plans: FaultPlans
    in_flight: Gauge
    api_key: str | None = field(repr=False)
    log: RequestLog = field(default_factory=RequestLog)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        routes = [
            Route("/v1/chat/completions", self._complete, methods=["POST"]),
            Route("/v1/models", self._list_models),
            Route("/healthz", _health),
        ]
        self._app = Starlette(
            routes=routes, exception_handlers={ApiError: _error_response, HTTPException: _error_response}
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        with self.in_flight.hold(), suppress(ClientDisconnect):
            await self._app(scope, receive, send)

    @property
    def models(self) -> list[str]:
        """Sorted names of the models."""
        return sorted({*self.recordings.models, *self.responders})

    async def _list_models(self, request: Request) -> Response:
        self._check_key(request)
        models = [Model(id=name, object="model", created=0, owned_by="recorded").to_dict() for name in self.models]
        return JSONResponse({"object": "list", "data": models})

    def _check_key(self, request: Request) -> None:
        given = request.headers.get("authorization", "")
        if self.api_key is not None and not hmac.compare_digest(given.encode(), f"Bearer {self.api_key}".encode()):
            raise ApiError(401, "incorrect API key provided", code="invalid_api_key")

    async def _complete(self, request: Request) -> ASGIApp:
        body = parse_json(await request.body())
        self.log.add_request(RecordedRequest(body, "authorization" in request.headers))
        self._check_key(request)
        completion = CompletionRequest.parse(body)
        fault = self.plans.next(completion.model, body)
        if fault is None and not completion.stream and self._timing(completion) == Timing():
            return partial(self._reply_at_once, completion)
        return partial(self._reply_while_connected, completion, fault or HEALTHY)

    async def _reply_at_once(self, request: CompletionRequest, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Reply without tasks, so that the request has ended in the same event loop turn as its last byte is sent."""
        await self._reply(request, HEALTHY, send)

    async def _reply_while_connected(
        self, request: CompletionRequest, fault: Fault, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Reply until done or until the client disconnects."""
        reply = asyncio.create_task(self._reply(request, fault, send))
        disconnect = asyncio.create_task(_disconnected(receive))
        await asyncio.wait((reply, disconnect), return_when=asyncio.FIRST_COMPLETED)
        reply.cancel()
        await asyncio.wait((reply,))
        try:
            if not reply.cancelled():
                reply.result()
        except ConnectionCut as cut:
            scope["extensions"][CLOSE](cut.reset)
            await disconnect
        finally:
            disconnect.cancel()

    async def _reply(self, request: CompletionRequest, fault: Fault, send: Send) -> None:
        with self.log.metered(request.model, count_prompt_tokens(map(text_of, request.messages))) as meter:
            await fault.meet()
            response = self._respond(request, fault, meter)
            meter.kind = response.kind
            if request.stream:
                parts = stream_parts(response, fault.rewrite, include_usage=request.include_usage)
            else:
                await produce(response, meter)
                parts = plain_parts(response, fault.rewrite)
            await send_parts(send, _HEADERS[bool(request.stream)], fault.send(parts), meter)

    def _respond(self, request: CompletionRequest, fault: Fault, meter: Meter) -> TimedResponse:
        return make_response(
            request,
            fault.say(self._find_reply(request)),
            fault.behave(self.behaviours.get(request.model, ServerBehaviour())),
            self._timing(request),
            call_id=f"chatcmpl-recorded-{next(self._numbers)}",
            input_tokens=meter.input_tokens,
        )

    def _timing(self, request: CompletionRequest) -> Timing:
        return self.timings.get(request.model, self.default_timing)

    def _find_reply(self, request: CompletionRequest) -> CandidateReply:
        if responder := self.responders.get(request.model):
            return _call_responder(responder, request)
        if request.model not in self.recordings.models:
            raise ApiError(404, f"the model {request.model!r} does not exist", code="model_not_found")
        recording = self.recordings.find(request.user_texts())
        if recording is None:
            raise ApiError(404, "no user message contains a recorded question", code="question_not_found")
        if request.model not in recording.outputs:
            raise ApiError(404, f"{request.model!r} has no output for this question", code="output_not_found")
        return recording.outputs[request.model]


# Starlette runs functions that are not async in threads, which would outlive the server.
async def _health(_: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _error_response(request: Request, exc: Exception) -> Response:
    if isinstance(exc, HTTPException):  # no such path, or another method
        phrase = HTTPStatus(exc.status_code).phrase
        exc = ApiError(exc.status_code, f"{phrase}: {request.method} {request.url.path}")
    assert isinstance(exc, ApiError)
    return exc.response()


def _call_responder(responder: Responder, request: CompletionRequest) -> CandidateReply:
    try:
        reply = responder(request.body)
    except Exception as exc:  # the client gets whatever a test's function raises
        raise ApiError(500, f"the responder of {request.model!r} raised {exc!r}") from exc
    if not isinstance(reply, str | AIMessage):
        raise ApiError(500, f"the responder of {request.model!r} returned {reply!r}, not a str or an AIMessage")
    return reply

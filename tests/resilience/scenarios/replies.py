"""Builds the replies of an OpenAI-compatible endpoint: whole bodies, streams, errors, and the Responses API."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from resilience.scenarios.wire import Reply, Request, Respond, Tokens

NOT_GIVEN: Any = object()
"""For a field that the reply does not have at all, as null is something else."""

SSE = {"content-type": "text/event-stream"}
RIGHT = "The answer is 391."


def as_json(body: Any, status: int = 200, **others: Any) -> Reply:
    """Build a response with a JSON body."""
    return Reply(json.dumps(body).encode(), status, **others)


def usage_of(tokens: Any) -> Any:
    """Return a usage object for (input, output); anything else as it is."""
    if not isinstance(tokens, tuple):
        return tokens
    read, written = tokens
    return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}


def without(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is `NOT_GIVEN`."""
    return {name: value for name, value in fields.items() if value is not NOT_GIVEN}


def whole(
    text: Any,
    reason: Any = "stop",
    usage: Any = (10, 5),
    *,
    top: Mapping[str, Any] | None = None,
    choice: Mapping[str, Any] | None = None,
    **message: Any,
) -> dict[str, Any]:
    """Build the body of a chat completion.

    Args:
        text: The content.
        reason: The finish reason; `NOT_GIVEN` leaves it out.
        usage: (input, output), or any value of the field; `NOT_GIVEN` leaves it out.
        top: Fields of the body that differ.
        choice: Fields of the choice that differ.
        **message: Fields of the message that differ.
    """
    said = without({"role": "assistant", "content": text, **message})
    one = without({"index": 0, "message": said, "finish_reason": reason, **(choice or {})})
    return without(
        {
            "id": "cmpl-7",
            "object": "chat.completion",
            "created": 1,
            "model": "m-1",
            "choices": [one],
            "usage": usage_of(usage),
            **(top or {}),
        }
    )


def piece(delta: Mapping[str, Any] | None, reason: Any = None, usage: Any = NOT_GIVEN, **top: Any) -> dict[str, Any]:
    """Build one event of a stream; a delta of None leaves the list of choices empty."""
    choices = [] if delta is None else [without({"index": 0, "delta": delta, "finish_reason": reason})]
    head = {"id": "cmpl-7", "object": "chat.completion.chunk", "created": 1, "model": "m-1", "choices": choices}
    return without({**head, "usage": usage_of(usage), **top})


def events(*bodies: Any, done: bool = True) -> bytes:
    """Write events as a stream's body."""
    lines = [b"data: " + (body if isinstance(body, bytes) else json.dumps(body).encode()) for body in bodies]
    return b"\n\n".join([*lines, *([b"data: [DONE]"] if done else []), b""])


def stream(*bodies: Any, done: bool = True, **others: Any) -> Reply:
    """Build a streamed response of some events."""
    return Reply([events(*bodies, done=done)], headers=SSE, **others)


def words_of(text: str) -> list[str]:
    """Split a text into the three parts in which it is streamed."""
    third = max(len(text) // 3, 1)
    return [part for part in (text[:third], text[third : 2 * third], text[2 * third :]) if part]


def say(text: Any, reason: Any = "stop", usage: Any = (10, 5), *, told: Any = None, **others: Any) -> Respond:
    """Build a model that gives one reply, streamed where the request asks for it.

    Args:
        text: The content.
        reason: The finish reason.
        usage: Reported usage; a stream reports it in an event of its own.
        told: What that usage amounts to, if it is no pair of numbers.
        **others: `top`, `choice` and fields of the message, as for `whole`.
    """
    tokens = told if told is not None else usage if isinstance(usage, tuple) else None

    def respond(request: Request) -> Reply:
        if not request.streams:
            return as_json(whole(text, reason, usage, **others), tokens=tokens)
        return streamed(text, reason, usage, tokens, **others)

    return respond


def streamed(text: Any, reason: Any, usage: Any, tokens: Tokens | None, **others: Any) -> Reply:
    """Build the stream of `say`."""
    top, choice = others.pop("top", None) or {}, others.pop("choice", None) or {}
    first = {"role": "assistant", **others}
    parts = words_of(text) if isinstance(text, str) else [text]
    deltas = [piece(without({**first, "content": parts[0]} if parts else first), **top)]
    deltas += [piece({"content": part}, **top) for part in parts[1:]]
    end = piece({}, reason, **top)
    if choice:
        end["choices"][0].update(choice)
    counts = [] if usage is NOT_GIVEN else [piece(None, usage=usage, **top)]
    return stream(*deltas, end, *counts, tokens=tokens)


def refuse(
    message: str, status: int = 400, *, body: Any = None, headers: Mapping[str, str] | None = None, **error: Any
):
    """Build a model that refuses every request in these words."""
    return lambda _: refusal(message, status, body=body, headers=headers, **error)


def refusal(
    message: str, status: int = 400, *, body: Any = None, headers: Mapping[str, str] | None = None, **error: Any
) -> Reply:
    """Build an error response, in OpenAI's form unless a body is given."""
    kind = {"type": "invalid_request_error", "param": None, "code": None}
    content = {"error": {"message": message, **kind, **error}} if body is None else body
    head = {"content-type": "application/json", **(headers or {})}
    return Reply(content if isinstance(content, bytes) else json.dumps(content).encode(), status, head)


def in_turn(*models: Respond) -> Respond:
    """Build a model that responds by the number of the request; the last one repeats."""
    return lambda request: models[min(request.number, len(models)) - 1](request)


def unless(problem: Any, model: Respond, *, otherwise: Any = None) -> Respond:
    """Build a model that refuses a request in which `problem` finds something.

    Args:
        problem: Maps a request to an error message or a `Reply`; None or "" if all is well.
        model: What responds then.
        otherwise: Maps the message to a `Reply`; None is an OpenAI error with status 400.
    """

    def respond(request: Request) -> Reply:
        found = problem(request)
        if not found:
            return model(request)
        return found if isinstance(found, Reply) else (otherwise or refusal)(found)

    return respond


def calling(
    name: str, arguments: Any, *, call_id: Any = "call_q1", reason: str = "tool_calls", **others: Any
) -> Respond:
    """Build a model that calls one tool."""
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    call = without({"id": call_id, "type": "function", "function": {"name": name, "arguments": text}})

    def respond(request: Request) -> Reply:
        if not request.streams:
            return as_json(whole(None, reason, tool_calls=[call], **others), tokens=(10, 5))
        first = piece({"role": "assistant", "content": None, **others, "tool_calls": [{"index": 0, **call}]})
        return stream(first, piece({}, reason), piece(None, usage=(10, 5)), tokens=(10, 5))

    return respond


def reply_of_responses_api(request: Request, status: str, text: str, details: Any, error: Any, tokens: Tokens) -> Reply:
    """Build a reply of the Responses API, streamed where the request asks for it."""
    item = {
        "type": "message",
        "id": "msg_1",
        "status": "completed",
        "role": "assistant",
        "content": [{"type": "output_text", "text": text, "annotations": []}],
    }
    usage = {
        "input_tokens": tokens[0],
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": tokens[1],
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": sum(tokens),
    }
    head: dict[str, Any] = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "model": "m-1",
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
    }
    body = {**head, "status": status, "output": [item], "usage": usage, "incomplete_details": details, "error": error}
    if not request.streams:
        return as_json(body, tokens=tokens)
    begun = {**head, "status": "in_progress", "output": [], "usage": None}
    where = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    told: Sequence[dict[str, Any]] = [
        {"type": "response.created", "response": begun},
        {"type": "response.output_item.added", "output_index": 0, "item": {**item, "content": []}},
        {"type": "response.output_text.delta", **where, "delta": text, "logprobs": []},
        {"type": f"response.{status}", "response": body},
    ]
    return Reply([_named(told)], headers=SSE, tokens=tokens)


def _named(bodies: Iterable[Mapping[str, Any]]) -> bytes:
    numbered = ({**body, "sequence_number": number} for number, body in enumerate(bodies))
    return b"".join(f"event: {body['type']}\ndata: {json.dumps(body)}\n\n".encode() for body in numbered)

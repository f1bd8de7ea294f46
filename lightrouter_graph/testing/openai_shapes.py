"""The JSON of the OpenAI chat completions API, as far as a recorded model needs it."""

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


class ApiError(Exception):
    """An error to answer with."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.param = param
        self.headers = headers or {}
        self._body = body

    def body(self) -> Mapping[str, Any] | str:
        """Its own body, or the error as the API words it."""
        if self._body is not None:
            return self._body
        kinds = {401: "authentication_error", 429: "rate_limit_error"}
        kind = "server_error" if self.status >= 500 else kinds.get(self.status, "invalid_request_error")
        return {"error": {"message": str(self), "type": kind, "param": self.param, "code": self.code}}


@dataclass(frozen=True, slots=True)
class Ask:
    """A request for a completion, read and checked."""

    model: str
    messages: Sequence[Json]
    limit: int | None
    stop: tuple[str, ...]
    stream: bool
    include_usage: bool
    prefix: str | None
    body: Json

    def user_texts(self) -> Iterator[str]:
        """The texts of the user, the last first."""
        return (text_of(m) for m in reversed(self.messages) if m.get("role") == "user")


def parse_body(raw: bytes) -> Json:
    """Read a request body.

    Raises:
        ApiError: If it is not a JSON object.
    """
    try:
        body = json.loads(raw)
    except ValueError as exc:
        raise ApiError(400, "the body is not JSON", code="invalid_json") from exc
    if not isinstance(body, dict):
        raise ApiError(400, "the body is not a JSON object", code="invalid_json")
    return body


def read_ask(body: Json) -> Ask:
    """Check a request body.

    Raises:
        ApiError: If `model` or `messages` is missing, a limit is not a number of at least 1, or
            `stop` is neither a text nor a list of texts.
    """
    model, messages = body.get("model"), body.get("messages")
    if not isinstance(model, str) or not model:
        raise ApiError(400, "you must provide a model parameter", code="missing_model")
    if not isinstance(messages, list) or not messages or not all(isinstance(m, dict) for m in messages):
        raise ApiError(400, "messages must be a list of objects with at least one entry", code="invalid_messages")
    continued = bool(body.get("continue_final_message")) and messages[-1].get("role") == "assistant"
    return Ask(
        model=model,
        messages=messages,
        limit=read_limit(body, ("max_completion_tokens", "max_tokens")),
        stop=_stop(body),
        stream=bool(body.get("stream")),
        include_usage=bool((body.get("stream_options") or {}).get("include_usage")),
        prefix=text_of(messages[-1]) if continued else None,
        body=body,
    )


def read_limit(body: Json, names: Iterable[str]) -> int | None:
    """Read the limit on tokens under the first of the names that has one; None for no limit.

    Raises:
        ApiError: If it is not a number of at least 1.
    """
    limit = next((value for name in names if (value := body.get(name)) is not None), None)
    if limit is None or (isinstance(limit, int) and limit >= 1):
        return limit
    raise ApiError(400, "a limit on tokens must be an integer of at least 1", code="invalid_limit")


def text_of(message: Json) -> str:
    """The text of a message whose content is a string, a list of parts, or missing."""
    content = message.get("content")
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def make_usage(input_tokens: int, output_tokens: int, reasoning_tokens: int = 0) -> Json:
    """Token counts in the API's words; the output includes the reasoning."""
    counts = {
        "prompt_tokens": input_tokens,
        "completion_tokens": output_tokens,
        "total_tokens": input_tokens + output_tokens,
    }
    if not reasoning_tokens:
        return counts
    return {**counts, "completion_tokens_details": {"reasoning_tokens": reasoning_tokens}}


def make_completion(call_id: str, model: str, message: Json, finish_reason: str, usage: Json) -> Json:
    """A whole answer; `message` has content and perhaps tool calls."""
    message = {"role": "assistant", **message, "refusal": None}
    return {
        "id": call_id,
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish_reason}],
        "usage": usage,
    }


class ChunkWriter:
    """Writes the events of one stream; what all chunks share is encoded once."""

    def __init__(self, call_id: str, model: str) -> None:
        base = {"id": call_id, "object": "chat.completion.chunk", "created": int(time.time()), "model": model}
        self._head = "data: " + json.dumps(base)[:-1] + ', "choices": '

    def role(self, *, opens_with_text: bool = True) -> bytes:
        """The first event."""
        content = '""' if opens_with_text else "null"
        return self._choice(f'{{"role": "assistant", "content": {content}}}', "null")

    def delta(self, delta: Json) -> bytes:
        """One token."""
        return self._choice(json.dumps(delta), "null")

    def finish(self, reason: str) -> bytes:
        """The event after the last token."""
        return self._choice("{}", json.dumps(reason))

    def usage(self, usage: Json) -> bytes:
        """The event with the bill."""
        return f'{self._head}[], "usage": {json.dumps(usage)}}}\n\n'.encode()

    def done(self) -> bytes:
        """The last event."""
        return b"data: [DONE]\n\n"

    def _choice(self, delta: str, reason: str) -> bytes:
        choice = f'[{{"index": 0, "delta": {delta}, "finish_reason": {reason}}}]'
        return f"{self._head}{choice}}}\n\n".encode()


def _stop(body: Json) -> tuple[str, ...]:
    stop = body.get("stop") or []
    stops = [stop] if isinstance(stop, str) else stop
    if not isinstance(stops, list) or not all(isinstance(text, str) for text in stops):
        raise ApiError(400, "stop must be a text or a list of texts", code="invalid_stop")
    return tuple(filter(None, stops))

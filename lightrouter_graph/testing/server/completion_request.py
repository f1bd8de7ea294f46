"""Validated request of the OpenAI chat completions API."""

import json
from collections.abc import Iterator
from typing import Annotated, Any, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lightrouter_graph.testing.server.errors import ApiError

Json: TypeAlias = dict[str, Any]

LIMIT_NAMES = ("max_completion_tokens", "max_tokens", "num_predict")
"""Parameter names under which providers take the token limit."""

_CODES = {"model": "missing_model", **dict.fromkeys(LIMIT_NAMES, "invalid_limit")}
_Limit: TypeAlias = Annotated[int, Field(ge=1)] | None


class CompletionRequest(BaseModel):
    """The request fields that the server reads; `body` is the whole JSON object."""

    model_config = ConfigDict(frozen=True, strict=True)

    body: Json
    model: Annotated[str, Field(min_length=1)]
    messages: Annotated[list[Json], Field(min_length=1)]
    max_completion_tokens: _Limit = None
    max_tokens: _Limit = None
    num_predict: _Limit = None
    stop: str | list[str] | None = None
    stream: bool | None = None
    stream_options: Json | None = None
    continue_final_message: bool | None = None

    @classmethod
    def parse(cls, body: Json) -> Self:
        """Validate a request body.

        Args:
            body: JSON object of the request.

        Raises:
            ApiError: If a field is missing or has the wrong type (status 400).
        """
        try:
            return cls.model_validate({**body, "body": body})
        except ValidationError as exc:
            error = exc.errors(include_url=False)[0]
            field = str(error["loc"][0])
            code = _CODES.get(field, f"invalid_{field}")
            raise ApiError(400, f"{field}: {error['msg']}", code=code, param=field) from exc

    @property
    def limit(self) -> int | None:
        """Maximum number of output tokens; None for no limit."""
        return self.max_completion_tokens or self.max_tokens

    @property
    def stop_sequences(self) -> list[str]:
        """Non-empty stop sequences."""
        stops = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return [stop for stop in stops if stop]

    @property
    def include_usage(self) -> bool:
        """Whether a stream ends with a chunk of token counts."""
        return bool((self.stream_options or {}).get("include_usage"))

    @property
    def prefix(self) -> str:
        """Text of the assistant message to continue; empty if there is none."""
        last = self.messages[-1]
        return text_of(last) if self.continue_final_message and last.get("role") == "assistant" else ""

    def user_texts(self) -> Iterator[str]:
        """Yield the texts of the user messages, last message first."""
        return (text_of(message) for message in reversed(self.messages) if message.get("role") == "user")


def parse_json(raw: bytes) -> Json:
    """Decode a request body.

    Args:
        raw: Bytes of the body.

    Raises:
        ApiError: If it is not a JSON object (status 400).
    """
    try:
        body = json.loads(raw)
    except ValueError as exc:
        raise ApiError(400, f"the request body is not JSON: {exc}", code="invalid_json") from exc
    if not isinstance(body, dict):
        raise ApiError(400, f"the request body must be a JSON object, got {body!r:.50}", code="invalid_json")
    return body


def text_of(message: Json) -> str:
    """Return the text of a message: its content string, or the joined text parts of a content list.

    Args:
        message: JSON of the message; its content may be missing.
    """
    content = message.get("content")
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""

"""Parses a request body into a `ChatRequest`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import BaseMessage
from pydantic import ValidationError
from pydantic_core import from_json

from lightrouter_graph.llm.boot_cache import ACCOUNTING
from lightrouter_graph.server.errors import SETTINGS, ApiError
from lightrouter_graph.server.messages import read_messages
from lightrouter_graph.server.request_schema import HINTS, IGNORED, NEUTRAL, Body

_DECISION_HEADER = "x-lightrouter-decision"
_SESSION_HEADER = "x-session-id"
_PASSED_ON = ("temperature", "top_p", "seed", "stop", "reasoning_effort")
_PENALTIES = ("frequency_penalty", "presence_penalty")
_MAX_VALUE_CHARS = 60


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A validated chat completions request.

    Attributes:
        model: Requested model name.
        messages: The conversation.
        arguments: Keyword arguments of the model call; LightRouter settings are under `context`.
        stream: Whether the answer is streamed.
        include_usage: Whether a stream ends with the usage.
        show_decision: Whether the response includes the decision record.
        thread_id: Session of the client: header `x-session-id`, `session_id` or `prompt_cache_key`.
        user_id: The field `user`.
    """

    model: str
    messages: Sequence[BaseMessage]
    arguments: Mapping[str, Any]
    stream: bool
    include_usage: bool
    show_decision: bool
    thread_id: str | None = None
    user_id: str | None = None


def parse_request(raw: bytes, headers: Mapping[str, str]) -> ChatRequest:
    """Parse and validate the body of a chat completions request.

    Args:
        raw: The request body.
        headers: The request headers, by lower-case name.

    Returns:
        The request, with its messages converted.

    Raises:
        ApiError: 400 if the body is no JSON object, a field is invalid, or an unsupported feature is requested; `param`
            is the path of the field.
    """
    given = _json_object(raw)
    body = _validated(given)
    _refuse_unknown(body.model_extra or {})
    extras = given.get(SETTINGS) or {}
    return ChatRequest(
        model=body.model,
        messages=read_messages(given["messages"]),
        arguments=_arguments(body, given, {name: value for name, value in extras.items() if name != "decision"}),
        stream=bool(body.stream),
        include_usage=bool(body.stream_options and body.stream_options.include_usage),
        show_decision=bool(body.lightrouter and body.lightrouter.decision) or _is_true(headers, _DECISION_HEADER),
        thread_id=headers.get(_SESSION_HEADER) or body.session_id or body.prompt_cache_key,
        user_id=body.user,
    )


def _json_object(raw: bytes) -> dict[str, Any]:
    try:
        given = from_json(raw, allow_inf_nan=False)
    except ValueError as exc:
        raise ApiError(400, f"the body is not JSON: {exc}", code="invalid_json") from None
    if not isinstance(given, dict):
        raise ApiError(400, "the body must be a JSON object", code="invalid_json")
    return given


def _validated(given: dict[str, Any]) -> Body:
    try:
        return Body.model_validate(given)
    except ValidationError as exc:
        problem = exc.errors(include_url=False, include_context=False)[0]
    param, value = _path(problem["loc"], given), problem["input"]
    missing = problem["type"] == "missing"
    what = problem["msg"][0].lower() + problem["msg"][1:]
    if problem["type"] in {"too_short", "string_too_short"}:
        what = "must not be empty"
    elif not isinstance(value, dict | list) and not missing:
        what += f", got {_shown(value)}"
    raise ApiError(
        400, f"{param}: {what}", code="missing_required_parameter" if missing else "invalid_value", param=param
    )


def _shown(value: object) -> str:
    """Return at most 60 characters of a value; a number of more digits than Python converts is not shown."""
    if isinstance(value, int) and value.bit_length() > 4 * _MAX_VALUE_CHARS:
        return "a number of too many digits"
    shown = value if isinstance(value, str) else repr(value)
    return shown if len(shown) <= _MAX_VALUE_CHARS else f"{shown[:_MAX_VALUE_CHARS]}..."


def _path(loc: Sequence[int | str], given: object) -> str:
    """Format a location as `messages[0].content`, without the names that pydantic adds for members of a union."""
    path = ""
    for index, step in enumerate(loc):
        if isinstance(step, int):
            path += f"[{step}]"
            given = given[step] if isinstance(given, list) and step < len(given) else None
        elif isinstance(given, dict) and (step in given or index == len(loc) - 1):
            path += f".{step}"
            given = given.get(step)
    return path.removeprefix(".")


def _refuse_unknown(extra: Mapping[str, Any]) -> None:
    for name, value in extra.items():
        if value is None or name in IGNORED or any(value == neutral for neutral in NEUTRAL.get(name, ())):
            continue
        if name not in NEUTRAL:
            message = f"unknown field {_shown(name)!r}; settings of a run belong in the object {SETTINGS!r}"
            raise ApiError(400, message, code="unknown_parameter", param=name)
        hint = f" ({HINTS[name]})" if name in HINTS else ""
        raise ApiError(400, f"{name} is not supported{hint}", code="unsupported_parameter", param=name)


def _arguments(body: Body, given: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    arguments = {name: getattr(body, name) for name in _PASSED_ON}
    # Clients send penalties of 0 by default, and some models reject the parameter.
    arguments |= {name: getattr(body, name) or None for name in _PENALTIES}
    arguments["max_tokens"] = body.max_completion_tokens or body.max_tokens
    if body.tools:
        arguments |= {name: given.get(name) for name in ("tools", "tool_choice", "parallel_tool_calls")}
    _check_choice(given.get("tool_choice"), given.get("tools") or [])
    if body.response_format is not None and body.response_format.type != "text":
        arguments["response_format"] = given["response_format"]
    arguments["extra_body"] = {name: given[name] for name in ACCOUNTING if given.get(name) is not None} or None
    arguments["context"] = dict(settings) or None
    return {name: value for name, value in arguments.items() if value is not None}


def _check_choice(choice: object, tools: Sequence[Mapping[str, Any]]) -> None:
    """Reject a `tool_choice` that names no tool of the request."""
    names = [tool["function"]["name"] for tool in tools]
    wanted = choice["function"]["name"] if isinstance(choice, dict) else None
    if (wanted is not None and wanted not in names) or (choice == "required" and not names):
        message = f"tool_choice: no tool {wanted or choice!r}; tools of the request: {', '.join(names) or 'none'}"
        raise ApiError(400, message, code="invalid_value", param="tool_choice")


def _is_true(headers: Mapping[str, str], name: str) -> bool:
    return headers.get(name, "").strip().lower() in {"1", "true", "yes"}

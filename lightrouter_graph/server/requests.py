"""A request body becomes an `Ask`: which model, what conversation, with which arguments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import BaseMessage
from pydantic import ValidationError
from pydantic_core import from_json

from lightrouter_graph.server.errors import SETTINGS, Fault
from lightrouter_graph.server.messages import read_messages
from lightrouter_graph.server.request_schema import HINTS, IGNORED, NEUTRAL, Body

_DECISION_HEADER = "x-lightrouter-decision"
_PASSED_ON = ("temperature", "top_p", "seed", "stop", "reasoning_effort")
_PENALTIES = ("frequency_penalty", "presence_penalty")
_LONGEST_VALUE = 60


@dataclass(frozen=True, slots=True)
class Ask:
    """A request for a completion, read and checked.

    Attributes:
        model: The name it asks for.
        messages: The conversation.
        arguments: What the model is called with beside it.
        stream: Whether the answer is wanted in pieces.
        include_usage: Whether a stream is to end with the usage.
        show_decision: Whether the decision record is wanted with the answer.
    """

    model: str
    messages: Sequence[BaseMessage]
    arguments: Mapping[str, Any]
    stream: bool
    include_usage: bool
    show_decision: bool


def read_ask(raw: bytes, headers: Mapping[str, str]) -> Ask:
    """Read the body of a request for a chat completion.

    Raises:
        Fault: 400, if it is no JSON object, has a wrong type, or asks for what cannot be honoured; `param` says where.
    """
    given = _json_object(raw)
    body = _checked(given)
    _refuse_unknown(body.model_extra or {})
    extras = given.get(SETTINGS) or {}
    return Ask(
        model=body.model,
        messages=read_messages(given["messages"]),
        arguments=_arguments(body, given, {name: value for name, value in extras.items() if name != "decision"}),
        stream=bool(body.stream),
        include_usage=bool(body.stream_options and body.stream_options.include_usage),
        show_decision=bool(body.lightrouter and body.lightrouter.decision) or _says_yes(headers),
    )


def _json_object(raw: bytes) -> dict[str, Any]:
    try:
        given = from_json(raw, allow_inf_nan=False)
    except ValueError as exc:
        raise Fault(400, f"the body is not JSON: {exc}", code="invalid_json") from None
    if not isinstance(given, dict):
        raise Fault(400, "the body must be a JSON object", code="invalid_json")
    return given


def _checked(given: dict[str, Any]) -> Body:
    try:
        return Body.model_validate(given)
    except ValidationError as exc:
        problem = exc.errors(include_url=False, include_context=False)[0]
    param, value = _place(problem["loc"], given), problem["input"]
    what = problem["msg"][0].lower() + problem["msg"][1:]
    if not isinstance(value, dict | list) and problem["type"] != "missing":
        what += f", got {str(value)[:_LONGEST_VALUE]!r}" if isinstance(value, str) else f", got {value!r}"
    missing = problem["type"] == "missing"
    raise Fault(400, f"{param}: {what}", code="missing_required_parameter" if missing else "invalid_value", param=param)


def _place(loc: Sequence[int | str], given: object) -> str:
    """Write a place as `messages[0].content`, without the words pydantic adds for the members of a union."""
    place = ""
    for index, step in enumerate(loc):
        if isinstance(step, int):
            place += f"[{step}]"
            given = given[step] if isinstance(given, list) and step < len(given) else None
        elif isinstance(given, dict) and (step in given or index == len(loc) - 1):
            place += f".{step}"
            given = given.get(step)
    return place.removeprefix(".")


def _refuse_unknown(extra: Mapping[str, Any]) -> None:
    for name, value in extra.items():
        if value is None or name in IGNORED or any(value == asks_nothing for asks_nothing in NEUTRAL.get(name, ())):
            continue
        if name not in NEUTRAL:
            message = f"unknown field {name!r}; settings of a run belong under {SETTINGS!r}"
            raise Fault(400, message, code="unknown_parameter", param=name)
        hint = f" ({HINTS[name]})" if name in HINTS else ""
        raise Fault(400, f"{name} is not supported{hint}", code="unsupported_parameter", param=name)


def _arguments(body: Body, given: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    arguments = {name: getattr(body, name) for name in _PASSED_ON}
    # Clients send penalties of 0 unasked, and some models refuse the very word.
    arguments |= {name: getattr(body, name) or None for name in _PENALTIES}
    arguments["max_tokens"] = body.max_completion_tokens or body.max_tokens
    if body.tools:
        arguments |= {name: given.get(name) for name in ("tools", "tool_choice", "parallel_tool_calls")}
    _check_choice(given.get("tool_choice"), given.get("tools") or [])
    if body.response_format is not None and body.response_format.type != "text":
        arguments["response_format"] = given["response_format"]
    arguments["context"] = dict(settings) or None
    return {name: value for name, value in arguments.items() if value is not None}


def _check_choice(choice: object, tools: Sequence[Mapping[str, Any]]) -> None:
    """Refuse a choice that no tool fits; shapes have been checked."""
    names = [tool["function"]["name"] for tool in tools]
    wanted = choice["function"]["name"] if isinstance(choice, dict) else None
    if (wanted is not None and wanted not in names) or (choice == "required" and not names):
        message = f"tool_choice: no tool fits {wanted or choice!r}; the tools are: {', '.join(names) or 'none'}"
        raise Fault(400, message, code="invalid_value", param="tool_choice")


def _says_yes(headers: Mapping[str, str]) -> bool:
    return headers.get(_DECISION_HEADER, "").strip().lower() in {"1", "true", "yes"}

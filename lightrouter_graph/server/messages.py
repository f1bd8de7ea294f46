"""Converts the messages of a request to LangChain messages."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, InvalidToolCall, ToolMessage, convert_to_messages

from lightrouter_graph.server.errors import ApiError

_FIELDS = ("role", "content", "name", "tool_calls", "tool_call_id")
"""Fields that are converted; LangChain would use an `id` or a `status` as its own."""

_MAX_SHOWN = 100


def read_messages(given: Sequence[Mapping[str, Any]]) -> list[BaseMessage]:
    """Convert messages to LangChain messages.

    Args:
        given: Messages of the request, validated by `request_schema`.

    Returns:
        One LangChain message for each, in the same order.

    Raises:
        ApiError: 400 if a tool message has no preceding tool call with its id.
    """
    messages = [_message(one) for one in given]
    call_ids: set[str | None] = set()
    for index, message in enumerate(messages):
        if isinstance(message, AIMessage):
            call_ids |= {call["id"] for call in [*message.tool_calls, *message.invalid_tool_calls]}
        if isinstance(message, ToolMessage) and message.tool_call_id not in call_ids:
            param = f"messages[{index}].tool_call_id"
            what = f"{param}: no preceding assistant message has a tool call {message.tool_call_id[:_MAX_SHOWN]!r}"
            raise ApiError(400, what, code="invalid_value", param=param)
    return messages


def _message(given: Mapping[str, Any]) -> BaseMessage:
    taken = {name: given[name] for name in _FIELDS if given.get(name) is not None}
    if given["role"] == "assistant":
        taken |= _content_with_refusal(taken.get("content"), given.get("refusal"))
    calls = [_with_arguments(call) for call in taken.pop("tool_calls", ())]
    valid = [call for call in calls if _is_object(call["function"]["arguments"])]
    if valid:
        taken["tool_calls"] = valid
    [message] = convert_to_messages([{"content": "", **taken}])
    if isinstance(message, AIMessage):
        message.invalid_tool_calls = [_invalid(call) for call in calls if call not in valid]
    return message


def _content_with_refusal(content: Any, refusal: str | None) -> dict[str, Any]:
    """Return the content with refusals as text: many providers know neither the field nor the content part."""
    if isinstance(content, list):
        content = [_as_text(part) for part in content] + ([_as_text({"refusal": refusal})] if refusal else [])
    elif refusal:
        content = f"{content}\n\n{refusal}" if content else refusal
    return {} if content is None else {"content": content}


def _as_text(part: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"type": "text", "text": part["refusal"]} if "refusal" in part else part


def _with_arguments(call: Mapping[str, Any]) -> dict[str, Any]:
    """Replace empty arguments by `{}`: some models call a function without parameters this way."""
    function = call["function"]
    return {**call, "function": {**function, "arguments": function["arguments"].strip() or "{}"}}


def _is_object(arguments: str) -> bool:
    try:
        return isinstance(json.loads(arguments, strict=False), dict)
    except (ValueError, RecursionError):
        return False


def _invalid(call: Mapping[str, Any]) -> InvalidToolCall:
    function = call["function"]
    return InvalidToolCall(
        type="invalid_tool_call", id=call["id"], name=function["name"], args=function["arguments"], error=None
    )

"""The messages of a request become LangChain's."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, InvalidToolCall, ToolMessage, convert_to_messages

from lightrouter_graph.server.errors import Fault

_READ = ("role", "content", "name", "tool_calls", "tool_call_id")
"""Nothing else of a message is taken over: LangChain would read an `id` or a `status` as its own."""


def read_messages(given: Sequence[Mapping[str, Any]]) -> list[BaseMessage]:
    """Convert messages whose shapes have been checked.

    Raises:
        Fault: 400, if a tool message answers no tool call before it.
    """
    messages = [_message(one) for one in given]
    asked: set[str | None] = set()
    for index, message in enumerate(messages):
        if isinstance(message, AIMessage):
            asked |= {call["id"] for call in [*message.tool_calls, *message.invalid_tool_calls]}
        if isinstance(message, ToolMessage) and message.tool_call_id not in asked:
            param = f"messages[{index}].tool_call_id"
            what = f"{param}: no assistant message before it has a tool call {message.tool_call_id!r}"
            raise Fault(400, what, code="invalid_value", param=param)
    return messages


def _message(given: Mapping[str, Any]) -> BaseMessage:
    taken = {name: given[name] for name in _READ if given.get(name) is not None}
    calls = [_with_arguments(call) for call in taken.pop("tool_calls", ())]
    sorted_out: dict[bool, list[dict[str, Any]]] = {True: [], False: []}
    for call in calls:
        sorted_out[_is_object(call["function"]["arguments"])].append(call)
    readable, broken = sorted_out[True], sorted_out[False]
    if readable:
        taken["tool_calls"] = readable
    [message] = convert_to_messages([{"content": "", **taken}])
    if isinstance(message, AIMessage):
        message.invalid_tool_calls = [_invalid(call) for call in broken]
    return message


def _with_arguments(call: Mapping[str, Any]) -> dict[str, Any]:
    """Some models call a function without parameters with nothing at all."""
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

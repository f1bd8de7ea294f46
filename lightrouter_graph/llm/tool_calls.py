"""Tool calls of a response: as records and as text, read from text, paired with results, with unique ids."""

import json
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, ToolCall, ToolMessage

from lightrouter_graph.llm.output_schema import OutputSchema
from lightrouter_graph.records import ToolCallMessage

_CALL_TYPES = frozenset({"tool_use", "tool_call", "function_call"})
"""Types of the content blocks that contain a tool call."""

_METADATA_KEYS = ("model_provider", "output_version")
"""Metadata by which LangChain identifies the provider of content blocks."""

_MAX_CHARS = 20_000
_TAGGED = re.compile(r"\s*<(tool_calls?|function_call|tools)>(.*?)</\1>\s*", re.DOTALL)
_FENCED = re.compile(r"```\w{0,20}[ \t]*\n(.*?)\n?```", re.DOTALL)
_KEYS = frozenset({"name", "arguments", "parameters", "id", "type"})


def tool_call_message_of(message: AIMessage) -> ToolCallMessage | None:
    """Return the parts of a response that the next turn needs; None if it calls no tools."""
    if not message.tool_calls:
        return None
    calls = [ToolCall(name=c["name"], args=c["args"], id=c["id"], type="tool_call") for c in message.tool_calls]
    return {
        "content": message.content if isinstance(message.content, str) else list(message.content),
        "tool_calls": calls,
        "additional_kwargs": {k: v for k, v in message.additional_kwargs.items() if k != "tool_calls"},
        "response_metadata": {k: v for k, v in message.response_metadata.items() if k in _METADATA_KEYS},
    }


def render_reply(text: str, tool_call_message: ToolCallMessage | None) -> str:
    """Return a response as text: its text, then one line `[calls NAME(ARGUMENTS)]` per tool call.

    Args:
        text: Text of the response; "[calls " in it is escaped, so that no text can imitate a call.
        tool_call_message: The message of a response that calls tools.
    """
    text = text.replace("[calls ", "[ calls ")
    if tool_call_message is None:
        return text
    calls = ((call["name"], json.dumps(call["args"], ensure_ascii=False)) for call in tool_call_message["tool_calls"])
    return "\n".join([*([text] if text.strip() else []), *(f"[calls {name}({args})]" for name, args in calls)])


def pairing_error(messages: Sequence[BaseMessage]) -> str:
    """Return which tool calls lack a result, or which results lack a call; "" if all are paired.

    Providers refuse such a conversation, each with another message. The results must follow the message with the calls
    before any other message.
    """
    pending: list[tuple[str | None, str | None]] = []
    for message in messages:
        if isinstance(message, ToolMessage):
            answered = next((call for call in pending if call[0] == message.tool_call_id), None)
            if answered is None:
                named = f" of {message.name!r}" if message.name else ""
                return f"the conversation has a tool result{named} for {message.tool_call_id!r} without a tool call"
            pending.remove(answered)
            continue
        if pending:
            break
        pending = _calls_of(message)
    if not pending:
        return ""
    named = ", ".join(f"{name} ({call_id})" for call_id, name in pending)
    return f"the conversation has tool calls without a result: {named}; add a tool message for each"


def _calls_of(message: BaseMessage) -> list[tuple[str | None, str | None]]:
    """Return id and name of each call, invalid ones included: they are sent to providers as well."""
    if not isinstance(message, AIMessage):
        return []
    return [(call["id"], call["name"]) for call in [*message.tool_calls, *message.invalid_tool_calls]]


def with_unique_ids(tool_call_message: ToolCallMessage, messages: Iterable[BaseMessage]) -> ToolCallMessage:
    """Replace ids that another call of the conversation has, or that are missing; unique ids are unchanged.

    Some servers restart their ids with each response, or send none. A new id is also set in the content blocks of the
    provider and in the keys of `additional_kwargs`.

    Args:
        tool_call_message: The message with the calls.
        messages: The conversation before it.
    """
    taken: set[str | None] = {None, ""}
    taken |= {call["id"] for message in messages if isinstance(message, AIMessage) for call in message.tool_calls}
    calls: list[ToolCall] = []
    for call in tool_call_message["tool_calls"]:
        unique = call["id"] if call["id"] not in taken else f"call_{uuid.uuid4().hex[:24]}"
        taken.add(unique)
        calls.append(ToolCall(name=call["name"], args=call["args"], id=unique, type="tool_call"))
    pairs = [(old["id"], new["id"]) for old, new in zip(tool_call_message["tool_calls"], calls, strict=True)]
    if all(old == new for old, new in pairs):
        return tool_call_message
    kwargs = {k: _renamed_keys(v, dict(pairs)) for k, v in tool_call_message["additional_kwargs"].items()}
    content = _renamed_blocks(tool_call_message["content"], pairs)
    return {**tool_call_message, "content": content, "tool_calls": calls, "additional_kwargs": kwargs}


def _renamed_blocks(content: str | list[str | dict[str, Any]], pairs: Sequence[tuple[str | None, str | None]]) -> Any:
    """Set the new ids in the content blocks, which have the order of the calls."""
    if isinstance(content, str):
        return content
    remaining, blocks = list(pairs), []
    for block in content:
        if isinstance(block, dict) and block.get("type") in _CALL_TYPES:
            key = "call_id" if "call_id" in block else "id"
            if pair := next((pair for pair in remaining if pair[0] == block.get(key)), None):
                remaining.remove(pair)
                block = {**block, key: pair[1]}  # noqa: PLW2901 - replaces it
        blocks.append(block)
    return blocks


def _renamed_keys(value: Any, names: Mapping[Any, Any]) -> Any:
    return {names.get(key, key): item for key, item in value.items()} if isinstance(value, Mapping) else value


def tool_calls_in(text: str, tools: Sequence[Mapping[str, Any]]) -> list[ToolCall]:
    """Return the tool calls that a text consists of; [] if it contains anything else.

    The whole text, possibly in a code fence or in `<tool_call>` tags, is one JSON object
    `{"name": ..., "arguments": {...}}` (or "parameters"), or a list of them. Each names an offered tool, and its
    arguments fit the schema of the tool.

    Args:
        text: The visible text of a response that the model ended, of any length.
        tools: The offered tools in OpenAI's format.
    """
    if len(text) > _MAX_CHARS or "{" not in text:
        return []
    schemas = {shape["name"]: shape.get("parameters") or {} for shape in map(_function_of, tools) if shape.get("name")}
    try:
        read = [json.loads(part) for part in _parts(text.strip())]
    except (ValueError, RecursionError):
        return []
    calls = [_call(value, schemas) for one in read for value in (one if isinstance(one, list) else [one])]
    return [call for call in calls if call is not None] if all(calls) else []


def _parts(text: str) -> Iterator[str]:
    """Yield the text, without a fence around it, or what is in its tags if it consists of tagged parts."""
    if fenced := _FENCED.fullmatch(text):
        text = fenced[1].strip()
    at = 0
    while tagged := _TAGGED.match(text, at):
        yield tagged[2]
        at = tagged.end()
    if at < len(text):
        if at:
            raise ValueError("there is text behind the tags")
        yield text


def _function_of(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    function = tool.get("function")
    return function if isinstance(function, Mapping) else {}


def _call(value: Any, schemas: Mapping[str, Mapping[str, Any]]) -> ToolCall | None:
    if not isinstance(value, dict) or not value.keys() <= _KEYS or not isinstance(value.get("name"), str):
        return None
    given = [value[key] for key in ("arguments", "parameters") if key in value]
    schema = schemas.get(value["name"])
    if schema is None or len(given) != 1 or not isinstance(given[0], dict):
        return None
    if OutputSchema("arguments", schema).validation_error(given[0]):
        return None
    return ToolCall(name=value["name"], args=given[0], id=f"call_{uuid.uuid4().hex[:24]}", type="tool_call")

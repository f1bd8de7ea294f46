"""Tool calls: what of a reply that makes some is kept, and how they stand in a conversation, each with its result."""

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, ToolCall, ToolMessage

from lightrouter_graph.records import ToolCallMessage

_CALLING = frozenset({"tool_use", "tool_call", "function_call"})
"""The types of content blocks in which providers write a call."""

_KEPT_METADATA = ("model_provider", "output_version")
"""How LangChain knows whose blocks a message holds."""


def tool_call_message_of(message: AIMessage) -> ToolCallMessage | None:
    """Return what of a reply the next turn needs, where it calls tools; else None."""
    if not message.tool_calls:
        return None
    calls = [ToolCall(name=c["name"], args=c["args"], id=c["id"], type="tool_call") for c in message.tool_calls]
    content, metadata = message.content, message.response_metadata
    return {
        "content": content if isinstance(content, str) else list(content),
        "tool_calls": calls,
        "additional_kwargs": {k: v for k, v in message.additional_kwargs.items() if k != "tool_calls"},
        "response_metadata": {k: metadata[k] for k in _KEPT_METADATA if k in metadata},
    }


def render_reply(text: str, tool_call_message: ToolCallMessage | None) -> str:
    """Write a reply down for a reader who sees text alone: what it says, then what it calls."""
    text = text.replace("[calls ", "[ calls ")  # so that no text passes for a call
    if tool_call_message is None:
        return text
    calls = [
        f"{call['name']}({json.dumps(call['args'], ensure_ascii=False)})" for call in tool_call_message["tool_calls"]
    ]
    return "\n".join([*([text] if text.strip() else []), *(f"[calls {call}]" for call in calls)])


def pairing_error(messages: Sequence[BaseMessage]) -> str:
    """Say which calls lack their result, or which results their call; "" where all are paired.

    Providers refuse such a conversation, each with a message of its own: here the calls are named before anybody is
    asked. The results of a message's calls must follow it before anybody else speaks.
    """
    waiting: list[tuple[str | None, str | None]] = []
    for message in messages:
        if isinstance(message, ToolMessage):
            answered = next((call for call in waiting if call[0] == message.tool_call_id), None)
            if answered is None:
                named = f" of {message.name!r}" if message.name else ""
                return f"the conversation holds a tool result{named} for {message.tool_call_id!r}, which nobody called"
            waiting.remove(answered)
            continue
        if waiting:
            break
        waiting = _calls_of(message)
    if not waiting:
        return ""
    named = ", ".join(f"{name} ({call_id})" for call_id, name in waiting)
    return f"the conversation has tool calls without a result: {named}; add a tool message for each"


def _calls_of(message: BaseMessage) -> list[tuple[str | None, str | None]]:
    """Calls whose arguments are no JSON count: they are sent to providers as calls, too."""
    if not isinstance(message, AIMessage):
        return []
    return [(call["id"], call["name"]) for call in [*message.tool_calls, *message.invalid_tool_calls]]


def with_unique_ids(tool_call_message: ToolCallMessage, messages: Iterable[BaseMessage]) -> ToolCallMessage:
    """Give each call an id that no other call of the conversation has.

    Some servers number the calls of each reply anew, or give none. An id that is unique is left as it is; a new one is
    also set in the provider's own blocks, and in what hangs on it.
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
    return {
        **tool_call_message,
        "content": _renamed_blocks(tool_call_message["content"], pairs),
        "tool_calls": calls,
        "additional_kwargs": {
            k: _renamed_keys(v, dict(pairs)) for k, v in tool_call_message["additional_kwargs"].items()
        },
    }


def _renamed_blocks(content: str | list[str | dict[str, Any]], pairs: Sequence[tuple[str | None, str | None]]) -> Any:
    """The calling blocks of a reply stand in the order of its calls."""
    if isinstance(content, str):
        return content
    left, blocks = list(pairs), []
    for block in content:
        pair = next((pair for pair in left if pair[0] == _id_of(block)), None) if _is_calling(block) else None
        if pair is not None and isinstance(block, dict):
            left.remove(pair)
            block = {**block, "call_id" if "call_id" in block else "id": pair[1]}  # noqa: PLW2901 - takes its place
        blocks.append(block)
    return blocks


def _is_calling(block: str | dict[str, Any]) -> bool:
    return isinstance(block, dict) and block.get("type") in _CALLING


def _id_of(block: str | dict[str, Any]) -> str | None:
    return block.get("call_id", block.get("id")) if isinstance(block, dict) else None


def _renamed_keys(value: Any, names: Mapping[Any, Any]) -> Any:
    return {names.get(key, key): item for key, item in value.items()} if isinstance(value, Mapping) else value

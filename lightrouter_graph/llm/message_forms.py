"""Rewrites the messages of a request body for endpoints that refuse a role, a name, an id or a form of content."""

import re
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage

from lightrouter_graph.reasoning import reasoning_of

Json = dict[str, Any]
Rewrite = Callable[[list[Json]], list[Json]]
"""Returns the new messages of a request body. An unchanged message is returned as it is.

A rewrite of its own result changes nothing. The functions of one message are applied to each; a source is the LangChain
message that it was made of, None if that is unknown.
"""

_JOINED_ROLES = frozenset({"user", "assistant", "system", "developer"})
_ID = re.compile(r"[a-zA-Z0-9]{9}")
_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9_-]+")
_MAX_NAME = 64


def reasoning_passed_back(message: Json, source: BaseMessage | None) -> Json:
    """Add the reasoning of an earlier assistant message; a space where it is unknown, because "" counts as missing."""
    if message["role"] != "assistant" or message.get("reasoning_content"):
        return message
    known = reasoning_of(source) if isinstance(source, AIMessage) else ""
    return {**message, "reasoning_content": known or " "}


def valid_names(message: Json) -> Json:
    """Replace the characters of a name that are not letters, digits, "_" or "-"; drop a name of nothing else."""
    return _with_name(message, _NOT_IN_NAMES.sub("_", message["name"])[:_MAX_NAME]) if "name" in message else message


def no_names(message: Json) -> Json:
    """Leave out the name of the speaker."""
    return _with_name(message, "")


def short_ids(message: Json) -> Json:
    """Replace ids of tool calls by 9 letters or digits, the same for a call and its result."""
    if message.get("tool_calls"):
        calls = [{**call, "id": _short_id(call.get("id"))} for call in message["tool_calls"]]
        return {**message, "tool_calls": calls}
    return {**message, "tool_call_id": _short_id(message["tool_call_id"])} if "tool_call_id" in message else message


def refusal_as_text(message: Json, source: BaseMessage | None) -> Json:
    """Send a refusal in the history, in whichever field or part it is, as the text of its message."""
    content = message.get("content")
    if isinstance(content, list):
        parts = [_refusal_part_as_text(part) for part in content]
        message = message if parts == content else {**message, "content": parts}
    refusal = message.get("refusal") or (source.additional_kwargs.get("refusal") if source is not None else None)
    rest = {key: value for key, value in message.items() if key != "refusal"}
    return {**rest, "content": refusal} if isinstance(refusal, str) and not content else rest


def joined_text(message: Json) -> Json:
    """Send a list of text parts as one string; a list with other parts is unchanged."""
    content = message.get("content")
    is_text = isinstance(content, list) and all(isinstance(part, str) or _is_text(part) for part in content)
    return {**message, "content": _text_of(content)} if is_text else message


def no_empty_parts(message: Json) -> Json:
    """Drop empty text parts beside other parts."""
    given = message.get("content")
    if not isinstance(given, list):
        return message
    kept = [part for part in given if not _is_text(part) or part["text"].strip()]
    return {**message, "content": kept} if kept not in ([], given) else message


def filled_content(old: Sequence[Any], new: str) -> Callable[[Json], Json]:
    """Return a rewrite that replaces empty content.

    Args:
        old: The contents that are replaced.
        new: What is sent instead.
    """
    return lambda message: {**message, "content": new} if message.get("content", new) in old else message


def developer_as_system(message: Json) -> Json:
    """Send the role `developer` as `system`."""
    return {**message, "role": "system"} if message["role"] == "developer" else message


def tools_as_text(message: Json) -> Json:
    """Send the tool calls and tool results of the history as text of assistant and user messages."""
    if message["role"] == "tool":
        return {"role": "user", "content": f"Tool result: {_text_of(message.get('content'))}"}
    if not message.get("tool_calls"):
        return message
    calls = [call.get("function") or {} for call in message["tool_calls"]]
    lines = [f"[calls {call.get('name')}({call.get('arguments')})]" for call in calls]
    rest = {key: value for key, value in message.items() if key != "tool_calls"}
    return {**rest, "content": "\n".join([text for text in [_text_of(message.get("content"))] if text] + lines)}


def system_first(messages: list[Json]) -> list[Json]:
    """Join the system messages, and put them first."""
    system = [one for one in messages if one["role"] in {"system", "developer"}]
    if not system or system == messages[:1]:
        return messages
    return [_joined(system), *(one for one in messages if one not in system)]


def system_folded(messages: list[Json]) -> list[Json]:
    """Put the text of the system messages before the first user message."""
    system = [one for one in messages if one["role"] in {"system", "developer"}]
    if not system:
        return messages
    rest = [one for one in messages if one not in system]
    at = next((index for index, one in enumerate(rest) if one["role"] == "user"), None)
    if at is None:
        return [{"role": "user", "content": _joined(system)["content"]}, *rest]
    return [*rest[:at], {**rest[at], "content": _joined([*system, rest[at]])["content"]}, *rest[at + 1 :]]


def assistant_after_tools(messages: list[Json]) -> list[Json]:
    """Put an assistant message between a tool result and the user message after it."""
    sent: list[Json] = []
    for one in messages:
        if sent and sent[-1]["role"] == "tool" and one["role"] == "user":
            sent.append({"role": "assistant", "content": "(result received)"})
        sent.append(one)
    return sent


def one_role_joined(messages: list[Json]) -> list[Json]:
    """Join consecutive messages of one role."""
    sent: list[Json] = []
    for one in messages:
        if sent and sent[-1]["role"] == one["role"] and one["role"] in _JOINED_ROLES:
            sent[-1] = _joined([sent[-1], one])
        else:
            sent.append(one)
    return sent


def user_first(messages: list[Json]) -> list[Json]:
    """Put a user message before a conversation that begins with the assistant."""
    at = next(
        (index for index, one in enumerate(messages) if one["role"] not in {"system", "developer"}), len(messages)
    )
    if at == len(messages) or messages[at]["role"] != "assistant":
        return messages
    return [*messages[:at], {"role": "user", "content": "(start of the conversation)"}, *messages[at:]]


def user_last(messages: list[Json]) -> list[Json]:
    """Put a user message after a conversation that ends with the assistant."""
    if not messages or messages[-1]["role"] != "assistant":
        return messages
    return [*messages, {"role": "user", "content": "Please continue."}]


def _with_name(message: Json, name: str) -> Json:
    rest = {key: value for key, value in message.items() if key != "name"}
    return {**rest, "name": name} if name.strip("_") else rest


def _short_id(given: object) -> str:
    text = str(given)
    return text if _ID.fullmatch(text) else sha256(text.encode(errors="replace")).hexdigest()[:9]


def _refusal_part_as_text(part: Any) -> Any:
    refused = isinstance(part, dict) and part.get("type") == "refusal"
    return {"type": "text", "text": str(part.get("refusal") or "")} if refused else part


def _joined(messages: Sequence[Json]) -> Json:
    """Join messages: fields of the first, contents joined by an empty line, tool calls in order."""
    contents = [one.get("content") for one in messages]
    kept = [content for content in contents if content]
    if all(isinstance(content, str) for content in kept):
        content: Any = "\n\n".join(kept) if kept else contents[-1]
    else:
        content = [part for one in kept for part in _as_parts(one)]
    calls = [call for one in messages for call in one.get("tool_calls") or ()]
    joined = {**messages[-1], **messages[0], "content": content}
    return {**joined, "tool_calls": calls} if calls else joined


def _as_parts(content: Any) -> list[Any]:
    return content if isinstance(content, list) else [{"type": "text", "text": content}]


def _is_text(part: Any) -> bool:
    return isinstance(part, dict) and isinstance(part.get("text"), str)


def _text_of(content: Any) -> str:
    if isinstance(content, list):
        return "\n\n".join(part if isinstance(part, str) else part.get("text", "") for part in content)
    return content if isinstance(content, str) else ""

"""What a recorded model says, token by token, as the deltas of the OpenAI chat completions API."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from langchain_core.messages import AIMessage, ToolCall

from lightrouter_graph.testing.tokens import count_tokens, split_tokens

Said: TypeAlias = str | AIMessage
"""What a model says in one call: a text, or a message where it calls tools (or ends in a way of its own)."""

Delta: TypeAlias = dict[str, Any]
"""What one token adds to a message, as a stream words it."""


def make_deltas(message: AIMessage, text: str, call_id: str) -> list[Delta | None]:
    """Say a text and the tool calls of a message, one entry per token.

    Tokens that show nothing are None: a stream names a tool in one piece, with the last token of its name.

    Args:
        message: Whose tool calls are said, the invalid ones last and as they are.
        text: What is left to say of its text.
        call_id: Part of the ids of tool calls that have none.
    """
    deltas: list[Delta | None] = list(make_text_deltas(text))
    for index, (given_id, name, arguments) in enumerate(_list_calls(message)):
        head = {"id": given_id or f"{call_id}-call-{index}", "type": "function"}
        deltas += [None] * (count_tokens(name) - 1)
        deltas.append(_call_delta(index, {"name": name, "arguments": ""}, head))
        deltas += (_call_delta(index, {"arguments": token}) for token in split_tokens(arguments))
    return deltas


def make_text_deltas(text: str) -> Iterator[Delta]:
    """Say a text."""
    return ({"content": token} for token in split_tokens(text))


def merge_deltas(deltas: Iterable[Delta | None]) -> Delta:
    """Put deltas together into the message that they tell."""
    texts: list[str] = []
    thoughts: list[str] = []
    calls: list[dict[str, Any]] = []
    for delta in filter(None, deltas):
        texts.append(delta.get("content", ""))
        thoughts.append(delta.get("reasoning_content", ""))
        for part in delta.get("tool_calls", ()):
            if "id" in part:
                calls.append({"id": part["id"], "type": part["type"], "function": dict(part["function"])})
            else:
                calls[-1]["function"]["arguments"] += part["function"]["arguments"]
    content, thought = "".join(texts), "".join(thoughts)
    message = {"content": content or None, "tool_calls": calls} if calls else {"content": content}
    return {**message, "reasoning_content": thought} if thought else message


def count_call_tokens(calls: Iterable[ToolCall]) -> int:
    """Count the tokens of tool calls: of their names, and of their arguments as JSON."""
    return sum(count_tokens(call["name"]) + count_tokens(_write_arguments(call["args"])) for call in calls)


def _list_calls(message: AIMessage) -> Iterator[tuple[str | None, str, str]]:
    yield from ((call["id"], call["name"], _write_arguments(call["args"])) for call in message.tool_calls)
    yield from ((call["id"], call["name"] or "", call["args"] or "") for call in message.invalid_tool_calls)


def _write_arguments(args: Mapping[str, Any]) -> str:
    return json.dumps(args, ensure_ascii=False)


def _call_delta(index: int, function: dict[str, str], head: Mapping[str, str] | None = None) -> Delta:
    return {"tool_calls": [{"index": index, **(head or {}), "function": function}]}

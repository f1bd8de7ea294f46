"""Reads tool calls that a model wrote as text, as small models do if the server does not parse their format."""

import json
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from langchain_core.messages import ToolCall

from lightrouter_graph.llm.output_schema import OutputSchema

_MAX_CHARS = 20_000
_TAGGED = re.compile(r"\s*<(tool_calls?|function_call|tools)>(.*?)</\1>\s*", re.DOTALL)
_FENCED = re.compile(r"```\w{0,20}[ \t]*\n(.*?)\n?```", re.DOTALL)
_KEYS = frozenset({"name", "arguments", "parameters", "id", "type"})


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
        values = [value for part in _parts(text.strip()) for value in _as_list(json.loads(part))]
    except (ValueError, RecursionError):
        return []
    calls = [_call(value, schemas) for value in values]
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


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


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

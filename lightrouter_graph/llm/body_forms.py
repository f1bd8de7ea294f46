"""Rewrites fields of a request body that an endpoint refuses: left out, moved, or replaced by a weaker form."""

from collections.abc import Iterator, Mapping
from typing import Any

from lightrouter_graph.llm.message_forms import Json
from lightrouter_graph.prompts import json_instruction
from lightrouter_graph.providers.learned import LIMITS

PROTECTED = frozenset(
    {"messages", "model", "input", "tools", "stream", "extra_body", "extra_headers", "extra_query", "timeout"}
)
"""Fields without which there is no request, and arguments of the client."""

NESTED = frozenset(
    {"strict", "additionalproperties", "$schema", "$id", "cache_control", "refusal", "reasoning_content", "reasoning"}
    | {"annotations", "audio", "examples", "default", "title", "format", "pattern", "detail", "minlength", "maxlength"}
    | {"minimum", "maximum", "minitems", "maxitems", "exclusiveminimum", "exclusivemaximum", "uniqueitems"}
    | {"multipleof"}
)
"""Optional keys inside of messages, tools and formats, in lower case: notes and checks that we make ourselves."""

_SAME = 30
"""Characters by which an instruction is recognised that was added before."""

_CONTAINERS = ("messages", "tools", "response_format")
_NAMED = frozenset({"properties", "$defs", "definitions", "arguments", "patternProperties"})
"""Keys whose value is a dict by names of the user; only the values are searched for nested keys."""


def optional_fields(body: Json) -> list[str]:
    """Return the fields of a body that may be left out, those of its extra body included; never the output limit."""
    sent = {**body, **_extra(body)}
    return [name for name, value in sent.items() if value is not None and name not in PROTECTED | LIMITS]


def without(body: Json, path: str) -> Json:
    """Return a body without one field.

    Args:
        body: The request body.
        path: A field, or a field and a key in its object: "stream_options.include_usage".
    """
    root, _, key = path.partition(".")
    if (held := _value(body, root)) is None:
        return body
    if not key or not isinstance(held, Mapping):
        rest = {name: value for name, value in body.items() if name != root}
        extra = {name: value for name, value in _extra(body).items() if name != root}
        return {**rest, "extra_body": extra or None} if "extra_body" in rest else rest
    inner = {name: value for name, value in held.items() if name.lower() != key}
    return _replaced(body, root, inner) if inner else without(body, root)


def without_key(body: Json, key: str) -> Json:
    """Return a body without an optional key in all of its messages, tools and formats.

    Args:
        body: The request body.
        key: One of `NESTED`.
    """
    for root in _CONTAINERS:
        if (held := _value(body, root)) is not None and key in nested_keys({root: held}):
            body = _replaced(body, root, _stripped(held, key))
    return body


def nested_keys(body: Json) -> set[str]:
    """Return the optional keys inside of the messages, tools and formats of a body, in lower case."""
    held = (_value(body, root) for root in _CONTAINERS)
    return {key.lower() for value in held for key in _keys(value, named=False) if key.lower() in NESTED}


def in_extra_body(body: Json, field: str) -> Json:
    """Return a body with a field in its extra body, which a client sends without a look at the names."""
    if field not in body:
        return body
    rest = {name: value for name, value in body.items() if name != field}
    return {**rest, "extra_body": {**_extra(body), field: body[field]}}


def schema_as_object(body: Json) -> Json:
    """Ask for any JSON object where a schema was asked for, and describe the schema in a message."""
    return _with_format(body, "json_schema", {"type": "json_object"})


def format_as_text(body: Json) -> Json:
    """Ask for the format of the reply in a message alone."""
    return _with_format(body, "", None)


def auto_choice(body: Json) -> Json:
    """Let the model choose where a tool call was forced; the reply is checked all the same."""
    forced = body.get("tool_choice")
    return body if forced in (None, "auto", "none") else {**body, "tool_choice": "auto"}


def _with_format(body: Json, old: str, new: Json | None) -> Json:
    given = _value(body, "response_format")
    if not isinstance(given, Mapping) or (old and given.get("type") != old):
        return body
    body = without(body, "response_format") if new is None else _replaced(body, "response_format", new)
    held = given.get("json_schema")
    described = held if isinstance(held, Mapping) else {}
    text = json_instruction(str(described.get("name", "object")), described.get("schema") or {})
    messages = body.get("messages")
    if not isinstance(messages, list) or str(messages[-1].get("content")).startswith(text[:_SAME]):
        return body
    return {**body, "messages": [*messages, {"role": "user", "content": text}]}


def _extra(body: Json) -> Json:
    return dict(body.get("extra_body") or {})


def _value(body: Json, field: str) -> Any:
    return body[field] if body.get(field) is not None else _extra(body).get(field)


def _replaced(body: Json, field: str, value: Any) -> Json:
    if field in _extra(body):
        return {**body, "extra_body": {**_extra(body), field: value}}
    return {**body, field: value}


def _keys(value: Any, *, named: bool) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if not named:
                yield key
            yield from _keys(inner, named=key in _NAMED and not named)
    elif isinstance(value, list):
        for inner in value:
            yield from _keys(inner, named=False)


def _stripped(value: Any, key: str, *, named: bool = False) -> Any:
    if isinstance(value, list):
        return [_stripped(inner, key) for inner in value]
    if not isinstance(value, Mapping):
        return value
    kept = {name: inner for name, inner in value.items() if named or name.lower() != key}
    return {name: _stripped(inner, key, named=name in _NAMED and not named) for name, inner in kept.items()}

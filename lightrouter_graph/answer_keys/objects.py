"""JSON objects and tool calls in canonical form: equal when they say the same, field by field."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_Fields = dict[tuple[str, ...], str]


def canonical_object(value: Any) -> str | None:
    """Bring a JSON value into canonical form.

    Returns:
        JSON text that is equal for equal values, whatever the order of the fields; None for what is no JSON.

    >>> canonical_object({"b": 2.0, "a": [1]})
    '{"a": [1], "b": 2}'
    """
    try:
        text = json.dumps(_whole(value), sort_keys=True, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return None
    # Half an emoji is legal in JSON and cannot be written down: a checkpoint would fail on it.
    return text.encode("utf-8", "backslashreplace").decode()


def canonical_tool_calls(tool_calls: Sequence[Mapping[str, Any]]) -> str | None:
    """Bring the tool calls of one message into canonical form.

    Args:
        tool_calls: As on `AIMessage.tool_calls` ("name", "args") or in OpenAI's wire form ("function" with "name" and
            "arguments" as JSON text). Ids are left aside; the order of parallel calls does not matter.

    Returns:
        JSON text that is equal for equal calls; None when there is no call, or one that cannot be read.

    >>> canonical_tool_calls([{"name": "add", "args": {"b": 2.0, "a": 1}, "id": "x"}])
    '[["add", {"a": 1, "b": 2}]]'
    """
    spelled = [_spell_call(call) for call in tool_calls]
    known = sorted(call for call in spelled if call is not None)
    return f"[{', '.join(known)}]" if known and len(known) == len(spelled) else None


def shared_fields(one: str, other: str) -> float:
    """Say how much of two canonical forms is equal, field by field.

    Args:
        one: A canonical object, or canonical tool calls.
        other: Another.

    Returns:
        The fields with equal values among all fields of either, 0 to 1; a field in a nested object counts as one of
        its own, a list as a whole. 1 for equal texts only; 0 where a text is no canonical form.

    >>> shared_fields('{"a": 1, "b": 2}', '{"a": 1, "b": 3}')
    0.5
    """
    if one == other:
        return 1.0
    ours, theirs = _fields_of(one), _fields_of(other)
    paths = ours.keys() | theirs.keys()
    equal = sum(path in ours and ours[path] == theirs.get(path) for path in paths)
    return equal / len(paths) if paths else 0.0


def _fields_of(canonical: str) -> _Fields:
    try:
        value = json.loads(canonical)
    except ValueError:
        return {}
    if isinstance(value, list) and value and all(_is_call(item) for item in value):
        return dict(_fields_of_calls(value))
    return dict(_leaves(value, ()))


def _is_call(item: Any) -> bool:
    return isinstance(item, list) and len(item) == 2 and isinstance(item[0], str) and isinstance(item[1], Mapping)


def _fields_of_calls(calls: Sequence[Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    """The name of a call is a field too, so that two calls of one tool share something."""
    seen: Counter[str] = Counter()
    for name, args in calls:
        seen[name] += 1
        place = (name, str(seen[name]))
        yield (*place, "name"), name
        if args:
            yield from _leaves(args, (*place, "args"))


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _leaves(item, (*path, key))
    else:
        yield path, json.dumps(value)


def _whole(value: Any) -> Any:
    """The value with whole floats as integers, at any depth: models write 2 and 2.0 for the same argument."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {str(key): _whole(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_whole(item) for item in value]
    return value


def _spell_call(call: Mapping[str, Any]) -> str | None:
    """One call as JSON; None when it has no name or no readable arguments."""
    called = call.get("function", call)
    if not isinstance(called, Mapping):
        return None
    name, arguments = called.get("name"), called.get("args", called.get("arguments", {}))
    try:
        arguments = json.loads(arguments or "{}") if isinstance(arguments, str) else arguments or {}
    except ValueError:
        return None
    if not name or not isinstance(arguments, Mapping):
        return None
    return canonical_object([str(name), arguments])

"""Canonical string of a JSON object or of the tool calls of a message, and the share of equal fields of two."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_Path = tuple[str, ...]


def canonical_object(value: Any) -> str | None:
    """Serialize a JSON `value`; equal values in any order of keys return equal strings, and other objects None.

    Args:
        value: A parsed JSON object, list, string, number, boolean or None.

    >>> canonical_object({"b": 2.0, "a": [1]})
    '{"a": [1], "b": 2}'
    """
    try:
        text = json.dumps(_with_integers(value), sort_keys=True, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return None
    # A lone surrogate is valid in JSON but cannot be encoded: a checkpoint would fail.
    return text.encode("utf-8", "backslashreplace").decode()


def canonical_tool_calls(tool_calls: Sequence[Mapping[str, Any]]) -> str | None:
    """Serialize the tool calls of one message; equal calls return equal strings, an empty list or a wrong call None.

    Args:
        tool_calls: A list as in `AIMessage.tool_calls` ("name", "args") or in OpenAI's schema ("function" with "name"
            and "arguments" as a JSON string). Ids and the order of parallel calls are ignored.

    >>> canonical_tool_calls([{"name": "add", "args": {"b": 2.0, "a": 1}, "id": "x"}])
    '[["add", {"a": 1, "b": 2}]]'
    """
    calls = [_canonical_call(call) for call in tool_calls]
    valid = sorted(call for call in calls if call is not None)
    return f"[{', '.join(valid)}]" if valid and len(valid) == len(calls) else None


def shared_fields(one: str, other: str) -> float:
    """Return the number of fields with equal values / the number of fields of both canonical strings, 0 to 1.

    Each field of a nested dict counts; a list is one field. 1 only for equal strings; 0 if `one` or `other` is not a
    string that `canonical_object` or `canonical_tool_calls` returned.

    Args:
        one: Canonical form of the first object.
        other: Canonical form of the second object; the order does not matter.

    >>> shared_fields('{"a": 1, "b": 2}', '{"a": 1, "b": 3}')
    0.5
    """
    if one == other:
        return 1.0
    first, second = _fields_of(one), _fields_of(other)
    paths = first.keys() | second.keys()
    equal = sum(path in first and first[path] == second.get(path) for path in paths)
    return equal / len(paths) if paths else 0.0


def _fields_of(canonical: str) -> dict[_Path, str]:
    try:
        value = json.loads(canonical)
    except ValueError:
        return {}
    if isinstance(value, list) and value and all(_is_call(item) for item in value):
        return dict(_fields_of_calls(value))
    return dict(_leaves(value, ()))


def _is_call(item: Any) -> bool:
    return isinstance(item, list) and len(item) == 2 and isinstance(item[0], str) and isinstance(item[1], Mapping)


def _fields_of_calls(calls: Sequence[Any]) -> Iterator[tuple[_Path, str]]:
    """Yield the fields of tool calls; the name of the function is a field as well."""
    seen: Counter[str] = Counter()
    for name, args in calls:
        seen[name] += 1
        path = (name, str(seen[name]))
        yield (*path, "name"), name
        if args:
            yield from _leaves(args, (*path, "args"))


def _leaves(value: Any, path: _Path) -> Iterator[tuple[_Path, str]]:
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _leaves(item, (*path, key))
    else:
        yield path, json.dumps(value)


def _with_integers(value: Any) -> Any:
    """Replace integral floats by integers at any depth: models write 2 and 2.0 for the same argument."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {str(key): _with_integers(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_with_integers(item) for item in value]
    return value


def _canonical_call(call: Mapping[str, Any]) -> str | None:
    """Serialize one call; None without a name or valid arguments."""
    function = call.get("function", call)
    if not isinstance(function, Mapping):
        return None
    name, arguments = function.get("name"), function.get("args", function.get("arguments", {}))
    try:
        arguments = json.loads(arguments or "{}") if isinstance(arguments, str) else arguments or {}
    except ValueError:
        return None
    if not name or not isinstance(arguments, Mapping):
        return None
    return canonical_object([str(name), arguments])

"""Tool calls in canonical form: equal when they call the same tools with the same arguments, in any order."""

import json
from collections.abc import Mapping, Sequence
from typing import Any


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
        if not name or not isinstance(arguments, Mapping):
            return None
        return json.dumps([str(name), _whole(arguments)], sort_keys=True, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return None


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

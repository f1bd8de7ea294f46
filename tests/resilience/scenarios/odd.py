"""One odd reply never ends a run in which others answer."""

import json
from collections.abc import Iterator
from typing import Any

from langchain_core.tools import tool
from resilience.scenarios.fields import multiply
from resilience.scenarios.replies import NOT_GIVEN, RIGHT, calling, piece, say, stream, whole
from resilience.scenarios.scenario import HEALTHY, Scenario, beside, scenario, slug
from resilience.scenarios.wire import Reply, Respond

KIND = "odd-replies"
LONE = "\ud83d"

MESSAGES: dict[str, dict[str, Any]] = {
    "role-user": {"role": "user"},
    "role-system": {"role": "system"},
    "role-tool": {"role": "tool"},
    "role-function": {"role": "function"},
    "role-developer": {"role": "developer"},
    "role-unknown": {"role": "oracle"},
    "role-null": {"role": None},
    "role-absent": {"role": NOT_GIVEN},
    "role-number": {"role": 7},
    "content-number": {"content": 391},
    "content-true": {"content": True},
    "content-object": {"content": {"text": RIGHT}},
    "content-list-of-texts": {"content": ["The answer", " is 5."]},
    "content-empty-list": {"content": []},
    "content-of-unknown-parts": {"content": [{"type": "hologram", "data": "x"}]},
    "content-surrogate": {"content": f"The answer is {LONE}5."},
    "content-nul": {"content": "The answer is \x00 5."},
    "content-absent": {"content": NOT_GIVEN},
    "reasoning-number": {"reasoning_content": 5},
    "reasoning-list": {"reasoning_content": [{"text": "hm"}]},
    "reasoning-surrogate": {"reasoning_content": LONE},
    "tool-calls-null": {"tool_calls": None},
    "tool-calls-object": {"tool_calls": {"name": "x"}},
    "tool-calls-text": {"tool_calls": "multiply"},
    "tool-call-null": {"tool_calls": [None]},
    "tool-call-without-function": {"tool_calls": [{"id": "c", "type": "function"}]},
    "function-call": {"function_call": {"name": "multiply", "arguments": "{}"}},
    "audio": {"audio": {"id": "a", "data": "x", "transcript": "hm"}},
    "annotations": {"annotations": [{"type": "url_citation", "url_citation": None}]},
    "name-surrogate": {"name": LONE},
}

BODIES: dict[str, dict[str, Any]] = {
    "choices-null": {"choices": None},
    "choices-absent": {"choices": NOT_GIVEN},
    "choices-empty": {"choices": []},
    "choices-object": {"choices": {"message": {}}},
    "choice-null": {"choices": [None]},
    "choice-empty": {"choices": [{}]},
    "message-null": {"choices": [{"index": 0, "message": None, "finish_reason": "stop"}]},
    "message-text": {"choices": [{"index": 0, "message": "hello", "finish_reason": "stop"}]},
    "model-null": {"model": None},
    "model-number": {"model": 5},
    "model-surrogate": {"model": LONE},
    "id-null": {"id": None},
    "fingerprint-object": {"system_fingerprint": {"a": 1}},
    "created-text": {"created": "yesterday"},
    "deep": {"extra": json.loads("[" * 400 + "]" * 400)},
}


def _odd_messages() -> Iterator[Scenario]:
    for name, fields in MESSAGES.items():
        message = {"content": "The answer is 5.", **fields}
        yield beside(KIND, f"message-{name}", say(message.pop("content"), **message))
    for name, top in BODIES.items():
        yield beside(KIND, f"body-{name}", say("The answer is 5.", top=top))
    for name in ("role-user", "role-system", "content-surrogate", "content-number", "tool-calls-null"):
        message = {"content": "The answer is 5.", **MESSAGES[name]}
        yield scenario(KIND, f"message-{name}-alone", say(message.pop("content"), **message))
    reasons: tuple[Any, ...] = (5, True, ["stop"], {"reason": "stop"}, LONE, "x" * 5000)
    for at, reason in enumerate(reasons):
        yield beside(
            KIND, f"reason-{at}-{slug(type(reason).__name__)}", say("The answer is 5.", reason), modes=("plain",)
        )


def _odd_streams() -> Iterator[Scenario]:
    word = piece({"role": "assistant", "content": "The answer is 5."})
    end, count = piece({}, "stop"), piece(None, usage=(10, 5))
    forms: dict[str, list[Any]] = {
        "role-user-in-each-delta": [
            piece({"role": "user", "content": "The answer"}),
            piece({"role": "user", "content": " is 5."}),
            end,
        ],
        "role-changes": [word, piece({"role": "user", "content": "And?"}), end],
        "delta-null": [{**word, "choices": [{"index": 0, "delta": None, "finish_reason": None}]}, end],
        "delta-absent": [{**word, "choices": [{"index": 0}]}, end],
        "choices-null": [{**word, "choices": None}, word, end],
        "index-jumps": [word, {**end, "choices": [{"index": 5, "delta": {"content": "?"}, "finish_reason": "stop"}]}],
        "id-changes": [word, {**end, "id": "another"}],
        "index-text": [{**word, "choices": [{**word["choices"][0], "index": "0"}]}, end],
        "content-list": [piece({"role": "assistant", "content": [{"type": "text", "text": "5"}]}), end],
        "tool-call-index-null": [
            piece({"tool_calls": [{"index": None, "id": "c", "function": {"name": "x", "arguments": "{}"}}]}),
            end,
        ],
        "tool-call-fragments-without-name": [
            piece({"tool_calls": [{"index": 0, "function": {"arguments": '{"a"'}}]}),
            end,
        ],
        "after-the-end": [word, end, word],
    }
    for name, bodies in forms.items():
        model: Respond = lambda _, bodies=bodies: stream(*bodies, count, tokens=(10, 5))  # noqa: E731
        yield beside(KIND, f"stream-{name}", model, modes=("streamed",))


@tool
def store(value: Any) -> str:
    """Store a value."""
    return str(value)


def _odd_calls() -> Iterator[Scenario]:
    arguments: dict[str, Any] = {
        "deep-900": '{"value": ' + "[" * 900 + "]" * 900 + "}",
        "deep-objects-300": '{"value": ' + '{"a":' * 300 + "1" + "}" * 300 + "}",
        "deep-5000": '{"value": ' + "[" * 5000 + "]" * 5000 + "}",
        "surrogate": '{"value": "\\ud83d"}',
        "surrogate-in-a-key": '{"value": {"\\udc00": 1}}',
        "nan": '{"value": NaN}',
        "infinite": '{"value": 1e999}',
        "huge-number": '{"value": ' + "9" * 3000 + "}",
        "half": '{"value": ',
        "list": "[1, 2]",
        "null": "null",
        "empty": "",
        "not-json": "value=1",
        "twice": '{"value": 1}{"value": 2}',
    }
    good = calling("multiply", {"a": 17, "b": 23})
    tools = (multiply, store)
    for name, text in arguments.items():
        pool = {"a": calling("store", text), "b": good, "c": good}
        yield scenario(KIND, f"arguments-{name}", pool, _proposes_one, tools=tools, modes=("plain",))
    ids: dict[str, Any] = {
        "surrogate": f"call_{LONE}",
        "null": None,
        "absent": NOT_GIVEN,
        "number": 7,
        "long": "c" * 5000,
        "nul": "c\x00",
    }
    for name, call_id in ids.items():
        model = calling("multiply", {"a": 17, "b": 23}, call_id=call_id)
        yield scenario(
            KIND, f"call-id-{name}", {"a": model, "b": good, "c": good}, _proposes_one, tools=tools, modes=("plain",)
        )
    for name, tool_name in {"surrogate": f"multiply{LONE}", "empty": "", "unknown": "divide"}.items():
        model = calling(tool_name, {"a": 17, "b": 23})
        yield scenario(
            KIND, f"tool-name-{name}", {"a": model, "b": good, "c": good}, _proposes_one, tools=tools, modes=("plain",)
        )


def _proposes_one(outcome: Any) -> Iterator[str]:
    calls = outcome.answer.tool_calls if outcome.answer is not None else []
    if len(calls) != 1:
        yield f"proposed {calls!r:.80} ({outcome.said()})"
        return
    try:
        json.dumps(calls, ensure_ascii=False).encode()
    except UnicodeEncodeError as exc:
        yield f"the proposal cannot be written: {exc}"


def _very_deep() -> Iterator[Scenario]:
    for depth in (990, 100_000):
        reply = Reply(b'{"choices": ' + b"[" * depth + b"]" * depth + b"}")
        yield beside(KIND, f"body-nested-{depth}", lambda _, reply=reply: reply, modes=("plain",))
    content = (
        json.dumps(whole("The answer is 5.")).encode().replace(b"The answer is 5.", b"\\u0000\\ud800\\udfff\\ufffe")
    )
    yield beside(KIND, "escapes", lambda _: Reply(content), modes=("plain",))
    yield scenario(KIND, "healthy", {"a": HEALTHY, "b": HEALTHY})


SCENARIOS = [*_odd_messages(), *_odd_streams(), *_odd_calls(), *_very_deep()]

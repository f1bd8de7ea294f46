"""Fields that an endpoint refuses by name: left out, remembered for that candidate, and noted."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from langchain_core.tools import tool
from resilience.scenarios.checks import answers, asked, keeps, lacks, notes
from resilience.scenarios.outcome import Check
from resilience.scenarios.replies import RIGHT, calling, refusal, say, unless
from resilience.scenarios.scenario import HEALTHY, Member, Scenario, scenario
from resilience.scenarios.wire import Reply, Request

KIND = "fields"


@tool
def multiply(a: int, b: int) -> int:
    """Multiply two whole numbers."""
    return a * b


SAMPLING: dict[str, Any] = {
    "temperature": 0.3,
    "top_p": 0.8,
    "seed": 11,
    "frequency_penalty": 0.4,
    "presence_penalty": 0.2,
    "stop": ["@@"],
    "reasoning_effort": "low",
}
"""Fields that the user sets, and values of them."""

Wording = Callable[[str, Any], Reply]


def _openai(name: str, _: Any) -> Reply:
    text = f"Unsupported parameter: '{name}' is not supported with this model."
    return refusal(text, param=name, code="unsupported_parameter")


def _value(name: str, value: Any) -> Reply:
    text = f"Unsupported value: '{name}' does not support {value} with this model. Only the default (1) is supported."
    return refusal(text, param=name, code="unsupported_value")


def _pydantic(name: str, value: Any) -> Reply:
    found = {"type": "extra_forbidden", "loc": ["body", name], "msg": "Extra inputs are not permitted", "input": value}
    return refusal("", 422, body={"detail": [found]})


def _property(name: str, _: Any) -> Reply:
    return refusal(f"property '{name}' is unsupported, did you mean 'model'?")


def _colon(name: str, _: Any) -> Reply:
    return refusal(f"{name}: Extra inputs are not permitted")


def _camel(name: str, _: Any) -> Reply:
    first, *rest = name.split("_")
    written = first + "".join(part.title() for part in rest)
    return refusal(
        "", body={"code": "Client specified an invalid argument", "error": f"Argument not supported: {written}"}
    )


def _go(name: str, _: Any) -> Reply:
    return refusal(f'json: unknown field "{name}"')


def _java(name: str, _: Any) -> Reply:
    return refusal(f'Unrecognized field "{name}" (class ChatRequest), not marked as ignorable', 422)


def _schema(name: str, _: Any) -> Reply:
    return refusal("", body={"message": f"Malformed input request: #: extraneous key [{name}] is not permitted"})


def _azure(name: str, _: Any) -> Reply:
    return refusal(f"Unrecognized request argument supplied: {name}")


def _plain(name: str, _: Any) -> Reply:
    return Reply(
        f"'{name}' is not available for this deployment, unsupported.".encode(), 400, {"content-type": "text/plain"}
    )


def _quoted(name: str, _: Any) -> Reply:
    return refusal(f"The `{name}` parameter is not allowed here.", 404)


def _deprecated(name: str, _: Any) -> Reply:
    return refusal(f"`{name}` is deprecated for this model.")


def _does_not(name: str, _: Any) -> Reply:
    return refusal(f"This model does not support {name}.", 422, param=name)


WORDINGS: tuple[Wording, ...] = (
    _openai,
    _value,
    _pydantic,
    _property,
    _colon,
    _camel,
    _go,
    _java,
    _schema,
    _azure,
    _plain,
    _quoted,
    _deprecated,
    _does_not,
)


def _refusing(*names: str, wording: Wording, then: Any = HEALTHY) -> Any:
    """Build a model that refuses the first of some fields that a request has."""

    def problem(request: Request) -> Reply | None:
        found = [name for name in names if name in request.body]
        return wording(found[0], request.body[found[0]]) if found else None

    return unless(problem, then)


def _of_the_user() -> Iterator[Scenario]:
    for number, (name, value) in enumerate(SAMPLING.items()):
        for step in range(4):
            wording = WORDINGS[(number + 4 * step) % len(WORDINGS)]
            yield scenario(
                KIND,
                f"{name}-{wording.__name__}",
                _refusing(name, wording=wording),
                answers(),
                lacks(name),
                asked(a=3),
                arguments={name: value},
                turns=2,
                modes=("plain",) if step else ("streamed",),
            )
    for wording in WORDINGS:
        yield scenario(
            KIND,
            f"temperature-in-the-words-of{wording.__name__}",
            _refusing("temperature", wording=wording),
            answers(),
            lacks("temperature"),
            arguments={"temperature": 0.9},
            modes=("plain",),
        )
    for name in ("temperature", "seed", "stop"):
        yield scenario(
            KIND,
            f"{name}-is-noted",
            _refusing(name, wording=_openai),
            answers(),
            notes(name),
            arguments={name: SAMPLING[name]},
        )
    pair = ("temperature", "top_p")
    yield scenario(
        KIND,
        "one-after-the-other",
        _refusing(*pair, wording=_openai),
        answers(),
        lacks(*pair),
        asked(a=4),
        arguments={name: SAMPLING[name] for name in pair},
        turns=2,
        modes=("plain",),
    )
    yield scenario(
        KIND,
        "only-one-of-two-candidates",
        {"a": _refusing("top_p", wording=_openai), "b": HEALTHY},
        answers(),
        lacks("top_p"),
        keeps("top_p", "b"),
        asked(a=2),
        arguments={"top_p": 0.8},
        modes=("plain",),
    )


def _with_tools() -> Iterator[Scenario]:
    call = calling("multiply", {"a": 17, "b": 23})
    arguments: tuple[tuple[str, dict[str, Any]], ...] = (
        ("parallel_tool_calls", {"parallel_tool_calls": False}),
        ("tool_choice", {"tool_choice": "multiply"}),
        ("tool_choice", {"tool_choice": "required"}),
    )
    for number, (name, given) in enumerate(arguments):
        for wording in (WORDINGS[number], WORDINGS[number + 4]):
            yield scenario(
                KIND,
                f"{name}-{'-'.join(map(str, given.values()))}-{wording.__name__}",
                _refusing(name, wording=wording, then=call),
                _calls_the_tool,
                lacks(name),
                asked(a=4),  # a forced choice may be tried in a weaker form first
                arguments=given,
                tools=(multiply,),
                turns=2,
                modes=("plain",),
            )

    def forced(request: Request) -> Reply | None:
        if request.body.get("tool_choice") in (None, "auto"):
            return None
        return refusal("tool_choice: only 'auto' is supported when thinking is enabled")

    yield scenario(
        KIND,
        "only-a-forced-tool",
        unless(forced, call),
        _calls_the_tool,
        asked(a=3),
        arguments={"tool_choice": "multiply"},
        tools=(multiply,),
        turns=2,
        modes=("plain",),
    )


def _calls_the_tool(outcome: Any) -> Iterator[str]:
    names = [call["name"] for call in outcome.answer.tool_calls] if outcome.answer else []
    if names != ["multiply"]:
        yield f"proposed {names}, not multiply ({outcome.said()})"


def _added_here() -> Iterator[Scenario]:
    for wording in (_openai, _pydantic, _colon, _azure, _go):
        yield scenario(
            KIND,
            f"stream_options-{wording.__name__}",
            _refusing("stream_options", wording=wording, then=say(RIGHT)),
            answers(),
            lacks("stream_options"),
            asked(a=3),
            turns=2,
            modes=("streamed", "spec"),
        )
    caps = ("max_completion_tokens", "max_tokens")
    for name in caps:
        for wording in (_openai, _pydantic, _camel):
            yield scenario(
                KIND,
                f"{name}-{wording.__name__}",
                _refusing(name, wording=wording),
                answers(),
                lacks(name),
                modes=("plain", "spec"),
            )
    yield scenario(KIND, "every-cap", _refusing(*caps, wording=_colon), answers(), lacks(*caps), modes=("plain",))
    schema = {"title": "Sum", "type": "object", "properties": {"sum": {"type": "integer"}}, "required": ["sum"]}
    wanted: tuple[Check, ...] = (answers('{"sum": 391}'), asked(a=4))
    for wording in (_openai, _pydantic, _does_not, _schema):
        yield scenario(
            KIND,
            f"response_format-{wording.__name__}",
            {"a": _schema_member(wording)},
            *wanted,
            arguments={"response_format": schema},
            turns=2,
            modes=("plain",),
        )

    def strict(request: Request) -> Reply | None:
        form = request.body.get("response_format") or {}
        if form.get("type") == "json_schema":
            return refusal("response_format.type: 'json_schema' is not one of ['text', 'json_object']")
        return None

    yield scenario(
        KIND,
        "response_format-takes-objects-only",
        {"a": _with_schema(unless(strict, say(json.dumps({"sum": 391}))))},
        *wanted,
        arguments={"response_format": schema},
        turns=2,
        modes=("plain",),
    )


def _schema_member(wording: Wording) -> Any:
    return _with_schema(_refusing("response_format", wording=wording, then=say(json.dumps({"sum": 391}))))


def _with_schema(respond: Any) -> Any:
    return Member(respond, candidate={"json_mode": "json_schema"})


SCENARIOS = [*_of_the_user(), *_with_tools(), *_added_here()]

"""Parsing of requests, and the `param` of each error."""

import json
from typing import Any

import openai
import pytest
from openai.types.chat import completion_create_params as params
from server.apps import QUESTION, WEATHER, asking

from lightrouter_graph.server.errors import ApiError
from lightrouter_graph.server.request_schema import IGNORED, NEUTRAL, Body
from lightrouter_graph.server.requests import parse_request

USER = QUESTION[0]
CALLING = {
    "role": "assistant",
    "tool_calls": [{"id": "x", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
}


def read(**fields: Any):
    return parse_request(json.dumps(asking(**fields)).encode(), {})


def refused(raw: bytes | None = None, **fields: Any) -> dict[str, Any]:
    with pytest.raises(ApiError) as caught:
        parse_request(json.dumps(asking(**fields)).encode() if raw is None else raw, {})
    assert caught.value.status == 400
    return json.loads(caught.value.body())["error"]


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b'{"temperature": NaN}', b"[" * 100_000, b'"\\ud800"'])
def test_invalid_json(raw):
    error = refused(raw)
    assert error["code"] == "invalid_json"
    assert error["message"].startswith("the body is not JSON: ")


@pytest.mark.parametrize("raw", [b"[]", b"1", b"null"])
def test_a_body_that_is_no_object(raw):
    assert refused(raw)["message"] == "the body must be a JSON object"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": 5}, "model"),
        ({"model": ""}, "model"),
        ({"messages": []}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": ["hi"]}, "messages[0]"),
        ({"messages": [{"content": "hi"}]}, "messages[0]"),
        ({"messages": [{"role": "robot", "content": "hi"}]}, "messages[0]"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": None}]}, "messages[0].content"),
        ({"messages": [USER, {"role": "user", "content": 5}]}, "messages[1].content"),
        ({"messages": [{"role": "user", "content": [{"type": "smell"}]}]}, "messages[0].content[0]"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "u"}]}]},
            "messages[0].content[0].image_url",
        ),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id"),
        ({"messages": [{"role": "tool", "content": "x", "tool_call_id": "y"}]}, "messages[0].tool_call_id"),
        ({"messages": [CALLING, {"role": "tool", "content": "x", "tool_call_id": "y"}]}, "messages[1].tool_call_id"),
        ({"messages": [{"role": "assistant", "tool_calls": [{"id": "x"}]}]}, "messages[0].tool_calls[0].function"),
        ({"messages": [{"role": "assistant", "audio": {"id": "x"}}]}, "messages[0].audio"),
        ({"messages": [{"role": "function", "name": "f", "content": "x"}]}, "messages[0]"),
        ({"stream": "yes"}, "stream"),
        ({"stream": 1}, "stream"),
        ({"stream_options": {"include_usage": 1}}, "stream_options.include_usage"),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": 2.5}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"top_p": -1}, "top_p"),
        ({"seed": 0.5}, "seed"),
        ({"seed": -1}, "seed"),
        ({"presence_penalty": 3}, "presence_penalty"),
        ({"reasoning_effort": 3}, "reasoning_effort"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": "9"}, "max_tokens"),
        ({"max_completion_tokens": -1}, "max_completion_tokens"),
        ({"stop": 5}, "stop"),
        ({"stop": ["a", 5]}, "stop[1]"),
        ({"tools": {}}, "tools"),
        ({"tools": [{"type": "custom", "custom": {"name": "x"}}]}, "tools[0].type"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name"),
        ({"tools": [WEATHER], "tool_choice": "maybe"}, "tool_choice"),
        ({"tools": [WEATHER], "tool_choice": {"type": "function", "function": {"name": "x"}}}, "tool_choice"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"parallel_tool_calls": "no"}, "parallel_tool_calls"),
        ({"response_format": {"type": "xml"}}, "response_format"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "x"}}},
            "response_format.json_schema.schema",
        ),
        ({"lightrouter": []}, "lightrouter"),
        ({"lightrouter": {"decision": "yes"}}, "lightrouter.decision"),
    ],
)
def test_an_invalid_field_is_named(fields, param):
    error = refused(**fields)
    assert error["param"] == param
    assert error["message"].startswith(param)
    assert error["type"] == "invalid_request_error"


@pytest.mark.parametrize("name", ["model", "messages"])
def test_a_missing_field(name):
    error = refused(json.dumps({key: value for key, value in asking().items() if key != name}).encode())
    assert error["message"] == f"{name}: field required"
    assert error["code"] == "missing_required_parameter"


def test_error_messages_show_the_value_shortened():
    assert refused(temperature=3)["message"] == "temperature: input should be less than or equal to 2, got 3"
    assert len(refused(temperature="x" * 5000)["message"]) < 200


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n", 2),
        ("n", "1"),
        ("logprobs", True),
        ("top_logprobs", 3),
        ("logit_bias", {"50256": -100}),
        ("audio", {"voice": "x"}),
        ("modalities", ["text", "audio"]),
        ("functions", [{"name": "f"}]),
        ("function_call", "auto"),
        ("verbosity", "low"),
        ("web_search_options", {}),
    ],
)
def test_an_unsupported_field_is_rejected(name, value):
    error = refused(**{name: value})
    assert error["param"] == name
    assert error["code"] == "unsupported_parameter"


def test_neutral_values_are_accepted():
    for name, values in NEUTRAL.items():
        for value in (None, *values):
            read(**{name: value})


@pytest.mark.parametrize("name", sorted(IGNORED))
def test_fields_without_effect_are_accepted(name):
    assert dict(read(**{name: "x"}).arguments) == {}


def test_a_setting_at_the_top_level_is_rejected():
    error = refused(top_k=1)
    assert error["code"] == "unknown_parameter"
    assert error["message"] == "unknown field 'top_k'; settings of a run belong in the object 'lightrouter'"


def test_every_field_of_the_official_client_is_known():
    known = set(Body.model_fields) | IGNORED | set(NEUTRAL)
    official = set(params.CompletionCreateParamsNonStreaming.__annotations__)
    for base in params.CompletionCreateParamsNonStreaming.__orig_bases__:
        official |= set(getattr(base, "__annotations__", {}))
    official |= set(params.CompletionCreateParamsBase.__annotations__)
    assert official <= known, f"new in openai {openai.__version__}: {sorted(official - known)}"


def test_settings_are_all_keys_but_decision():
    request = read(lightrouter={"decision": True, "top_k": 1, "nonsense": "x"})
    assert request.show_decision
    assert request.arguments["context"] == {"top_k": 1, "nonsense": "x"}


@pytest.mark.parametrize(("header", "expected"), [("true", True), ("1", True), ("false", False), ("", False)])
def test_the_header_requests_the_record(header, expected):
    assert parse_request(json.dumps(asking()).encode(), {"x-lightrouter-decision": header}).show_decision is expected


def test_choices_without_tools_are_dropped_where_they_ask_for_nothing():
    assert dict(read(tool_choice="auto", parallel_tool_calls=True, tools=[]).arguments) == {}


def test_penalties_of_nothing_are_not_passed_on():
    given = {"frequency_penalty": 0, "presence_penalty": 0.5, "reasoning_effort": "low"}
    assert dict(read(**given).arguments) == {"presence_penalty": 0.5, "reasoning_effort": "low"}


def test_unknown_parts_of_a_tool_are_passed_on():
    tool = {"type": "function", "function": {"name": "f", "strict": True, "parameters": {}}, "cache_control": {}}
    assert read(tools=[tool]).arguments["tools"] == [tool]


def test_an_empty_list_or_text_is_named_as_empty():
    assert refused(messages=[])["message"] == "messages: must not be empty"
    assert refused(model="")["message"] == "model: must not be empty"


@pytest.mark.parametrize(
    ("fields", "headers", "thread_id"),
    [
        ({}, {}, None),
        ({"prompt_cache_key": "c"}, {}, "c"),
        ({"prompt_cache_key": "c", "session_id": "s"}, {}, "s"),
        ({"session_id": "s"}, {"x-session-id": "h"}, "h"),
    ],
)
def test_the_session_is_the_thread_of_the_run(fields, headers, thread_id):
    request = parse_request(json.dumps(asking(user="ann", **fields)).encode(), headers)
    assert (request.thread_id, request.user_id) == (thread_id, "ann")


ACCOUNTS = {
    "user": "customer-42",
    "safety_identifier": "s1",
    "metadata": {"order": "7"},
    "prompt_cache_key": "k1",
    "service_tier": "flex",
    "store": False,
}


def test_accounting_fields_are_passed_on():
    assert read(**ACCOUNTS).arguments["extra_body"] == ACCOUNTS
    assert "extra_body" not in read(**dict.fromkeys(ACCOUNTS)).arguments


@pytest.mark.parametrize(
    "raw",
    [
        b'{"temperature": 1' + b"0" * 5000 + b"}",
        b'{"model": "a", "messages": [{"role": "user", "content": "hi"}], "seed": 1' + b"0" * 5000 + b"}",
        b'{"model": "a", "messages": [{"role": "user", "content": "hi"}], "temperature": 1' + b"0" * 5000 + b"}",
        b'{"model": "a", "messages": [{"role": "user", "content": "hi"}], "' + b"x" * 100_000 + b'": 1}',
        b'{"model": "a", "messages": [{"role": "user", "content": "\\ud800"}]}',
        b'{"model": "a", "messages": [{"role": "user", "content": "hi"}], "metadata": ' + b'{"a":' * 5000 + b"}",
        b'{"model": "a", "messages": [{"role": "user", "content": "hi"}], "top_p": Infinity}',
        b'{"model": "a", "messages": [{"role": "user", "content": "hi"}], "top_p": 1e999}',
    ],
)
def test_odd_json_is_a_short_error(raw):
    assert len(refused(raw)["message"]) < 500


def test_the_last_of_two_equal_keys_counts_everywhere():
    raw = b'{"model": "b", "model": "a", "messages": [], "messages": [{"role": "user", "content": "hi"}]}'
    request = parse_request(raw, {})
    assert (request.model, request.messages[0].content) == ("a", "hi")

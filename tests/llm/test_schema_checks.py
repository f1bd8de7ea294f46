"""Schemas of clients and values of models are checked in bounded time, and no checking raises."""

import json
import time

import pytest

from lightrouter_graph import QueryError
from lightrouter_graph.llm.output_schema import schema_of
from lightrouter_graph.llm.schema_checks import schema_error, validation_error

UNCHECKED = "it cannot be checked against its schema"
EVIL = "^(a+)+$"
VICTIM = {"a" * 40 + "!": 1}


def nested(depth, key="a"):
    value = {}
    for _ in range(depth):
        value = {key: value}
    return value


def twice(part):
    return {"allOf": [{"properties": {"a": part}}] * 2}


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "schema",
    [
        {"patternProperties": {EVIL: {}}, "additionalProperties": False},
        {"allOf": [{"patternProperties": {EVIL: {}}}], "unevaluatedProperties": False},
        {"patternProperties": {EVIL: {}}, "additionalProperties": {"type": "string"}},
        {"$ref": "#/$defs/p", "unevaluatedProperties": False, "$defs": {"p": {"patternProperties": {EVIL: {}}}}},
        {"propertyNames": {"pattern": EVIL}},
        {"properties": {"a": {"pattern": EVIL}}},
    ],
)
def test_no_regular_expression_of_a_schema_is_run(schema):
    assert schema_error(schema) == ""
    assert validation_error(schema, VICTIM) == ""


def test_other_properties_are_still_refused_without_patterns():
    schema = {"properties": {"pattern": {"type": "string"}}, "additionalProperties": False}
    assert validation_error(schema, {"pattern": "x"}) == ""
    assert "'b' was unexpected" in validation_error(schema, {"pattern": "x", "b": 1})


DEEP = nested(40)
HEAVY = {
    "all of itself twice": (twice({"$ref": "#"}), DEEP),
    "any of itself": ({"anyOf": [{"properties": {"a": {"$ref": "#"}}, "required": ["b"]}] * 3}, DEEP),
    "one of itself": (
        {"oneOf": [{"properties": {"a": {"$ref": "#"}}}, {"properties": {"a": {"$ref": "#"}}, "not": {}}]},
        DEEP,
    ),
    "dynamic reference": ({"$dynamicAnchor": "n", **twice({"$dynamicRef": "#n"})}, DEEP),
    "unevaluated": (
        {"$ref": "#/$defs/n", "$defs": {"n": {**twice({"$ref": "#/$defs/n"}), "unevaluatedProperties": False}}},
        DEEP,
    ),
    "if and then": ({"if": {"properties": {"a": {"$ref": "#"}}}, "then": {"properties": {"a": {"$ref": "#"}}}}, DEEP),
    "large enum": ({"items": {"enum": [[0] * 1000 + [i] for i in range(100)]}}, [[0] * 1000 + [-1]] * 2000),
    "properties of nothing": ({"items": {"properties": dict.fromkeys(map(str, range(4000)), True)}}, [{}] * 9000),
    "long messages": ({"allOf": [{"anyOf": [{"type": "integer"}] * 50}] * 60}, "x" * 500_000),
    "many unique": ({"uniqueItems": True, "items": {"uniqueItems": True}}, [[{"i": i}] for i in range(200_000)]),
    "names": ({"propertyNames": {"minLength": 1}}, dict.fromkeys(map(str, range(100_000)), 1)),
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("case", HEAVY)
def test_a_validation_without_end_is_stopped(case):
    schema, value = HEAVY[case]
    assert schema_error(schema) == ""
    before = time.thread_time()
    assert validation_error(schema, value) == UNCHECKED
    assert time.thread_time() - before < 5  # without the limit: hours


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"properties": {"p": {"multipleOf": 0.01}}}, '{"p": 1e400}'),
        ({"properties": {"p": {"multipleOf": 0.01}}}, f'{{"p": {"9" * 400}}}'),
        ({"uniqueItems": True}, "[1e400, 2]"),
        ({"$ref": "#"}, "{}"),
        ({"items": {"$ref": "#"}}, "[" * 900 + "]" * 900),
    ],
)
def test_a_keyword_that_raises_makes_the_value_invalid(schema, value):
    assert validation_error(schema, json.loads(value)) == UNCHECKED


def test_a_long_list_of_records_is_validated():
    record = {
        "type": "object",
        "properties": {f"p{i}": {"type": ["string", "null"]} for i in range(10)},
        "required": [f"p{i}" for i in range(10)],
        "additionalProperties": False,
    }
    schema = {"type": "object", "properties": {"rows": {"type": "array", "items": record, "uniqueItems": True}}}
    rows = [{f"p{i}": f"{n}" for i in range(10)} for n in range(1000)]
    assert validation_error(schema, {"rows": rows}) == ""
    assert "non-unique" in validation_error(schema, {"rows": [rows[0], dict(reversed(rows[0].items()))]})
    assert validation_error(schema, {"rows": [{**rows[0], "p3": 3}]}).startswith("rows[0].p3: 3 is not of type")


@pytest.mark.parametrize(
    ("items", "unique"),
    [
        ([1, 1.0], False),
        ([1, True, "1", None], True),
        ([{"a": 1, "b": 2}, {"b": 2, "a": 1}], False),
        ([[1], [1, 1]], True),
    ],
)
def test_unique_items_are_those_of_json_schema(items, unique):
    assert (validation_error({"uniqueItems": True}, items) == "") == unique


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        ({"properties": {"a": {"type": "intger"}}}, "properties.a.type = 'intger': it must be one of array"),
        ({"type": ["string", 3]}, "type"),
        ({"type": {}}, "type"),
        ({"required": "name"}, "required = 'name': it must be a list of strings"),
        ({"items": 3}, "items = 3"),
        ({"properties": []}, "properties = []"),
        ({"anyOf": {}}, "anyOf = {}"),
        ({"anyOf": []}, "anyOf is empty"),
        ({"not": {"minimum": "3"}}, "not.minimum = '3': it must be a number"),
        ({"minLength": float("inf")}, "minLength"),
        ({"maxItems": -1}, "maxItems"),
        ({"multipleOf": 0}, "multipleOf"),
        ({"enum": 3}, "enum"),
        ({"$ref": 3}, "$ref"),
        ({"$ref": "http://127.0.0.1:1/x"}, "not in the schema"),
        ({"$ref": "#/$defs/none"}, "not in the schema"),
        ({"default": "x" * 600_000}, "longer than 500000 characters"),
        ({"properties": {str(n): {"type": "null"} for n in range(10_001)}}, "more than 10000 parts"),
        (nested(200, "not"), "nested too deep"),
        (nested(100_000, "not"), "nested too deep"),
    ],
)
def test_an_invalid_or_huge_schema_is_refused_with_the_place(schema, problem):
    assert problem in schema_error(schema)
    with pytest.raises(QueryError, match="response_format "):
        schema_of({"type": "json_schema", "json_schema": {"name": "T", "schema": schema}})


@pytest.mark.parametrize(
    "schema",
    [
        {"$schema": "http://json-schema.org/draft-04/schema#", "minimum": 3, "exclusiveMinimum": True},
        {"$schema": "http://json-schema.org/draft-07/schema#", "items": [{"type": "string"}], "additionalItems": False},
        {"dependencies": {"a": ["b"], "c": {"type": "object"}, "d": []}},
        {"type": "object", "properties": {"type": {"const": "x"}, "items": {}, "required": {"type": "boolean"}}},
        {
            "properties": {"pattern": {"type": "string"}, "$ref": {"type": "string"}},
            "examples": [{"type": 3}],
        },
        {"type": ["object", "null"], "minProperties": 1.0, "format": "made-up", "pattern": "(", "$comment": 3},
    ],
)
def test_the_keywords_of_every_draft_are_accepted(schema):
    assert schema_error(schema) == ""


@pytest.mark.timeout(30)
def test_a_large_schema_is_checked_fast():
    schema = {
        "type": "object",
        "properties": {f"p{n}": {"type": "string", "pattern": "(?i)[\u0001-\uffff]"} for n in range(4000)},
    }
    before = time.thread_time()
    assert schema_error(schema) == ""
    assert time.thread_time() - before < 1  # the meta-schema takes two seconds, its patterns another minute

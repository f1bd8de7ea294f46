"""Canonical objects and tool calls: equal for equal values, and the share of equal fields."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lightrouter_graph.answer_keys import canonical_object, canonical_tool_calls, shared_fields

SCALARS = st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-9, 9) | st.text("abé\u2028", max_size=3)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.sampled_from("abcd"), VALUES, max_size=4)
CALLS = st.lists(st.builds(lambda name, args: {"name": name, "args": args}, st.sampled_from("fg"), OBJECTS), min_size=1)
FORMS = OBJECTS.map(canonical_object) | CALLS.map(canonical_tool_calls)


QUICK = settings(max_examples=40, deadline=None)


def shuffled(value, random):
    """Write the same value with its fields in another order."""
    if isinstance(value, list):
        return [shuffled(item, random) for item in value]
    if isinstance(value, dict):
        keys = random.sample(list(value), len(value))
        return {key: shuffled(value[key], random) for key in keys}
    return value


# what is equal ---------------------------------------------------------------------------------------------


@QUICK
@given(VALUES, st.randoms())
def test_the_order_of_fields_does_not_matter(value, random):
    assert canonical_object(shuffled(value, random)) == canonical_object(value) is not None


@QUICK
@given(CALLS, st.randoms())
def test_neither_ids_nor_the_order_of_parallel_calls_matter(calls, random):
    again = [{**shuffled(call, random), "id": f"call-{random.random()}"} for call in calls]
    random.shuffle(again)
    assert canonical_tool_calls(again) == canonical_tool_calls(calls)


@QUICK
@given(VALUES)
def test_the_canonical_form_is_json_that_is_its_own_canonical_form(value):
    form = canonical_object(value)
    assert canonical_object(json.loads(form)) == form


@QUICK
@given(CALLS)
def test_openais_schema_of_a_call_is_the_same_call(calls):
    wire = [{"function": {"name": call["name"], "arguments": json.dumps(call["args"])}} for call in calls]
    assert canonical_tool_calls(wire) == canonical_tool_calls(calls)


@pytest.mark.parametrize(
    ("one", "other"),
    [({"n": 2}, {"n": 2.0}), ({"n": [1, {"m": 3.0}]}, {"n": [1.0, {"m": 3}]}), ({"n": 0}, {"n": -0.0})],
)
def test_an_integral_float_equals_the_integer(one, other):
    assert canonical_object(one) == canonical_object(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"n": 1}, {"n": True}),
        ({"n": 1}, {"n": "1"}),
        ({"n": None}, {}),
        ({"n": None}, {"n": ""}),
        ({"n": [1, 2]}, {"n": [2, 1]}),
        ({"n": "Rome"}, {"n": "rome"}),
        ({"n": 2.5}, {"n": 2}),
    ],
)
def test_different_arguments_are_different(one, other):
    assert canonical_object(one) != canonical_object(other)


@pytest.mark.parametrize("value", [{"a": object()}, {"a": {1, 2}}, {"a": b"bytes"}])
def test_a_value_that_is_not_json_has_no_canonical_form(value):
    assert canonical_object(value) is None


def test_infinite_nesting_has_no_canonical_form():
    loop = {}
    loop["again"] = loop
    assert canonical_object(loop) is None


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_nan_and_infinity_have_no_canonical_form(value):
    assert canonical_object({"a": value}) is None


def test_a_canonical_form_can_be_encoded():
    """A model that breaks an emoji in two writes such arguments; the key goes into checkpoints."""
    canonical_object(json.loads(r'{"mood": "\ud83d"}')).encode()


# what is shared --------------------------------------------------------------------------------------------


@QUICK
@given(FORMS, FORMS)
def test_the_share_is_symmetric_and_from_0_to_1(one, other):
    assert 0 <= shared_fields(one, other) == shared_fields(other, one) <= 1


@QUICK
@given(FORMS)
def test_an_object_shares_all_fields_with_itself(form):
    assert shared_fields(form, form) == 1


FLAT = st.dictionaries(st.sampled_from("abcd"), SCALARS | st.dictionaries(st.sampled_from("xy"), SCALARS), max_size=4)


@QUICK
@given(FLAT.map(canonical_object), FLAT.map(canonical_object))
def test_only_equal_objects_share_all_fields(one, other):
    assert (shared_fields(one, other) == 1) == (one == other)


@QUICK
@given(CALLS.map(canonical_tool_calls), CALLS.map(canonical_tool_calls))
def test_only_equal_calls_share_all_fields(one, other):
    assert (shared_fields(one, other) == 1) == (one == other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": ["x", {"b": 1}]}, {"a": {"name": "x", "args": {"b": 1}}}),
        ({"a": ["x", {"b": 1}], "c": 2}, {"a": {"name": "x", "args": {"b": 1}}, "c": 2}),
    ],
)
def test_a_list_that_looks_like_a_call_is_not_one(one, other):
    assert shared_fields(canonical_object(one), canonical_object(other)) < 1


def test_two_empty_lists_are_equal():
    assert shared_fields("[]", "[]") == 1


@pytest.mark.parametrize(
    ("one", "other", "share"),
    [
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}, 1 / 2),
        ({"a": 1}, {"a": 1, "b": 3}, 1 / 2),
        ({"a": {"x": 1, "y": 2}}, {"a": {"x": 1, "y": 3}}, 1 / 2),
        ({"a": [1, 2]}, {"a": [1, 3]}, 0),
        ({"a": 1}, {"b": 1}, 0),
        ({"a": {}}, {"a": {"x": 1}}, 0),
        ({}, {"a": 1}, 0),
    ],
)
def test_fields_are_counted_one_by_one_and_lists_as_a_whole(one, other, share):
    assert shared_fields(canonical_object(one), canonical_object(other)) == pytest.approx(share)


def test_calls_of_one_tool_share_its_name_and_calls_of_two_tools_nothing():
    rome, paris, clock = (
        canonical_tool_calls([{"name": name, "args": args}])
        for name, args in [("weather", {"city": "Rome"}), ("weather", {"city": "Paris"}), ("clock", {"city": "Oslo"})]
    )
    assert shared_fields(rome, paris) == 1 / 2
    assert shared_fields(rome, clock) == 0


@pytest.mark.parametrize("text", ["", "It is 4.", "{", '{"a": '])
def test_other_strings_share_no_fields(text):
    assert shared_fields(text, '{"a": 1}') == shared_fields('{"a": 1}', text) == 0

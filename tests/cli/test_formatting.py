"""Numbers and untrusted text."""

import json

import pytest

from lightrouter_graph.cli.formatting import clipped, escaped, one_line, ratio, safe, safe_values, usd


@pytest.mark.parametrize(
    ("value", "words"),
    [(None, "price unknown"), (0, "$0"), (0.0000364, "$0.000036"), (0.0126, "$0.013"), (1.5, "$1.50"), (12, "$12.00")],
)
def test_amounts(value, words):
    assert usd(value) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.479, "52 % cheaper"),
        (1.0, "the same"),
        (1.26, "26 % more expensive"),
        (3.14, "3.1x the cost"),
        (49.6, "50x the cost"),
    ],
)
def test_ratios(value, words):
    assert ratio(value, "cheaper", "more expensive", "the cost") == words


def test_text_is_made_safe_for_a_terminal():
    assert safe("a\x1b[31mb\x07\tc\r\nd\u202e\u2028e") == "a[31mb\tc\nde"
    assert json.loads(escaped(json.dumps({"a": "\x9b\u202e"}, ensure_ascii=False))) == {"a": "\x9b\u202e"}
    assert escaped("\x9b\u2028") == r"\u009b\u2028"
    assert one_line("  a\n\n b\x1b ") == "a b"
    assert clipped("a long line of words", 10) == "a long li…"


def test_the_strings_of_a_json_value_are_made_safe():
    value = {"a\x1b": ["b\u202e", 1, None, {"c": "d\u2028"}], "e": ("f\x9b",)}
    assert safe_values(value) == {"a": ["b", 1, None, {"c": "d"}], "e": ["f"]}

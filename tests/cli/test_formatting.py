"""Numbers and other people's text, as the command line writes them."""

import pytest

from lightrouter_graph.cli.formatting import clipped, compared, one_line, safe, usd


@pytest.mark.parametrize(
    ("value", "words"),
    [(None, "price unknown"), (0, "$0"), (0.0000364, "$0.000036"), (0.0126, "$0.013"), (1.5, "$1.50"), (12, "$12.00")],
)
def test_amounts(value, words):
    assert usd(value) == words


@pytest.mark.parametrize(
    ("ratio", "words"),
    [(0.479, "52 % less"), (1.0, "the same"), (1.26, "26 % more"), (3.14, "3.1x as much"), (49.6, "50x as much")],
)
def test_ratios(ratio, words):
    assert compared(ratio) == words


def test_text_is_made_safe_for_a_terminal():
    assert safe("a\x1b[31mb\x07\tc\r\nd\u202ee") == "a[31mb\tc\nde"
    assert one_line("  a\n\n b\x1b ") == "a b"
    assert clipped("a long line of words", 10) == "a long li…"

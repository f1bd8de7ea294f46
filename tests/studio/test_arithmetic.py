"""Arithmetic expressions in text: detection, values, rejected input."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphs.arithmetic import evaluate, find_expression, show


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("What is 17 * 23?", "17 * 23"),
        ("Work out (3+4)*2, please.", "(3+4)*2"),
        ("2 \N{MULTIPLICATION SIGN} 3 \N{DIVISION SIGN} 4", "2 * 3 / 4"),
        ("And -3 - 4?", "-3 - 4"),
        ("5/0?", "5/0"),
        ("I am 42 years old.", None),
        ("It is -3 outside.", None),
        ("on 2024-05-01", None),
        ("hello", None),
        ("", None),
    ],
)
def test_expressions_in_text_are_found(text, expression):
    assert find_expression(text) == expression


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("17 * 23", "391"),
        ("0.1 + 0.2", "0.3"),
        ("7 / 2", "3.5"),
        ("6/3", "2"),
        ("-(2 - 5) * 2", "6"),
        ("9" * 40, "9" * 40),
    ],
)
def test_values_are_exact(expression, value):
    assert show(evaluate(expression)) == value


@given(st.lists(st.integers(0, 10**6), min_size=2, max_size=8), st.sampled_from("+-*"))
def test_python_agrees(numbers, sign):
    expression = f" {sign} ".join(map(str, numbers))
    assert evaluate(expression) == Fraction(eval(expression))
    assert find_expression(f"What is {expression}?") == expression


@pytest.mark.parametrize(
    "expression",
    [
        "2 ** 9 ** 9",
        "9 // 2",
        "__import__('os')",
        "abs(-1)",
        "1 if 2 else 3",
        "True + 1",
        "'a' * 9",
        "1 +",
        "",
        "1" * 201,
    ],
)
def test_other_expressions_are_rejected(expression):
    with pytest.raises(ValueError, match=r"only numbers|no arithmetic expression|longer than"):
        evaluate(expression)


def test_division_by_zero_is_an_error():
    with pytest.raises(ZeroDivisionError):
        evaluate("1 / (2 - 2)")

"""Numbers: equal values in any notation, different values."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightrouter_graph.evaluation.questions import Question
from lightrouter_graph.evaluation.scoring import NumberScorer

HOW_MANY = "Ann has 12 apples and buys 5 more. How many apples does she have?"
SAYINGS = (
    "{}",
    "The answer is {}.",
    "The answer is ${}.",
    "The answer is {} apples.",
    "So \\boxed{{{}}}",
    "First 3, then 4.\n#### {}",
    '{{"reasoning": "12 + 5", "answer": "{}"}}',
    "**Answer:** {}",
    "The answer is **{}**.",
)


def score(reference: str | None, text: str, question: str = HOW_MANY) -> float | None:
    scoring = NumberScorer().score(Question("q", question, reference=reference), text)
    try:
        scoring.send(None)
    except StopIteration as done:  # it waits for nothing, which spares property tests an event loop each
        return done.value
    raise AssertionError("scoring a number must not wait")


@given(number=st.integers(-(10**9), 10**9), saying=st.sampled_from(SAYINGS), comma=st.booleans(), zeros=st.booleans())
def test_equal_whole_numbers_are_equal_in_any_notation(number, saying, comma, zeros):
    written = f"{number:,}" if comma else str(number)
    assert score(str(number), saying.format(written + ".00" * zeros)) == 1.0


@given(number=st.integers(0, 10**6), other=st.integers(0, 10**6), saying=st.sampled_from(SAYINGS))
def test_a_whole_number_is_no_other(number, other, saying):
    assert score(str(number), saying.format(other)) == float(number == other)


@given(over=st.integers(1, 999), under=st.integers(1, 99))
def test_a_fraction_is_its_decimal_to_six_digits(over, under):
    value = Fraction(over, under)
    assert score(f"{over}/{under}", f"The answer is {float(value):.9f}.") == 1.0
    assert score(f"{over}/{under}", f"The answer is {float(value) * 1.001:.9f}.") == 0.0


@pytest.mark.parametrize(
    ("reference", "text", "right"),
    [
        ("50", "The answer is 50%.", 1.0),
        ("50%", "The answer is 50.", 1.0),
        ("0.5", "The answer is 50%.", 1.0),
        ("0.5", "The answer is 5%.", 0.0),
        ("1000", "The answer is 1e3.", 1.0),
        ("17", "She has 12 + 5 = 17 apples", 1.0),
        ("17", "Twelve and five, I think it comes to 17 or so of them, give or take nothing at all", 1.0),
        ("17", "She has some.", 0.0),
        ("17", "", 0.0),
        ("3", 'There were 3. {"answer": "infinitely many"}', 0.0),
        ("18 dollars", "#### 18", 1.0),
        ("many", "#### 18", None),
        (None, "#### 18", None),
    ],
)
def test_units_percentages_and_prose(reference, text, right):
    assert score(reference, text) == right

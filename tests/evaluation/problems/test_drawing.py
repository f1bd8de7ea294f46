"""The problem generator: right steps, no training problem, equal seeds equal problems."""

import itertools
import operator
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightrouter_graph.answer_keys import default_key
from lightrouter_graph.evaluation.problems import KINDS, draw_problems
from lightrouter_graph.evaluation.problems.drawing import HELD_OUT, SEEN, training_problems
from lightrouter_graph.evaluation.problems.worked_steps import add, divide, multiply, percent_of, subtract

OPERATIONS = {"+": operator.add, "-": operator.sub, "x": operator.mul, "/": operator.floordiv}
NUMBER = st.integers(0, 9999)


def value(expression: str) -> int:
    """An expression of the steps, worked out from left to right."""
    first, *rest = expression.split()
    total = int(first)
    for sign, number in zip(rest[::2], rest[1::2], strict=True):
        n = int(number)
        total = OPERATIONS[sign](total, n)
    return total


def task(problem):
    """A problem without its names and things."""
    return problem.kind, problem.solution, tuple(re.findall(r"\d+", problem.question))


def false_equations(text: str) -> list[str]:
    return [
        f"{left} = {right}"
        for left, right in re.findall(r"(\d+(?: [-+x/] \d+)+) = (\d+)", text)
        if value(left) != int(right)
    ]


@pytest.mark.parametrize("wording", ["seen", "held out", "all"])
def test_every_written_step_is_true_and_the_solution_ends_in_the_answer(wording):
    for problem in draw_problems(400, wording=wording, seed=1):
        assert false_equations(problem.solution) == []
        assert default_key(problem.solution, problem.question) == str(problem.answer)


@given(NUMBER, NUMBER)
def test_columns_of_a_sum_and_a_difference(a, b):
    for text in (add(a, b), subtract(max(a, b), min(a, b))):
        assert false_equations(text) == []
    assert add(a, b).endswith(f"so {a + b}")
    assert subtract(max(a, b), min(a, b)).endswith(f"so {abs(a - b)}")


@given(st.integers(1, 9999), st.integers(2, 9))
def test_columns_of_a_product_and_a_quotient(a, digit):
    assert false_equations(multiply(a, digit)) == []
    assert false_equations(divide(a * digit, digit)) == []
    assert divide(a * digit, digit).split()[-1] == str(a)


@given(st.sampled_from([10, 25, 30, 37, 50, 75, 90]), st.integers(1, 9))
def test_percentages(percent, hundreds):
    part, steps = percent_of(percent, 100 * hundreds)
    assert part == percent * hundreds
    assert steps[-1].split()[-1] == str(part)


def test_kinds_come_in_turn_and_no_question_twice():
    problems = draw_problems(200, seed=3)
    assert [p.kind for p in problems[:10]] == list(KINDS)
    assert len({p.question for p in problems}) == 200


def test_equal_seeds_draw_equal_problems():
    assert draw_problems(30, seed=5) == draw_problems(30, seed=5) != draw_problems(30, seed=6)


def test_difficulty_is_the_size_of_the_numbers():
    for problem in draw_problems(100, kinds=("sums", "differences"), difficulty=1, seed=2):
        assert max(map(int, re.findall(r"\d+", problem.question))) < 50


def test_drawn_problems_are_none_of_the_training_split():
    drawn = draw_problems(500, seed=4)
    trained = itertools.islice(training_problems(4, dict.fromkeys(KINDS, 1.0)), 4000)
    assert not {task(p) for p in drawn} & {task(p) for p in trained}


def test_held_out_wordings_are_of_words_that_training_uses():
    seen, held_out = (
        {word for texts in wordings.values() for text in texts for word in re.findall(r"[A-Za-z]+", text)}
        for wordings in (SEEN, HELD_OUT)
    )
    assert held_out <= seen


def test_no_choice_of_a_phrasing_is_left_open():
    assert not [p.question for p in draw_problems(500, seed=9, wording="all") if set("[]{}|") & set(p.question)]


def test_held_out_wordings_are_others():
    assert not {t for texts in SEEN.values() for t in texts} & {t for texts in HELD_OUT.values() for t in texts}
    assert all(p.held_out_phrasing for p in draw_problems(50, wording="held out"))
    assert not any(p.held_out_phrasing for p in draw_problems(50))

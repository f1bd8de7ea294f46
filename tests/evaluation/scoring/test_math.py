"""Mathematical answers: equal in other forms, and expressions made to hang."""

import asyncio
import time
from pathlib import Path

import pytest

from lightrouter_graph.evaluation.datasets import load
from lightrouter_graph.evaluation.questions import Question
from lightrouter_graph.evaluation.scoring import MathScorer

pytest.importorskip("math_verify", reason="math-verify is not installed")
# One event loop, so that all tests share the worker processes, which take seconds to start.
pytestmark = pytest.mark.asyncio(loop_scope="module")

EQUAL = [
    ("2\\sqrt{3}", "So it is $\\boxed{\\sqrt{12}}$."),
    ("\\frac{1}{2}", "Half of it: \\boxed{0.5}"),
    ("\\frac{\\pi}{2}", "The answer is $\\pi/2$."),
    ("x^2-1", "\\boxed{(x-1)(x+1)}"),
    ("x=5", "\\boxed{5}"),
    ("\\{1,2\\}", "\\boxed{\\{2,1\\}}"),
    ("(1,2)", "\\boxed{\\left(1, 2\\right)}"),
    ("\\text{Evelyn}", "\\boxed{\\text{Evelyn}}"),
    ("-15", '{"reasoning": "1 + 2", "answer": "-15"}'),
    ("7", "First $\\boxed{3}$, no: the final answer is $\\boxed{7}$."),
]
DIFFERENT = [
    ("2", "\\boxed{3}"),
    ("(1,2)", "\\boxed{(2,1)}"),
    ("[0,1)", "$[0,1]$"),
    ("\\text{Evelyn}", "\\boxed{\\text{Briana}}"),
    ("2", "I do not know."),
    ("2", ""),
    ("3", '{"reasoning": "$3$ is wrong", "answer": "4"}'),
]


@pytest.fixture(scope="module")
def scorer() -> MathScorer:
    return MathScorer()


async def scored(scorer: MathScorer, pairs: list[tuple[str, str]]) -> dict[str, float | None]:
    questions = [(Question("q", "Find it.", reference=reference), text) for reference, text in pairs]
    return {text: await scorer.score(question, text) for question, text in questions}


async def test_expressions_are_equal_in_any_form(scorer):
    assert await scored(scorer, EQUAL) == {text: 1.0 for _, text in EQUAL}
    assert await scored(scorer, DIFFERENT) == {text: 0.0 for _, text in DIFFERENT}


async def test_what_cannot_be_compared_is_not_scored(scorer):
    assert await scorer.score(Question("q", "Find it."), "$2$") is None
    assert await scorer.score(Question("q", "Find it.", reference=""), "$2$") is None


async def test_an_expression_that_hangs_is_killed_and_the_next_is_scored(scorer):
    impatient = MathScorer(timeout_s=0.5)  # the library itself stops after 5 s
    await scored(impatient, [("2", "\\boxed{2}")])  # its workers need seconds to start
    began = time.monotonic()
    assert await scored(impatient, [("2", "\\boxed{9^{9^{9^{9}}}}")]) == {"\\boxed{9^{9^{9^{9}}}}": 0.0}
    assert time.monotonic() - began < 4.5
    assert await scored(scorer, [("2", "\\boxed{2}")]) == {"\\boxed{2}": 1.0}


async def test_it_works_outside_of_the_main_thread():
    def elsewhere() -> float | None:
        return asyncio.run(MathScorer().score(Question("q", "Find it.", reference="0.5"), "$\\frac{1}{2}$"))

    assert await asyncio.to_thread(elsewhere) == 1.0


REPLAY = Path(__file__).parents[4] / "shared" / "replay"


@pytest.mark.replay
@pytest.mark.skipif(not REPLAY.is_dir(), reason=f"no recorded model outputs at {REPLAY}")
async def test_it_agrees_with_the_recorded_scores(scorer):
    questions = load(str(REPLAY / "math_l5.jsonl.gz"), limit=8).questions
    outputs = [(question, output) for question in questions for output in question.outputs.values()]
    alike = [await scorer.score(question, output.text) == output.score for question, output in outputs]
    assert sum(alike) / len(alike) >= 0.96

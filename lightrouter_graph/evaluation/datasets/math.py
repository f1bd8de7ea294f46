"""MATH: competition problems whose answer is an expression; and MATH-500, a part of it that many report."""

from lightrouter_graph.answer_keys import find_boxed
from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.datasets.base import PublicSet
from lightrouter_graph.evaluation.datasets.prompts import ask_for_maths
from lightrouter_graph.evaluation.datasets.readers import Row, text_of
from lightrouter_graph.evaluation.questions import Question

_SUBJECTS = (
    "algebra",
    "counting_and_probability",
    "geometry",
    "intermediate_algebra",
    "number_theory",
    "prealgebra",
    "precalculus",
)


def read_row(row: Row) -> Question:
    r"""Make a question of a row: `problem`, `solution` with the answer in `\boxed{}`, `level`, `type`.

    MATH-500 has the answer itself in `answer`, the type as `subject`, and an id. The category is the type and level.
    """
    subject = text_of(row, "type", "subject")
    level = text_of(row, "level")
    level = level if level.lower().startswith("level") else f"Level {level}"
    unique = str(row.get("unique_id") or "").removesuffix(".json")
    return Question(
        unique,
        ask_for_maths(text_of(row, "problem")),
        category=f"{subject}, {level.lower()}",
        reference=_answer(row),
    )


def _answer(row: Row) -> str:
    if row.get("answer") is not None:
        return text_of(row, "answer")
    boxed = find_boxed(_braced(text_of(row, "solution")), "", finished=True)
    if boxed is None:
        msg = r"no \boxed{} answer in the solution"
        raise EvaluationError(msg)
    return boxed


def _braced(solution: str) -> str:
    r"""Put braces around the answer of the few solutions that write `\boxed 5`."""
    before, boxed, after = solution.rpartition("\\boxed ")
    if not boxed:
        return solution
    value = after.split("$")[0].split()[0].rstrip(".") if after.split("$")[0].strip() else ""
    return f"{before}\\boxed{{{value}}}{after[len(value) :]}"


MATH = PublicSet("math", "EleutherAI/hendrycks_math", read_row, "math", configs=_SUBJECTS)
"""Source: Hendrycks et al., arXiv 2103.03874; 5000 problems in the test split."""

MATH_500 = PublicSet("math-500", "HuggingFaceH4/MATH-500", read_row, "math")
"""Source: the 500 test problems that Lightman et al., arXiv 2305.20050, evaluate on."""

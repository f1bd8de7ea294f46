"""Generated word problems with known answers, for pools as small as the models that come with the package."""

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.questions import DataSet, Question
from lightrouter_graph.problems import draw_problems

DEFAULT_COUNT = 200


def draw_pocket(count: int = DEFAULT_COUNT, *, seed: int = 0) -> DataSet:
    """Draw problems that the pocket models were not trained on, in all kinds and difficulties.

    Args:
        count: How many, >= 1.
        seed: Equal seeds draw equal problems.

    Raises:
        EvaluationError: If `count` is below 1.
    """
    if count < 1:
        msg = f"the number of pocket problems must be >= 1, got {count}"
        raise EvaluationError(msg)
    questions = tuple(
        Question(f"pocket-{number:05}", problem.question, category=problem.kind, reference=str(problem.answer))
        for number, problem in enumerate(draw_problems(count, seed=seed))
    )
    note = "Generated grade-school problems, made for the models that come with the package."
    return DataSet("pocket", questions, "number", note)

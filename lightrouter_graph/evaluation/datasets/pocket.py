"""Generated word problems with known answers, for pools as small as the models that come with the package."""

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.problems import draw_problems
from lightrouter_graph.evaluation.problems.drawing import Wording
from lightrouter_graph.evaluation.questions import DataSet, Question

POCKET, POCKET_NEW = "pocket", "pocket-new"
DEFAULT_COUNT = 200


def draw_pocket(count: int = DEFAULT_COUNT, *, wording: Wording = "seen", seed: int = 0) -> DataSet:
    """Draw problems that the pocket models were not trained on, in all kinds and difficulties.

    Args:
        count: How many, >= 1.
        wording: Phrasings of their training, with other numbers; or phrasings held out of it.
        seed: Equal seeds draw equal problems.

    Raises:
        EvaluationError: If `count` is below 1.
    """
    if count < 1:
        msg = f"the number of pocket problems must be >= 1, got {count}"
        raise EvaluationError(msg)
    name = POCKET if wording == "seen" else POCKET_NEW
    questions = tuple(
        Question(f"{name}-{number:05}", problem.question, category=problem.kind, reference=str(problem.answer))
        for number, problem in enumerate(draw_problems(count, wording=wording, seed=seed))
    )
    note = "Generated grade-school problems, made for the models that come with the package."
    return DataSet(name, questions, "number", note)

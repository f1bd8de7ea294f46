"""GSM8K: grade-school word problems."""

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.datasets.base import PublicSet
from lightrouter_graph.evaluation.datasets.prompts import ask_for_number
from lightrouter_graph.evaluation.datasets.readers import Row, text_of
from lightrouter_graph.evaluation.questions import Question

_MARK = "####"


def read_row(row: Row) -> Question:
    """Make a question of a row: `question`, and `answer` with the number behind `####`."""
    _, mark, number = text_of(row, "answer").rpartition(_MARK)
    if not mark or not number.strip():
        msg = f"no number behind {_MARK!r} in the answer"
        raise EvaluationError(msg)
    return Question("", ask_for_number(text_of(row, "question")), reference=number.strip().replace(",", ""))


GSM8K = PublicSet("gsm8k", "openai/gsm8k", read_row, "number", configs=("main",))
"""Source: Cobbe et al., arXiv 2110.14168; 1319 problems in the test split."""

"""MT-Bench: open-ended questions of eight categories."""

from collections.abc import Sequence

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.datasets.base import PublicSet
from lightrouter_graph.evaluation.datasets.readers import Row, text_of
from lightrouter_graph.evaluation.questions import Question


def read_row(row: Row) -> Question:
    """Make a question of a row: `question_id`, `category`, `turns`, and perhaps `reference`, one per turn.

    On the hub (`HuggingFaceH4/mt_bench_prompts`) the turns are called `prompt` and the id `prompt_id`.
    """
    first = _first(row.get("turns") or row.get("prompt"))
    if first is None:
        msg = "no first turn in the column 'turns' or 'prompt'"
        raise EvaluationError(msg)
    return Question(
        text_of(row, "question_id", "prompt_id"),
        first,
        category=text_of(row, "category"),
        reference=_first(row.get("reference")),
    )


def _first(turns: object) -> str | None:
    if not isinstance(turns, Sequence) or isinstance(turns, str) or not turns:
        return None
    return str(turns[0]).strip() or None


MT_BENCH = PublicSet(
    "mt-bench",
    "HuggingFaceH4/mt_bench_prompts",
    read_row,
    "judge",
    split="train",
    note="Only the first turn of each MT-Bench question is asked; figures do not compare with published MT-Bench.",
)
"""80 questions; the file of the original is question.jsonl. Source: Zheng et al., arXiv 2306.05685."""

"""MMLU-Pro: questions of 14 categories with up to ten options."""

from string import ascii_uppercase

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.datasets.base import PublicSet
from lightrouter_graph.evaluation.datasets.prompts import MOST_OPTIONS, ask_for_letter
from lightrouter_graph.evaluation.datasets.readers import Row, text_of
from lightrouter_graph.evaluation.questions import Question


def read_row(row: Row) -> Question:
    """Make a question of a row: `question`, `options`, the letter in `answer`, `category`, `question_id`."""
    options = [str(option) for option in row.get("options") or ()]
    while options[-1:] == ["N/A"]:  # earlier versions of the set fill short lists up
        options.pop()
    letter = text_of(row, "answer").strip().upper()
    if not 2 <= len(options) <= MOST_OPTIONS:
        msg = f"2 to {MOST_OPTIONS} options are needed, got {len(options)}"
        raise EvaluationError(msg)
    if len(letter) != 1 or letter not in ascii_uppercase[: len(options)]:
        msg = f"the answer must be a letter from A to {ascii_uppercase[len(options) - 1]}, got {letter!r}"
        raise EvaluationError(msg)
    text = ask_for_letter(text_of(row, "question"), options)
    name = "" if row.get("question_id") is None else text_of(row, "question_id")
    return Question(name, text, category=text_of(row, "category"), reference=letter)


MMLU_PRO = PublicSet("mmlu-pro", "TIGER-Lab/MMLU-Pro", read_row, "letter")
"""Source: Wang et al., arXiv 2406.01574; about 12000 questions in the test split."""

"""MMLU: questions of 57 subjects with four options."""

import re

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.datasets.base import PublicSet
from lightrouter_graph.evaluation.datasets.prompts import ask_for_letter
from lightrouter_graph.evaluation.datasets.readers import FILE, Row, text_of
from lightrouter_graph.evaluation.questions import Question

_LETTERS = "ABCD"
_SPLIT = re.compile(r"_(?:test|val|dev)$")


def read_row(row: Row) -> Question:
    """Make a question of a row.

    The original files have the question, four options and the letter, and the subject in their name; on the hub
    (`cais/mmlu`) there are `choices`, the number of the right one in `answer`, and `subject`.
    """
    choices = row.get("choices")
    options = [text_of(row, letter) for letter in _LETTERS] if choices is None else [str(choice) for choice in choices]
    subject = str(row.get("subject") or _SPLIT.sub("", str(row.get(FILE, "")))).replace("_", " ")
    text = ask_for_letter(text_of(row, "question"), options)
    return Question("", text, category=subject or None, reference=_letter(text_of(row, "answer")))


def _letter(answer: str) -> str:
    letter = _LETTERS[int(answer)] if answer in {"0", "1", "2", "3"} else answer.strip().upper()
    if len(letter) != 1 or letter not in _LETTERS:
        msg = f"the answer must be one of {', '.join(_LETTERS)} or 0 to 3, got {answer!r}"
        raise EvaluationError(msg)
    return letter


MMLU = PublicSet("mmlu", "cais/mmlu", read_row, "letter", configs=("all",), columns=("question", *_LETTERS, "answer"))
"""Source: Hendrycks et al., arXiv 2009.03300; 14042 questions in the test split."""

"""GPQA: hard questions of the natural sciences with four options."""

import hashlib
from random import Random

from lightrouter_graph.evaluation.datasets.base import PublicSet
from lightrouter_graph.evaluation.datasets.prompts import ask_for_letter
from lightrouter_graph.evaluation.datasets.readers import Row, text_of
from lightrouter_graph.evaluation.questions import Question

_WRONG = ("Incorrect Answer 1", "Incorrect Answer 2", "Incorrect Answer 3")


def read_row(row: Row) -> Question:
    """Make a question of a row: `Question`, `Correct Answer`, `Incorrect Answer 1` to `3`.

    The options are shuffled by a seed made of the question's text, so that each question always has the same order,
    wherever it stands and whatever else is read.
    """
    question = text_of(row, "Question").strip()
    digest = hashlib.sha256(f"gpqa:{question}".encode()).hexdigest()
    options = [text_of(row, "Correct Answer").strip(), *(text_of(row, name).strip() for name in _WRONG)]
    order = list(range(len(options)))
    Random(digest).shuffle(order)
    return Question(
        str(row.get("Record ID") or digest[:16]),
        ask_for_letter(question, [options[place] for place in order]),
        category=str(row.get("High-level domain") or "") or None,
        reference="ABCD"[order.index(0)],
    )


def _hub_split(split: str) -> tuple[str, str]:
    return f"gpqa_{split}", "train"


GPQA = PublicSet("gpqa", "Idavidrein/gpqa", read_row, "letter", split="diamond", hub_split=_hub_split)
"""Its splits are "diamond" (198 questions), "main" and "extended". Source: Rein et al., arXiv 2311.12022."""

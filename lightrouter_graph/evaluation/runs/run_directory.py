"""The folder of a run, read again."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.datasets.registry import load
from lightrouter_graph.evaluation.questions import Question
from lightrouter_graph.evaluation.records import Summary
from lightrouter_graph.evaluation.results import ResultsFile
from lightrouter_graph.evaluation.runs.run import Terms

RECORDING = "recording.jsonl"
"""What live models said in full, in the schema of every recording."""


def terms_of(folder: Path) -> Terms:
    """Return what a run was run under.

    Raises:
        EvaluationError: If the folder holds no run.
    """
    try:
        return cast("Terms", json.loads((folder / "run.json").read_text("utf-8")))
    except (OSError, ValueError) as exc:
        msg = f"{folder} holds no run: run.json cannot be read ({type(exc).__name__})"
        raise EvaluationError(msg) from exc


def summary_of(folder: Path) -> Summary:
    """Return the figures of a run.

    Raises:
        EvaluationError: If the folder holds no report.
    """
    try:
        return cast("Summary", json.loads((folder / "summary.json").read_text("utf-8")))
    except (OSError, ValueError) as exc:
        msg = f"{folder} holds no report: summary.json cannot be read ({type(exc).__name__})"
        raise EvaluationError(msg) from exc


def methods_of(folder: Path) -> tuple[str, ...]:
    """Return the names of the methods of a run, in table order; of one that was stopped, in the order they ran.

    Raises:
        EvaluationError: If there are none.
    """
    ran = tuple(dict.fromkeys(result["method"] for result in ResultsFile(folder / "results.jsonl").results))
    if not ran:
        msg = f"{folder} holds no results"
        raise EvaluationError(msg)
    reported = (folder / "summary.json").is_file()
    in_table = [row["method"] for row in summary_of(folder)["methods"]] if reported else []
    return tuple(sorted(ran, key=lambda name: in_table.index(name) if name in in_table else len(in_table)))


def questions_of(folder: Path) -> Sequence[Question]:
    """Return the questions a run asked, with what models said to them.

    Raises:
        EvaluationError: If the folder holds no run, or its data are gone.
    """
    terms = terms_of(folder)
    recording = folder / RECORDING
    asked = set(terms["questions"])
    data = load(str(recording) if recording.is_file() else terms["data"])
    return [question for question in data.questions if question.id in asked]

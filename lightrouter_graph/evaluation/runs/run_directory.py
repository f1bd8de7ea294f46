"""Reads the files of a run directory."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.datasets.registry import load
from lightrouter_graph.evaluation.questions import Question
from lightrouter_graph.evaluation.records import Summary
from lightrouter_graph.evaluation.results import ResultsFile
from lightrouter_graph.evaluation.runs.run import RunSpec

RECORDING = "recording.jsonl"
"""Full answers of the live models, in the schema of `datasets.load_recording`."""


def spec_of(folder: Path) -> RunSpec:
    """Return the content of `run.json`; raise an `EvaluationError` if the directory has no run."""
    return cast("RunSpec", _read(folder, "run.json", "run"))


def summary_of(folder: Path) -> Summary:
    """Return the statistics of a run; raise an `EvaluationError` if the directory has no report."""
    return cast("Summary", _read(folder, "summary.json", "report"))


def methods_of(folder: Path) -> tuple[str, ...]:
    """Return the methods of a run with results, in table order; of a stopped run, in the order of its results."""
    ran = tuple(dict.fromkeys(result["method"] for result in ResultsFile(folder / "results.jsonl").results))
    if not ran:
        msg = f"{folder} holds no results"
        raise EvaluationError(msg)
    reported = (folder / "summary.json").is_file()
    in_table = [row["method"] for row in summary_of(folder)["methods"]] if reported else []
    return tuple(sorted(ran, key=lambda name: in_table.index(name) if name in in_table else len(in_table)))


def questions_of(folder: Path) -> Sequence[Question]:
    """Return the questions of a run with their recorded outputs."""
    spec, recording = spec_of(folder), folder / RECORDING
    asked = set(spec["questions"])
    data = load(str(recording) if recording.is_file() else spec["data"])
    return [question for question in data.questions if question.id in asked]


def _read(folder: Path, name: str, what: str) -> Any:
    try:
        value = json.loads((folder / name).read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as exc:
        msg = f"{folder} holds no {what}: {name} cannot be read ({type(exc).__name__})"
        raise EvaluationError(msg) from exc
    if not isinstance(value, dict):
        msg = f"{folder} holds no {what}: {name} is not a JSON object"
        raise EvaluationError(msg)
    return value

"""Write the folder of a run."""

import json
from collections.abc import Sequence
from pathlib import Path

from lightrouter_graph.evaluation.questions import Question
from lightrouter_graph.evaluation.records import Result, Summary
from lightrouter_graph.evaluation.report.examples import choose, page_data
from lightrouter_graph.evaluation.report.markdown import markdown_report
from lightrouter_graph.evaluation.report.page import page
from lightrouter_graph.evaluation.report.plots import pictures


def write_report(folder: Path, summary: Summary, results: Sequence[Result], questions: Sequence[Question]) -> None:
    """Write `summary.json`, the pictures, `report.md` and `index.html` into a folder, over those of an earlier run.

    `results.jsonl` is left alone: it is written while the run goes on.

    Args:
        folder: Where to; made if it is not there.
        summary: The figures, in the order of the table.
        results: One per question and method.
        questions: What was asked, in the order of the data.

    Raises:
        EvaluationError: If matplotlib or jinja2 is not installed.
        OSError: If the folder cannot be written to.
    """
    drawn = pictures(summary)
    chosen = choose(summary, results, questions)
    texts = {
        "summary.json": json.dumps(summary, indent=1, allow_nan=False) + "\n",
        "report.md": markdown_report(summary, drawn),
        "index.html": page(summary, page_data(summary, results, chosen), chosen, drawn),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for picture in drawn:
        (folder / f"{picture.name}.png").write_bytes(picture.png)
    for name, text in texts.items():
        # A half of a character pair that a model left alone has no UTF-8; in JSON it stands escaped.
        (folder / name).write_text(text, encoding="utf-8", errors="backslashreplace")

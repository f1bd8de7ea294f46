"""Report of a run: `report.md`, `index.html`, plots and `summary.json`; tables for a terminal and for Markdown."""

import json
from collections.abc import Sequence
from pathlib import Path

from lightrouter_graph.evaluation.questions import Question
from lightrouter_graph.evaluation.records import Result, Summary
from lightrouter_graph.evaluation.report.examples import page_data, select_examples
from lightrouter_graph.evaluation.report.markdown import markdown_report
from lightrouter_graph.evaluation.report.page import page
from lightrouter_graph.evaluation.report.plots import pictures
from lightrouter_graph.evaluation.report.tables import markdown_overview, markdown_table, table

__all__ = ["markdown_overview", "markdown_table", "table", "write_report"]


def write_report(folder: Path, summary: Summary, results: Sequence[Result], questions: Sequence[Question]) -> None:
    """Write `summary.json`, the plots, `report.md` and `index.html` into a directory; earlier ones are replaced.

    Args:
        folder: The directory; created if it does not exist.
        summary: Statistics, in the order of the table.
        results: One result per question and method.
        questions: The questions, in the order of the data.
    """
    drawn = pictures(summary)
    examples = select_examples(summary, results, questions)
    texts = {
        "summary.json": json.dumps(summary, indent=1, allow_nan=False) + "\n",
        "report.md": markdown_report(summary, drawn),
        "index.html": page(summary, page_data(summary, results, examples), examples, drawn),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for picture in drawn:
        (folder / f"{picture.name}.png").write_bytes(picture.png)
    for name, text in texts.items():
        # Models generate lone surrogates, which have no UTF-8; in JSON they are escaped already.
        (folder / name).write_text(text, encoding="utf-8", errors="backslashreplace")

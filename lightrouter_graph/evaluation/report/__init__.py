"""Report of a run: `report.md`, `index.html`, plots and `summary.json`; tables for a terminal and for Markdown."""

from lightrouter_graph.evaluation.report.overview import markdown_overview
from lightrouter_graph.evaluation.report.tables import markdown_table, table
from lightrouter_graph.evaluation.report.write import write_report

__all__ = ["markdown_overview", "markdown_table", "table", "write_report"]

"""A folder per run that a sceptic can read: a report, a page, pictures, and the figures as JSON."""

from lightrouter_graph.evaluation.report.overview import markdown_overview
from lightrouter_graph.evaluation.report.tables import markdown_table, table
from lightrouter_graph.evaluation.report.write import write_report

__all__ = ["markdown_overview", "markdown_table", "table", "write_report"]

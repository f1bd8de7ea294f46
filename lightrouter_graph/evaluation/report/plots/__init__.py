"""Plots of a report, drawn with matplotlib (extra `eval`) from a summary."""

from lightrouter_graph.evaluation.report.plots.drawing import Picture, pictures

__all__ = ["Picture", "pictures"]

"""The pictures of a report, drawn with matplotlib (extra `eval`), each from a summary alone."""

from lightrouter_graph.evaluation.report.plots.drawing import Picture, pictures

__all__ = ["Picture", "pictures"]

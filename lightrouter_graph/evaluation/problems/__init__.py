"""Generated problems with known answers, by kind and difficulty, for measuring pools."""

from lightrouter_graph.evaluation.problems.drawing import KINDS, Kind, Problem, draw_problems, in_training_split

__all__ = ["KINDS", "Kind", "Problem", "draw_problems", "in_training_split"]

"""Runs: an experiment on a data set, its directory and its report, from recordings or from live models."""

from lightrouter_graph.evaluation.runs.run import Progress, RunSettings, execute_run

__all__ = ["Progress", "RunSettings", "execute_run"]

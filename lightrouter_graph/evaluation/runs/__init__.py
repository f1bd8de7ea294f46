"""From a data set and an experiment to a folder with a report: over recordings, or over models that are called."""

from lightrouter_graph.evaluation.runs.run import Study, Watcher, run_study

__all__ = ["Study", "Watcher", "run_study"]

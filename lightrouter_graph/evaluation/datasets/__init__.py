"""Where questions come from: recordings, public sets in their usual files or from the hub, generated problems."""

from lightrouter_graph.evaluation.datasets.catalogue import known_names, load
from lightrouter_graph.evaluation.datasets.recording import ModelFacts, load_models, load_recording, write_recording

__all__ = ["ModelFacts", "known_names", "load", "load_models", "load_recording", "write_recording"]

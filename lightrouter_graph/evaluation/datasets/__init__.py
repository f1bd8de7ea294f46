"""Data sets: recordings, public sets from files or from the Hugging Face hub, and generated problems."""

from lightrouter_graph.evaluation.datasets.recordings import ModelFacts, load_models, load_recording, write_recording
from lightrouter_graph.evaluation.datasets.registry import known_names, load

__all__ = ["ModelFacts", "known_names", "load", "load_models", "load_recording", "write_recording"]

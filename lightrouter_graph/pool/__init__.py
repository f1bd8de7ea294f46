"""The models a run may choose from: written in code, in a TOML file, or found in the environment."""

from lightrouter_graph.pool.candidate import Candidate
from lightrouter_graph.pool.pool import Pool

__all__ = ["Candidate", "Pool"]

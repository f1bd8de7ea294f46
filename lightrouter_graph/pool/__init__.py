"""Pools of candidate models, created in code, from a TOML file or from the environment."""

from lightrouter_graph.pool.candidate import Candidate
from lightrouter_graph.pool.pool import Pool

__all__ = ["Candidate", "Pool"]

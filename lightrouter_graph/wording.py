"""Default prompt texts; moved to `prompts`."""

from lightrouter_graph.prompts import JUDGE, SYNTHESIS

__all__ = ["JUDGE", "SYNTHESIS"]

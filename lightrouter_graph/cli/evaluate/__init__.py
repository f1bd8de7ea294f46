"""`lightrouter eval`: measures quality, cost and latency of a pool or a setting, with confidence intervals."""

from lightrouter_graph.cli.evaluate.commands import app

__all__ = ["app"]

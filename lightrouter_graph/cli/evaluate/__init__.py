"""`lightrouter eval`: what a pool, a policy or a setting buys and costs, with intervals."""

from lightrouter_graph.cli.evaluate.commands import app

__all__ = ["app"]

"""The command line: `lightrouter ask`, `lightrouter pool` and `lightrouter serve`."""

from lightrouter_graph.cli.app import main

__all__ = ["main"]

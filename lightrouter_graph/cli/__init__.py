"""The command line: `lightrouter ask` and `lightrouter pool`."""

from lightrouter_graph.cli.app import main

__all__ = ["main"]

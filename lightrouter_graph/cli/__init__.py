"""The command line: `lightrouter ask`, `eval`, `pool` and `serve`."""

from lightrouter_graph.cli.app import main

__all__ = ["main"]

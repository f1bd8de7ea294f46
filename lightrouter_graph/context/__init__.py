"""Settings of a run: `Context` and its groups."""

from lightrouter_graph.context.context import MAX_LAYERS, PARENT_KEY, Context, context_schema
from lightrouter_graph.context.groups import Budget, Calls, Prompts
from lightrouter_graph.context.renamed import RENAMED

__all__ = ["MAX_LAYERS", "PARENT_KEY", "RENAMED", "Budget", "Calls", "Context", "Prompts", "context_schema"]

"""What is known of each provider, and how a spec string becomes a chat model."""

from lightrouter_graph.providers.table import (
    PROVIDERS,
    Continuation,
    DefaultModel,
    JsonMode,
    ModelSpec,
    Provider,
    base_url_of,
    checked_url,
    parse_spec,
)

__all__ = [
    "PROVIDERS",
    "Continuation",
    "DefaultModel",
    "JsonMode",
    "ModelSpec",
    "Provider",
    "base_url_of",
    "checked_url",
    "parse_spec",
]

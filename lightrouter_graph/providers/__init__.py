"""Provider facts, model specs, prices, and the construction of chat models."""

from lightrouter_graph.providers.spec import ModelSpec, base_url_of, parse_spec
from lightrouter_graph.providers.table import (
    PROVIDERS,
    Continuation,
    DefaultModel,
    JsonMode,
    LimitParameter,
    Provider,
    register_provider,
)
from lightrouter_graph.providers.urls import checked_url

__all__ = [
    "PROVIDERS",
    "Continuation",
    "DefaultModel",
    "JsonMode",
    "LimitParameter",
    "ModelSpec",
    "Provider",
    "base_url_of",
    "checked_url",
    "parse_spec",
    "register_provider",
]

"""`context_schema`: the settings of one graph, with the names of its parts as choices."""

from collections.abc import Sequence
from typing import Any, cast

from pydantic import Field, create_model

from lightrouter_graph.context.context import Context


def context_schema(selectors: Sequence[str], aggregators: Sequence[str]) -> type[Context]:
    """Return a `Context` whose selector and aggregator are choices, for the settings panel of Studio.

    Args:
        selectors: Names of the selectors of one graph, "default" included.
        aggregators: Names of its aggregators.
    """
    choices = {"selector": tuple(selectors), "aggregator": tuple(aggregators)}
    fields: dict[str, Any] = {}
    for name, names in choices.items():
        field = Context.model_fields[name]
        extra = cast("dict[str, Any]", field.json_schema_extra)
        extra = {**extra, "enum": list(names)}
        fields[name] = (str, Field(default="default", description=field.description, json_schema_extra=extra))
    return create_model("Context", __base__=Context, __doc__=Context.__doc__, **fields)

"""Translates settings of version 0.1."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from lightrouter_graph.context.groups import Calls
from lightrouter_graph.errors import warn_deprecated

RENAMED: Mapping[str, tuple[str, str]] = {
    **{name: ("calls", name) for name in Calls.model_fields},
    "selector_prompt": ("prompts", "selector"),
    "aggregator_prompt": ("prompts", "aggregator"),
}
"""Settings of version 0.1 that now belong to a group: old name -> (group, name)."""

_RENAMED_VALUES = {("aggregator", "best"): "top_ranked"}


def migrated(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Translate names and values of settings of version 0.1, with a `DeprecationWarning` for each.

    Args:
        settings: Settings by name, old or new.
    """
    current = {name: value for name, value in settings.items() if name not in RENAMED}
    for name in settings.keys() & RENAMED.keys():
        group, new = RENAMED[name]
        warn_deprecated(f"the setting {name!r}", f"{group}={{{new!r}: ...}}")
        current[group] = set_fields_of(current.get(group)) | {new: settings[name]}
    for (name, old), value in _RENAMED_VALUES.items():
        if current.get(name) == old:
            warn_deprecated(f"{name} = {old!r}", repr(value))
            current[name] = value
    return current


def set_fields_of(group: Any) -> dict[str, Any]:
    """Return the fields of a group that were given: those set on a model, or all of a dict.

    Args:
        group: A settings model, a dict of its fields, or None.
    """
    if isinstance(group, BaseModel):
        return {name: getattr(group, name) for name in group.model_fields_set}
    return dict(group or {})

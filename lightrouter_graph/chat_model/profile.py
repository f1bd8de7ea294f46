"""What a pool can do as one model: no more than each of its candidates."""

from typing import Any, cast

from langchain_core.language_models import BaseChatModel, ModelProfile

from lightrouter_graph.pool import Candidate, Pool


def profile_of(pool: Pool) -> ModelProfile:
    """Say what every candidate can take and do; what is not known of one is left out.

    A limit is that of the narrowest candidate. Tool calling and structured output are also known of models without a
    profile: by `bind_tools`, and by what the candidate says of its JSON mode.
    """
    profiles = [dict(candidate.model.profile or {}) for candidate in pool]
    common = set.intersection(*(set(profile) for profile in profiles))
    known = {name: _narrowest([profile[name] for profile in profiles]) for name in common}
    known["tool_calling"] = all(_calls_tools(candidate) for candidate in pool)
    known["structured_output"] = all(candidate.json_mode == "json_schema" for candidate in pool)
    return cast("ModelProfile", {name: value for name, value in known.items() if value is not None})


def _narrowest(values: list[Any]) -> Any:
    if all(isinstance(value, bool) for value in values):
        return all(values)
    if all(isinstance(value, int) for value in values):
        return min(values)
    return values[0] if values.count(values[0]) == len(values) else None


def _calls_tools(candidate: Candidate) -> bool:
    said = (candidate.model.profile or {}).get("tool_calling", True)
    return said and type(candidate.model).bind_tools is not BaseChatModel.bind_tools

"""`ModelProfile` of a pool: the capabilities that all of its candidates share."""

from typing import Any, cast

from langchain_core.language_models import BaseChatModel, ModelProfile

from lightrouter_graph.pool import Candidate, Pool


def profile_of(pool: Pool) -> ModelProfile:
    """Return the profile that holds for every candidate of a `pool`; a capability that is unknown for one is left out.

    A limit is the lowest of all candidates. Tool calling and structured output are also known for models without a
    profile: from `bind_tools` and `Candidate.json_mode`.

    Args:
        pool: The candidates that answer under the name of the model.
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
    supported = (candidate.model.profile or {}).get("tool_calling", True)
    return supported and type(candidate.model).bind_tools is not BaseChatModel.bind_tools

"""Reads the arguments of the constructor of `ChatLightRouter`, and describes wrong ones in one line."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from langgraph.cache.base import BaseCache
from pydantic import ValidationError

from lightrouter_graph.chat_model.arguments import SETTINGS
from lightrouter_graph.context import Context
from lightrouter_graph.errors import ContextError, LightRouterError, PoolError, did_you_mean
from lightrouter_graph.llm.boot_cache import BootCache
from lightrouter_graph.pool import Candidate, Pool
from lightrouter_graph.redaction import redact


def as_pool(given: Any) -> Pool:
    """Return the pool that `given` is or describes: a name, or a list of what `Pool` takes and dicts.

    Args:
        given: A `Pool`, or its first argument; in a list, dicts are the arguments of `Candidate`.
    """
    if isinstance(given, Pool):
        return given
    if isinstance(given, Mapping) or not isinstance(given, Sequence):
        msg = f"ChatLightRouter needs a pool: a Pool, or a list of what it takes, got {type(given).__name__}"
        raise PoolError(msg)
    if isinstance(given, str):
        return Pool(given)
    return Pool([_candidate(member) if isinstance(member, Mapping) else member for member in given])


def _candidate(arguments: Mapping[str, Any]) -> Candidate:
    try:
        return Candidate(**arguments)
    except TypeError as exc:  # it names the argument that is missing or unknown
        raise PoolError(f"invalid dict for a candidate: {exc}") from None


def as_context(given: Any) -> Any:
    """Return `Context` for a dict of settings; anything else as `given`.

    Args:
        given: A `Context`, a dict of its fields, or None.
    """
    return Context(**given) if isinstance(given, Mapping) else given


def as_boot_cache(given: Any) -> Any:
    """Return `BootCache` for a LangGraph cache; anything else as `given`.

    Args:
        given: A `BootCache`, a LangGraph cache, or None.
    """
    return BootCache(given) if isinstance(given, BaseCache) else given


def with_settings(arguments: dict[str, Any], fields: Collection[str]) -> dict[str, Any]:
    """Move the settings among the `arguments` that are not `fields` of the chat model into its context.

    Args:
        arguments: Keyword arguments of the constructor; changed in place.
        fields: Names of the fields of the chat model.
    """
    settings = {name: arguments.pop(name) for name in SETTINGS.difference(fields) & arguments.keys()}
    if settings:
        arguments["context"] = as_context(arguments.get("context") or Context()).overlaid(settings)
    return arguments


def own_error(exc: ValidationError, fields: Collection[str]) -> Exception:
    """Return the error of this package for pydantic's, in one line.

    Args:
        exc: Error of the validation of the constructor's arguments.
        fields: Names of the fields of the chat model.
    """
    errors = exc.errors(include_url=False)
    causes = [error.get("ctx", {}).get("error") for error in errors]
    first = errors[0]
    if first["type"] == "extra_forbidden":
        name = str(first["loc"][0])
        return ContextError(f"unknown argument {name!r}{did_you_mean(name, [*fields, *SETTINGS])} of ChatLightRouter")
    value = first["input"]
    shown = repr(value) if isinstance(value, str | int | float | bool | None) else type(value).__name__
    message = f"{'.'.join(map(str, first['loc']))} = {redact(shown)}: {first['msg'][0].lower()}{first['msg'][1:]}"
    return next((cause for cause in causes if isinstance(cause, LightRouterError)), ContextError(message))

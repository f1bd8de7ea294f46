"""Holds the settings of a request to the operator's limits: a client may lower a limit, not raise or remove it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from langchain_core.language_models import BaseChatModel

from lightrouter_graph.chat_model import PAPER, ChatLightRouter
from lightrouter_graph.context import PARENT_KEY, RENAMED, Budget, Calls, Context
from lightrouter_graph.providers.model_facts import is_openai_like
from lightrouter_graph.server.requests import ChatRequest

MIN_TIMEOUT_S = 1.0
"""Shortest time limit of a single call that a client can set: shorter ones only waste calls."""

_BUDGETS = ("budget", "thread_budget")
_SETTINGS = ("deadline_s", "layers", "top_k", "width", "boot_tokens", "max_tokens")
_CALLS = ("boot_timeout_s", "timeout_s", "max_retries")
_TIMEOUTS = ("boot_timeout_s", "timeout_s")
_EXPENSIVE_TIERS = frozenset({"priority"})


def within_limits(model: BaseChatModel, request: ChatRequest) -> ChatRequest:
    """Return the request with each limit reduced to the operator's, and without fields that the model cannot take.

    Limits are the budgets and, where the operator set them, `deadline_s`, `layers`, `top_k`, `width`, `boot_tokens`,
    `max_tokens`, `boot_timeout_s`, `timeout_s` and `max_retries`. None means no limit, so it never replaces one.

    Args:
        model: The served model; only a `ChatLightRouter` has limits.
        request: The request.

    Raises:
        ContextError: If a setting of the request is invalid.
    """
    arguments = dict(request.arguments)
    if not isinstance(model, ChatLightRouter):
        if not is_openai_like(model):
            arguments.pop("extra_body", None)
        return replace(request, arguments=arguments)
    own, given = model.context, arguments.get("context") or {}
    if given:
        arguments["context"] = _limited(own, given, paper=model.model_name == PAPER)
    if own.max_tokens is not None and "max_tokens" in own.model_fields_set and "max_tokens" in arguments:
        arguments["max_tokens"] = min(own.max_tokens, arguments["max_tokens"])
    if own.budget or own.thread_budget:
        arguments = _at_list_price(arguments)
    return replace(request, arguments=arguments)


def tighter(own: Budget, requested: object) -> object:
    """Return the smaller value of each limit.

    Args:
        own: Budget of the operator.
        requested: Budget of the request as JSON; a value that is no object is returned for `Context` to reject.
    """
    if not isinstance(requested, Mapping):
        return own if requested is None else requested
    both = own, Budget(**requested)
    limits = {name: [limit for limit in (getattr(one, name) for one in both) if limit] for name in Budget.model_fields}
    return Budget(**{name: min(values) for name, values in limits.items() if values})


def _limited(own: Context, given: Mapping[str, Any], *, paper: bool) -> dict[str, Any]:
    budgets = {name: getattr(own, name) for name in _BUDGETS}
    budgets = {name: limit for name, limit in budgets.items() if limit is not None and name in given}
    settings = {**given, **{name: tighter(limit, given[name]) for name, limit in budgets.items()}}
    # Validated first: a number may be given as a string, and a limit of single calls under its old name.
    base = Context.paper().overlaid(own) if paper else own
    asked = base.overlaid({PARENT_KEY: settings})
    changes = _over(own, asked, _SETTINGS)
    if asked.agree is not None and (top_k := changes.get("top_k", asked.top_k)) < asked.agree:
        changes["agree"] = top_k if top_k > 1 else None
    calls = _too_short(own.calls, asked.calls) | _over(own.calls, asked.calls, _CALLS)
    settings |= changes
    if calls:
        settings = {name: value for name, value in settings.items() if RENAMED.get(name, ("", ""))[1] not in calls}
        settings["calls"] = {**(settings.get("calls") or {}), **calls}
    return settings


def _over(own: Any, asked: Any, names: tuple[str, ...]) -> dict[str, Any]:
    """Return the operator's value of each limit that was set and is exceeded."""
    limits = {name: getattr(own, name) for name in names if name in own.model_fields_set}
    exceeded = (name for name, limit in limits.items() if limit is not None and _is_over(getattr(asked, name), limit))
    return {name: limits[name] for name in exceeded}


def _is_over(asked: float | None, limit: float) -> bool:
    return asked is None or asked > limit


def _too_short(own: Calls, asked: Calls) -> dict[str, float]:
    """Return the shortest allowed time limit for each that is shorter."""
    shortest = {name: min(MIN_TIMEOUT_S, getattr(own, name)) for name in _TIMEOUTS}
    return {name: limit for name, limit in shortest.items() if getattr(asked, name) < limit}


def _at_list_price(arguments: dict[str, Any]) -> dict[str, Any]:
    """Leave out a service tier that costs more than the prices that the budget counts with."""
    body = arguments.get("extra_body") or {}
    if body.get("service_tier") not in _EXPENSIVE_TIERS:
        return arguments
    kept = {name: value for name, value in body.items() if name != "service_tier"}
    arguments = {name: value for name, value in arguments.items() if name != "extra_body"}
    return {**arguments, "extra_body": kept} if kept else arguments

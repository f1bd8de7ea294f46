"""What a request may spend: its own budget and the operator's, whichever is tighter."""

from collections.abc import Mapping
from typing import Any

from langchain_core.language_models import BaseChatModel

from lightrouter_graph.chat_model import ChatLightRouter
from lightrouter_graph.context import Budget

_BUDGETS = ("budget", "thread_budget")


def held_to(model: BaseChatModel, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Hold the settings of a request to the budgets that the operator gave the model.

    Args:
        model: What is asked.
        arguments: What it would be called with; the settings are under `context`.

    Raises:
        ContextError: If the request's own budget is not usable.
    """
    asked = arguments.get("context") or {}
    own = {name: getattr(model.context, name) for name in _BUDGETS} if isinstance(model, ChatLightRouter) else {}
    held = {name: tighter(own[name], asked[name]) for name in own.keys() & asked.keys() if own[name] is not None}
    return {**arguments, "context": {**asked, **held}} if held else arguments


def tighter(own: Budget, asked: object) -> object:
    """Return of each limit the smaller one; what is no budget is returned as it is, for `Context` to refuse."""
    if not isinstance(asked, Mapping):
        return own if asked is None else asked
    both = own, Budget(**asked)
    limits = {name: [limit for limit in (getattr(one, name) for one in both) if limit] for name in Budget.model_fields}
    return Budget(**{name: min(found) for name, found in limits.items() if found})

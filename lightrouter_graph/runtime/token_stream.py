"""Keeps the tokens of models that a part calls out of the user's token stream.

A selector, an aggregator or a prior may call a model in any way (`model.ainvoke` too). LangGraph streams every model
call inside a node, unless it inherits the tag "nostream".
"""

import asyncio
from collections.abc import Coroutine
from contextvars import ContextVar
from typing import Any, TypeVar

from langchain_core.callbacks import BaseCallbackManager
from langchain_core.runnables.config import ensure_config, set_config_context
from langgraph.constants import TAG_NOSTREAM

T = TypeVar("T")

_hidden: ContextVar[bool] = ContextVar("hidden", default=False)
"""True inside of `run_hidden`, unless the graph itself was hidden by its caller."""


async def run_hidden(part: Coroutine[Any, Any, T]) -> T:
    """Run a part and hide the tokens of its model calls from the user's stream, with any tags or configuration.

    Args:
        part: The call of a selector, an aggregator or another part.
    """
    config = ensure_config()
    callbacks = config.get("callbacks")
    hides = isinstance(callbacks, BaseCallbackManager) and TAG_NOSTREAM not in callbacks.inheritable_tags
    if isinstance(callbacks, BaseCallbackManager) and hides:
        config["callbacks"] = callbacks = callbacks.copy()
        callbacks.add_tags([TAG_NOSTREAM])  # inherited by every call below, also by those with tags of their own
    with set_config_context(config) as context:
        context.run(_hidden.set, hides or _hidden.get())
        return await asyncio.create_task(part, context=context)


def show_tokens(callbacks: BaseCallbackManager) -> None:
    """Let the calls made with these callbacks stream to the user again; the final answer streams so.

    Args:
        callbacks: Callback manager of the call; changed in place.
    """
    if _hidden.get():
        callbacks.remove_tags([TAG_NOSTREAM])

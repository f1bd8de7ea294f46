"""Reads the arguments of one call of `ChatLightRouter`: tools, sampling parameters, settings, and the model name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lightrouter_graph.context import PARENT_KEY, RENAMED, Context
from lightrouter_graph.errors import ContextError, PoolError, QueryError, did_you_mean
from lightrouter_graph.llm.request import Request, check_pool, make_request
from lightrouter_graph.pool import Pool

DEFAULT, PAPER = "lightrouter", "lightrouter-paper"
"""Presets: the settings as given, and those of the paper with the given ones laid over them."""

_REQUEST = frozenset({"tools", "tool_choice", "parallel_tool_calls", "response_format", "structured", "extra_body"})
_SAMPLING = frozenset({"temperature", "top_p", "seed", "frequency_penalty", "presence_penalty", "reasoning_effort"})
_RANGES = {"temperature": (0, 2), "top_p": (0, 1), "frequency_penalty": (-2, 2), "presence_penalty": (-2, 2)}
SETTINGS = frozenset(Context.model_fields) | frozenset(RENAMED)  # old names included

IDS = frozenset({"thread_id", "user_id"})
"""Thread and user of a call, for the parts that keep something in a store."""

ARGUMENTS = frozenset({"model", "context", "timeout", *_REQUEST, *_SAMPLING, *SETTINGS, *IDS})
"""Arguments of a call beside messages and `stop`."""

_LANGCHAIN = frozenset({"stream", "stream_usage"})  # LangChain passes them to every model; they change nothing here


@dataclass(frozen=True, slots=True)
class ChatCall:
    """The arguments of one call. `model` is the preset or candidate that answers; `ids` are of thread and user."""

    model: str
    request: Request
    context: Context
    ids: Mapping[str, Any]


def read_arguments(
    arguments: Mapping[str, Any], *, pool: Pool, context: Context, model: str, stop: Sequence[str] | None
) -> ChatCall:
    """Read the arguments of one call.

    Args:
        arguments: `tools` and the like, sampling parameters, `extra_body` (further fields of the request body, for the
            models with an OpenAI-compatible API), `context`, or any setting by name; `model` names a preset or one
            candidate, which then answers alone.
        pool: The candidates of the chat model.
        context: Its settings.
        model: Its name, a preset or a candidate.
        stop: Texts that end a reply.

    Raises:
        QueryError: If an argument is unknown, or a tool or format is invalid.
        ContextError: If a setting is not allowed.
        PoolError: If `model` is neither a preset nor a candidate, or a candidate cannot call tools.
    """
    unknown = sorted(arguments.keys() - ARGUMENTS - _LANGCHAIN)
    if unknown:
        known = sorted({*ARGUMENTS, "stop"} - {"structured"} - RENAMED.keys())
        hint = did_you_mean(unknown[0], known) or f"; arguments are: {', '.join(known)}"
        raise QueryError(f"unknown argument {', '.join(unknown)}{hint}")
    given = {name: value for name, value in arguments.items() if value is not None or name in SETTINGS}
    _check_sampling(given)
    name = given.get("model", model)
    request = make_request(
        **{name: given[name] for name in _REQUEST & given.keys()},
        stop=stop,
        sampling={name: given[name] for name in _SAMPLING & given.keys()},
    )
    check_pool(request, pool_of(pool, name))
    return ChatCall(name, request, _context(context, name, given), {name: given[name] for name in IDS & given.keys()})


def _check_sampling(given: Mapping[str, Any]) -> None:
    if not isinstance(given.get("extra_body"), Mapping | None):
        raise QueryError(f"extra_body = {given['extra_body']!r}: it must be a dict of fields of the request body")
    for name in [name for name in _RANGES if name in given]:
        value, (low, high) = given[name], _RANGES[name]
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise QueryError(f"{name} = {value!r}: it must be a number")
        if not low <= value <= high:
            raise QueryError(f"{name} = {value!r}: it must be {low:g} to {high:g}")


def pool_of(pool: Pool, model: str) -> Pool:
    """Return the candidates of the `pool` that answer under the name `model`: all for a preset, else the one.

    Args:
        pool: All candidates of the chat model.
        model: Name of a preset or of a candidate.

    Raises:
        PoolError: If there is no such name.
    """
    if model in {DEFAULT, PAPER}:
        return pool
    if model in pool.names:
        return Pool([pool[model].copied(samples=1)])
    names = [DEFAULT, PAPER, *pool.names]
    msg = f"no model {model!r}{did_you_mean(model, names)}; there are: {', '.join(names)}"
    raise PoolError(msg)


def _context(bound: Context, model: str, given: Mapping[str, Any]) -> Context:
    """Lay the settings of one call over those bound: first a whole context, then single ones."""
    whole = given.get("context")
    if not isinstance(whole, Context | Mapping | None):
        raise ContextError(f"context must be a Context or a dict of its fields, got {type(whole).__name__}")
    base = Context.paper().overlaid(bound) if model == PAPER else bound
    single = {name: given[name] for name in SETTINGS & given.keys()}
    if "timeout" in given:
        single["deadline_s"] = given["timeout"]
    return base.overlaid({PARENT_KEY: whole}).overlaid(single)

"""Makes the parts of a `Router` from what users pass: an object, a built-in name, or a mapping of names to objects."""

from collections.abc import Callable, Mapping
from inspect import iscoroutinefunction, signature
from typing import Any, TypeAlias, TypeVar, Union

from langgraph.cache.base import BaseCache

from lightrouter_graph.aggregators import AutoAggregator, LLMAggregator, TopRankedAggregator, VoteAggregator
from lightrouter_graph.answer_keys import AnswerKey
from lightrouter_graph.answer_keys.equivalence import KeyEquivalence
from lightrouter_graph.context import Context
from lightrouter_graph.errors import SelectionError, did_you_mean, warn_deprecated
from lightrouter_graph.llm.boot_cache import BootCache
from lightrouter_graph.llm.request import Request
from lightrouter_graph.nodes.router import Router
from lightrouter_graph.planning.planner import Planner
from lightrouter_graph.pool import Pool
from lightrouter_graph.priors import Memory, OrderPrior, UniformPrior
from lightrouter_graph.priors.base import warn_if_old
from lightrouter_graph.selectors import ConsistencySelector, HybridSelector, LLMSelector, RandomSelector
from lightrouter_graph.stopping import AgreementStop, FixedTopK

T = TypeVar("T")

Part: TypeAlias = Union[T, str, Mapping[str, T], None]  # noqa: UP007 - a generic alias
"""A part as users pass it: an object, a name, a mapping of names to objects, or None for the default."""

_Factories = Mapping[str, Callable[[], Any]]

_SELECTORS: _Factories = {
    "consistency": ConsistencySelector,
    "llm": LLMSelector,
    "hybrid": lambda: HybridSelector(((ConsistencySelector(), 1.0),), prior=1.0),
    "random": RandomSelector,
}
_AGGREGATORS: _Factories = {
    "auto": AutoAggregator,
    "llm": LLMAggregator,
    "vote": VoteAggregator,
    "top_ranked": TopRankedAggregator,
}
_RENAMED = {"best": "top_ranked"}
"""Names of version 0.1."""

_PRIORS: _Factories = {"order": OrderPrior, "uniform": UniformPrior}
_STOP_RULES: _Factories = {"agreement": AgreementStop, "fixed_top_k": FixedTopK}
_EQUIVALENCES: _Factories = {"key": KeyEquivalence}


def make_router(
    pool: Pool,
    *,
    key: AnswerKey,
    context: Context,
    request: Request,
    selector: Any = None,
    aggregator: Any = None,
    prior: Any = None,
    stop: Any = None,
    equivalence: Any = None,
    memory: Memory | None = None,
    boot_cache: BaseCache[Any] | BootCache | None = None,
) -> Router:
    """Check the parts of a graph, which are as for `create_lightrouter`, and bundle them.

    Raises:
        SelectionError: If a part is unknown, or lacks the method of its protocol.
        ContextError: If the settings name an unknown selector or aggregator.
    """
    problem = f"key must be callable as key(text, question, finished=...), got {type(key).__name__}"
    _check_call(problem, key, "text", "question", finished=True)
    selectors = _named("selector", selector, _SELECTORS, "hybrid", "score")
    aggregators = _named("aggregator", aggregator, _AGGREGATORS, "auto", "merge")
    if memory is not None:
        _check("memory", memory, "observe")
    chosen_prior = _one("prior", prior, _PRIORS, "score") or memory or OrderPrior()
    warn_if_old(chosen_prior)
    for part in (chosen_prior, memory):
        if (observe := getattr(part, "observe", None)) is not None:
            problem = f"{type(part).__name__}.observe must be callable as observe(query, decision)"
            _check_call(problem, observe, "query", "decision")
    context.check_names(list(selectors), list(aggregators))
    return Router(
        pool=pool,
        selectors=selectors,
        aggregators=aggregators,
        prior=chosen_prior,
        stop=_one("stop", stop, _STOP_RULES, "next_candidates", asynchronous=False),
        equivalence=_one("equivalence", equivalence, _EQUIVALENCES, "group") or KeyEquivalence(),
        key=key,
        planner=Planner(selectors, aggregators),
        context=context,
        request=request,
        memory=memory,
        boot_cache=BootCache(boot_cache) if isinstance(boot_cache, BaseCache) else boot_cache,
    )


def _named(seam: str, given: Any, built_in: _Factories, default: str, method: str) -> dict[str, Any]:
    """Return all parts of a seam by name, "default" first."""
    parts = {name: make() for name, make in built_in.items()}
    if given is None:
        return {"default": parts[default], **parts}
    if isinstance(given, str):
        return {"default": parts[_known(seam, given, parts)], **parts}
    if isinstance(given, Mapping):
        if not given:
            msg = f"{seam} = {{}}: a mapping of parts needs at least one name"
            raise SelectionError(msg)
        chosen = {name: parts[_known(seam, p, parts)] if isinstance(p, str) else p for name, p in given.items()}
        for name, part in chosen.items():
            _check(f"{seam}[{name!r}]", part, method)
        return {"default": next(iter(chosen.values())), **parts, **chosen}
    _check(seam, given, method)
    # An object replaces the built-in part of its own class: `Context.paper()` then uses the judge that was passed.
    replaced = {name: given if isinstance(given, type(part)) else part for name, part in parts.items()}
    return {"default": given, **replaced}


def _one(seam: str, given: Any, built_in: _Factories, method: str, *, asynchronous: bool = True) -> Any:
    """Return the part of a seam from which settings cannot choose; None for the default."""
    if isinstance(given, Mapping):
        msg = f"{seam} takes one object or name, not a mapping: settings cannot choose between several"
        raise SelectionError(msg)
    if isinstance(given, str):
        return built_in[_known(seam, given, built_in)]()
    if given is not None:
        _check(seam, given, method, asynchronous=asynchronous)
    return given


def _known(seam: str, name: str, parts: Mapping[str, Any]) -> str:
    if name in _RENAMED:
        warn_deprecated(f"{seam} = {name!r}", repr(_RENAMED[name]))
        name = _RENAMED[name]
    if name not in parts:
        names = ", ".join(map(repr, parts))
        msg = f"unknown {seam} {name!r}{did_you_mean(name, parts)}; built-in are {names}; or pass an object"
        raise SelectionError(msg)
    return name


def _check(seam: str, part: Any, method: str, *, asynchronous: bool = True) -> None:
    found = getattr(part, method, None)
    if not isinstance(part, type) and callable(found) and iscoroutinefunction(found) == asynchronous:
        return
    kind = "an async method" if asynchronous else "a method"
    hint = "; pass an instance, not the class" if isinstance(part, type) else ""
    if callable(found) and not isinstance(part, type):
        hint = f"; write `async def {method}`" if asynchronous else f"; write `def {method}`, without async"
    # The repr of an object may contain a key.
    shown = part.__name__ if isinstance(part, type) else type(part).__name__
    msg = f"{seam}: expected an object with {kind} {method!r}, got {shown}{hint}"
    raise SelectionError(msg)


def _check_call(problem: str, function: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
    try:
        signature(function).bind(*args, **kwargs)
    except TypeError as exc:
        raise SelectionError(problem) from exc

"""`create_lightrouter`: the figure of the paper as a LangGraph graph. This file only wires."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from inspect import iscoroutinefunction, signature
from typing import Any, TypeVar

from langchain_core.language_models import BaseChatModel
from langgraph.cache.base import BaseCache
from langgraph.graph import END, START, StateGraph

from lightrouter_graph.aggregators import (
    Aggregator,
    AutoAggregator,
    LLMAggregator,
    TopRankedAggregator,
    VoteAggregator,
)
from lightrouter_graph.answer_keys import AnswerKey, default_key
from lightrouter_graph.context import Context
from lightrouter_graph.edges import fan_out_boots, fan_out_top_k, next_layer_or_end, next_or_merge
from lightrouter_graph.errors import SelectionError
from lightrouter_graph.llm.boot_cache import BootCache
from lightrouter_graph.llm.request import Request, ResponseFormat, Tool, check_pool, make_request
from lightrouter_graph.nodes import (
    AggregateNode,
    BootNode,
    GenerateNode,
    OpenNode,
    SelectNode,
    TallyNode,
)
from lightrouter_graph.planning import Planner
from lightrouter_graph.pool import Candidate, Pool
from lightrouter_graph.priors import OrderPrior, Prior
from lightrouter_graph.runtime.cancellation import CancellingStateGraph
from lightrouter_graph.runtime.node_runnable import Node
from lightrouter_graph.runtime.run_registry import RunRegistry
from lightrouter_graph.selectors import (
    ConsistencySelector,
    HybridSelector,
    LLMSelector,
    RandomSelector,
    Selector,
)
from lightrouter_graph.state import Input, Output, State, Task

Part = TypeVar("Part")


def create_lightrouter(
    pool: Pool | Sequence[Candidate | BaseChatModel | str],
    *,
    selector: Selector | None = None,
    aggregator: Aggregator | None = None,
    prior: Prior | None = None,
    key: AnswerKey = default_key,
    tools: Sequence[Tool] = (),
    tool_choice: str | bool | Mapping[str, Any] | None = None,
    response_format: ResponseFormat | None = None,
    boot_cache: BaseCache[Any] | BootCache | None = None,
    context: Context | None = None,
) -> "StateGraph[State, Context, Input, Output]":
    """Wire LightRouter over a pool of models.

    The graph is returned uncompiled; compile it with the checkpointer, store and name you need. It takes `messages`
    and appends one answer to them; every other key of its state is private and forgotten with the next query.

    Args:
        pool: The candidates, or a list to make a `Pool` of; their order is your order of trust.
        selector: Who ranks the boots where `Context.selector` is "default" or names its kind. None: consistency and
            prior, half each.
        aggregator: Who merges where `Context.aggregator` is "default" or names its kind. None: a vote where it
            settles, else synthesis.
        prior: Who is believed in before anybody boots. None: the pool's order.
        key: How two answers are compared.
        tools: What every candidate may call: functions, `@tool`s, classes or dicts in OpenAI's shape. The answer may
            then be a message with `tool_calls`; run them, append the results, and ask again.
        tool_choice: "auto", "any", "none", or the name of the tool to call; None for the models' default.
        response_format: What the answer must look like: a pydantic class, a `TypedDict`, a JSON schema or OpenAI's
            `response_format`. Replies that do not fit are dropped; the answer's text is JSON.
        boot_cache: Where boots are kept for the next run that asks the same: a cache of LangGraph's, or a `BootCache`
            to give it a time to live.
        context: The settings; a run's own `context=` is laid over them, field by field.

    Raises:
        PoolError: If the pool is not usable, or a candidate's model takes no tools where some are given.
        QueryError: If a tool, the choice or the format cannot be read.
        SelectionError: If a part has not the method of its seam.

    Returns:
        A `StateGraph` with the nodes open, boot, select, generate, tally and aggregate.

    Example:
        ```python
        router = create_lightrouter(["openai:gpt-5.4-mini", "groq:openai/gpt-oss-20b", "ollama:llama3.2"]).compile()
        result = router.invoke({"messages": [("user", "What is 17 * 23?")]})
        result["messages"][-1].response_metadata["lightrouter"]["bill"]
        ```

    Source: arXiv 2505.16221; where this departs from it, the docstring of the part says so.
    """
    parts = Parts(selector, aggregator, prior, key, _boot_cache(boot_cache))
    request = make_request(tools=tools, tool_choice=tool_choice, response_format=response_format)
    return wire(pool if isinstance(pool, Pool) else Pool(pool), parts, request, context or Context())


@dataclass(frozen=True, slots=True)
class Parts:
    """What was given for the seams; None for the default."""

    selector: Selector | None = None
    aggregator: Aggregator | None = None
    prior: Prior | None = None
    key: AnswerKey = default_key
    boot_cache: BootCache | None = None


def wire(pool: Pool, parts: Parts, request: Request, context: Context) -> "StateGraph[State, Context, Input, Output]":
    """Put the steps and edges together, in data order; `create_lightrouter` says what comes out.

    Args:
        pool: The candidates.
        parts: What was given for the seams.
        request: What every candidate is given and held to.
        context: The settings.
    """
    _check_key(parts.key)
    check_pool(request, pool)
    runs, key = RunRegistry(), parts.key
    selectors, aggregators = _selectors(parts.selector), _aggregators(parts.aggregator)
    planner = Planner(selectors, aggregators)
    builder = CancellingStateGraph(State, Context, input_schema=Input, output_schema=Output)

    builder.add_node("open", Node(OpenNode(pool, key, parts.prior or OrderPrior(), runs, planner, context, request)))
    builder.add_node("boot", Node(BootNode(pool, key, runs, request, parts.boot_cache)), input_schema=Task)
    builder.add_node("select", Node(SelectNode(pool, key, selectors, runs, planner, request)))
    builder.add_node("generate", Node(GenerateNode(pool, key, runs, request)), input_schema=Task)
    builder.add_node("tally", Node(TallyNode(pool, key, runs, planner, request)))
    builder.add_node("aggregate", Node(AggregateNode(pool, key, aggregators, runs, planner, request)))

    builder.add_edge(START, "open")
    builder.add_conditional_edges("open", fan_out_boots, ["boot", "generate"])
    builder.add_edge("boot", "select")
    builder.add_conditional_edges("select", fan_out_top_k, ["generate", "tally", "aggregate"])
    builder.add_edge("generate", "tally")
    builder.add_conditional_edges("tally", next_or_merge, ["generate", "aggregate"])
    builder.add_conditional_edges("aggregate", next_layer_or_end, ["boot", END])
    return builder


def _boot_cache(given: BaseCache[Any] | BootCache | None) -> BootCache | None:
    return BootCache(given) if isinstance(given, BaseCache) else given


def _check_key(key: AnswerKey) -> None:
    try:
        signature(key).bind("text", "question", finished=True)
    except TypeError as exc:
        msg = f"key must be callable as key(text, question, finished=...), got {type(key).__name__}"
        raise SelectionError(msg) from exc


def _selectors(given: Selector | None) -> Mapping[str, Selector]:
    hybrid = HybridSelector(((ConsistencySelector(), 1.0),), prior=1.0)
    named: dict[str, Selector] = {
        "consistency": ConsistencySelector(),
        "llm": LLMSelector(),
        "hybrid": hybrid,
        "random": RandomSelector(),
    }
    return _with_given(named, given, hybrid, "score")


def _aggregators(given: Aggregator | None) -> Mapping[str, Aggregator]:
    named: dict[str, Aggregator] = {
        "auto": AutoAggregator(),
        "llm": LLMAggregator(),
        "vote": VoteAggregator(),
        "best": TopRankedAggregator(),
    }
    return _with_given(named, given, named["auto"], "merge")


def _with_given(named: dict[str, Part], given: Part | None, default: Part, method: str) -> dict[str, Part]:
    """Add what was given as the default, and in the place of its own kind: `Context.paper()` uses a given judge."""
    if given is None:
        return {"default": default, **named}
    if isinstance(given, type) or not iscoroutinefunction(getattr(given, method, None)):
        hint = "; an instance is needed, not the class" if isinstance(given, type) else ""
        hint = "; a name goes into the settings: Context(... = ...)" if isinstance(given, str) else hint
        shown = repr(given) if isinstance(given, type | str) else type(given).__name__  # its own words may hold a key
        msg = f"expected an object with an async method {method!r}, got {shown}{hint}"
        raise SelectionError(msg)
    return {
        "default": given,
        **{name: given if isinstance(given, type(part)) else part for name, part in named.items()},
    }

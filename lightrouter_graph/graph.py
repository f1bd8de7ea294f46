"""`create_lightrouter`: the figure of the paper as a LangGraph graph. This file only wires."""

from collections.abc import Mapping, Sequence
from inspect import signature
from typing import Any

from langchain_core.language_models import BaseChatModel
from langgraph.cache.base import BaseCache
from langgraph.graph import END, START, StateGraph

from lightrouter_graph.aggregators import Aggregator
from lightrouter_graph.answer_keys import AnswerKey, default_key
from lightrouter_graph.answer_keys.equivalence import Equivalence
from lightrouter_graph.context import MAX_LAYERS, PARENT_KEY, Context, context_schema
from lightrouter_graph.edges import route_answers, route_boots, route_layer, route_top_k
from lightrouter_graph.llm.boot_cache import BootCache
from lightrouter_graph.llm.request import ResponseFormat, Tool, check_pool, make_request
from lightrouter_graph.nodes import AggregateNode, BootNode, GenerateNode, OpenNode, Router, SelectNode, TallyNode
from lightrouter_graph.nodes.parts import Part, make_router
from lightrouter_graph.pool import Candidate, Pool
from lightrouter_graph.priors import Memory, Prior
from lightrouter_graph.runtime.cancellation import CancellingStateGraph
from lightrouter_graph.runtime.node_runnable import FanOutRunnable, NodeRunnable
from lightrouter_graph.selectors import Selector
from lightrouter_graph.state import Input, Output, State
from lightrouter_graph.stopping import StopRule


def create_lightrouter(
    pool: Pool | Sequence[Candidate | BaseChatModel | str],
    *,
    selector: Part[Selector] = None,
    aggregator: Part[Aggregator] = None,
    prior: Part[Prior] = None,
    stop: Part[StopRule] = None,
    equivalence: Part[Equivalence] = None,
    key: AnswerKey = default_key,
    memory: Memory | None = None,
    tools: Sequence[Tool] = (),
    tool_choice: str | bool | Mapping[str, Any] | None = None,
    response_format: ResponseFormat | None = None,
    boot_cache: BaseCache[Any] | BootCache | None = None,
    context: Context | Mapping[str, Any] | None = None,
    **settings: Any,
) -> "StateGraph[State, Context, Input, Output]":
    """Build the LightRouter graph over a pool of models.

    The graph is returned uncompiled; compile it with the checkpointer, store and name you need. It takes `messages`
    and appends one answer to them. Every other key of its state is private and is reset with the next query.

    Args:
        pool: The candidates, or a list to make a `Pool` of, the most trusted first.
        selector: Ranks the boots: an object, a built-in name ("consistency", "llm", "hybrid", "random"), or a mapping
            of names to objects, the first of which is the default; `Context.selector` then chooses by name. None:
            consistency and prior, weighted equally.
        aggregator: Merges the answers; an object, a name ("auto", "llm", "vote", "top_ranked") or a mapping. None: a
            vote if it decides, else a synthesis.
        prior: Scores the candidates before they boot; an object or a name ("order", "uniform"). None: pool order.
        stop: Stop rule; an object or a name ("agreement", "fixed_top_k"). None: agreement, or a fixed top-k if
            `Context.agree` is None.
        equivalence: Groups equal answers; an object or the name "key". None: equal keys.
        key: Returns the comparable short answer of a text.
        memory: A prior that learns: its `observe` receives the decision record of each run. It also scores the
            candidates, unless `prior` is given.
        tools: Tools that every candidate may call: functions, `@tool`s, classes or dicts in OpenAI's format. The answer
            may then be a message with `tool_calls`; run them, append the results, and invoke the graph again.
        tool_choice: "auto", "any", "none", or the name of the tool to call; None for the default of the models.
        response_format: Format of the answer: a pydantic class, a `TypedDict`, a JSON schema or OpenAI's
            `response_format`. Replies that do not fit are dropped; the answer's text is JSON.
        boot_cache: Cache of boots: a LangGraph cache, or a `BootCache` for a time to live.
        context: Settings of the graph, or a dict of them; the `context=` of a run is laid over them field by field.
        **settings: Single settings by name, such as `top_k=2`; laid over `context`.

    Returns:
        A `StateGraph` with the nodes open, boot, select, generate, tally and aggregate.

    Raises:
        PoolError: If the pool is not usable, or a candidate's model cannot call tools and some are given.
        QueryError: If a tool, the choice or the format is invalid.
        ContextError: If a setting is unknown or out of range.
        SelectionError: If a part is unknown or lacks the method of its protocol.

    Example:
        ```python
        router = create_lightrouter(["openai:gpt-5.4-mini", "groq:openai/gpt-oss-20b", "ollama:llama3.2"]).compile()
        result = router.invoke({"messages": [("user", "What is 17 * 23?")]})
        result["messages"][-1].response_metadata["lightrouter"]["bill"]
        ```

    Source: arXiv 2505.16221; docstrings of the parts name each deviation from it.
    """
    candidates = pool if isinstance(pool, Pool) else Pool(pool)
    request = make_request(tools=tools, tool_choice=tool_choice, response_format=response_format)
    check_pool(request, candidates)
    router = make_router(
        candidates,
        selector=selector,
        aggregator=aggregator,
        prior=prior,
        stop=stop,
        equivalence=equivalence,
        key=key,
        memory=memory,
        boot_cache=boot_cache,
        context=Context().overlaid({PARENT_KEY: context}).with_settings(settings, _ARGUMENTS),
        request=request,
    )
    return build_graph(router)


_ARGUMENTS = [name for name in signature(create_lightrouter).parameters if name != "settings"]


def build_graph(router: Router) -> "StateGraph[State, Context, Input, Output]":
    """Add the nodes and edges, in data order.

    Args:
        router: The parts and settings that all nodes share.
    """
    schema = context_schema(list(router.selectors), list(router.aggregators))
    builder = CancellingStateGraph(State, schema, input_schema=Input, output_schema=Output)
    # One step for `open`; per layer boot, select, aggregate, and a round of generate and tally per candidate at most.
    builder.max_steps = 1 + MAX_LAYERS * (3 + 2 * len(router.pool))

    builder.add_node("open", NodeRunnable(OpenNode(router)))
    builder.add_node("boot", FanOutRunnable(BootNode(router)))
    builder.add_node("select", NodeRunnable(SelectNode(router)))
    builder.add_node("generate", FanOutRunnable(GenerateNode(router)))
    builder.add_node("tally", NodeRunnable(TallyNode(router)))
    builder.add_node("aggregate", NodeRunnable(AggregateNode(router)))

    builder.add_edge(START, "open")
    builder.add_conditional_edges("open", route_boots, ["boot", "generate"])
    builder.add_edge("boot", "select")
    builder.add_conditional_edges("select", route_top_k, ["generate", "tally", "aggregate"])
    builder.add_edge("generate", "tally")
    builder.add_conditional_edges("tally", route_answers, ["generate", "aggregate"])
    builder.add_conditional_edges("aggregate", route_layer, ["boot", "generate", END])
    return builder

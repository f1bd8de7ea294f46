"""The public API as a type checker sees it; never run, read by mypy."""

from typing import Any, assert_type

from langchain_core.language_models import BaseChatModel
from langgraph.graph import StateGraph

from lightrouter_graph import (
    Aggregator,
    AnswerKey,
    AutoAggregator,
    BestAggregator,
    Candidate,
    ConsistencySelector,
    Context,
    HybridSelector,
    LLMAggregator,
    LLMSelector,
    OracleSelector,
    OrderPrior,
    Pool,
    Price,
    Prior,
    RandomSelector,
    Selector,
    UniformPrior,
    VoteAggregator,
    create_lightrouter,
    default_key,
)
from lightrouter_graph.state import Input, Output, State


def every_part_fits_its_seam(model: BaseChatModel) -> None:
    selectors: list[Selector] = [
        ConsistencySelector(),
        LLMSelector(model),
        HybridSelector(((RandomSelector(), 1.0),)),
        RandomSelector(),
        OracleSelector(lambda question, name: 1.0),
    ]
    aggregators: list[Aggregator] = [AutoAggregator(), LLMAggregator(model), VoteAggregator(), BestAggregator()]
    priors: list[Prior] = [OrderPrior(), UniformPrior()]
    key: AnswerKey = default_key
    del selectors, aggregators, priors, key


def the_graph_keeps_its_types(model: BaseChatModel) -> None:
    candidate = Candidate("a", model, price=Price(0.1, 0.4))
    assert_type(candidate.model, BaseChatModel)
    assert_type(candidate.price, Price | None)
    pool = Pool([candidate, model, "openai:gpt-5.4-mini"])
    assert_type(pool["a"], Candidate)
    assert_type(Context.paper(), Context)
    assert_type(create_lightrouter(pool), StateGraph[State, Context, Input, Output])


async def a_run_is_typed(model: BaseChatModel) -> None:
    graph = create_lightrouter(Pool([model])).compile()
    assert_type(await graph.ainvoke({"messages": []}, context=Context(top_k=2, agree=None)), dict[str, Any] | Any)

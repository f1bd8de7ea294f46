"""The public API as a type checker sees it; never run, read by mypy."""

from typing import Any, assert_type

from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langgraph.cache.memory import InMemoryCache
from langgraph.graph import StateGraph
from pydantic import BaseModel

from lightrouter_graph import (
    Aggregator,
    AnswerKey,
    AutoAggregator,
    BootCache,
    Candidate,
    ChatLightRouter,
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
    TopRankedAggregator,
    UniformPrior,
    VoteAggregator,
    create_lightrouter,
    default_key,
)
from lightrouter_graph.middleware import LightRouterMiddleware
from lightrouter_graph.state import Input, Output, State


def every_part_fits_its_seam(model: BaseChatModel) -> None:
    selectors: list[Selector] = [
        ConsistencySelector(),
        LLMSelector(model),
        HybridSelector(((RandomSelector(), 1.0),)),
        RandomSelector(),
        OracleSelector(lambda question, name: 1.0),
    ]
    aggregators: list[Aggregator] = [AutoAggregator(), LLMAggregator(model), VoteAggregator(), TopRankedAggregator()]
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


class Product(BaseModel):
    product: int


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


async def a_chat_model_is_typed(model: BaseChatModel) -> None:
    chat = ChatLightRouter(
        pool=Pool([model]), model="lightrouter", context=Context(), boot_cache=BootCache(InMemoryCache())
    )
    assert_type(await chat.ainvoke("What?", top_k=2), AIMessage)
    assert_type(await chat.bind_tools([add], tool_choice="any").ainvoke("What?"), AIMessage)
    chat.with_structured_output(Product, method="json_schema")
    create_lightrouter(Pool([model]), tools=[add], response_format=Product, boot_cache=InMemoryCache())
    create_agent(chat, tools=[add], middleware=[LightRouterMiddleware(chat)])

"""The public API as a type checker sees it; never run, read by mypy."""

from collections.abc import Mapping, Sequence
from typing import Any, assert_type

from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langgraph.cache.memory import InMemoryCache
from langgraph.graph import StateGraph
from pydantic import BaseModel

from lightrouter_graph import (
    Aggregator,
    AgreementStop,
    Answer,
    AnswerKey,
    AutoAggregator,
    Boot,
    BootCache,
    Budget,
    Calls,
    Candidate,
    ChatLightRouter,
    Completion,
    ConsistencySelector,
    Context,
    Cost,
    Decision,
    Equivalence,
    FixedTopK,
    HybridSelector,
    KeyEquivalence,
    LayerStatus,
    LLMAggregator,
    LLMSelector,
    Merged,
    OracleSelector,
    OrderPrior,
    Pool,
    Price,
    Prior,
    Query,
    RandomSelector,
    Scores,
    Selector,
    StopRule,
    TopRankedAggregator,
    UniformPrior,
    VoteAggregator,
    cost_of,
    create_lightrouter,
    decision_of,
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
    rules: list[StopRule] = [AgreementStop(), FixedTopK(top_k=2)]
    equivalences: list[Equivalence] = [KeyEquivalence()]
    key: AnswerKey = default_key
    del selectors, aggregators, priors, rules, equivalences, key


class EverySeam:
    """A part of a user's own, written from the documentation alone."""

    async def score(self, query: Query, boots: Sequence[Boot] = ()) -> Scores:
        completion = await query.ask(query.first, [("user", query.text)], max_tokens=100)
        assert_type(completion, Completion)
        return Scores({boot["candidate"]: 0.5 for boot in boots}, "mine")

    async def merge(self, query: Query, answers: Sequence[Answer]) -> Merged:
        return Merged(answers[0]["text"], "mine", answers[0]["candidate"])

    async def group(self, query: Query, answers: Sequence[Answer]) -> Sequence[Sequence[str]]:
        return [[answer["candidate"] for answer in answers]]

    def next_candidates(self, query: Query, status: LayerStatus) -> Sequence[str]:
        return status.candidates[: query.settings.top_k - len(status.answers)]


class ByPrice:
    """A prior of a user's own."""

    async def score(self, query: Query) -> Mapping[str, float]:
        return {candidate.name: 1.0 if candidate.price else 0.5 for candidate in query.pool}


def parts_are_objects_names_or_mappings(pool: Pool) -> None:
    own = EverySeam()
    create_lightrouter(pool, selector=own, aggregator=own, stop=own, equivalence=own, prior=ByPrice())
    create_lightrouter(pool, selector="llm", aggregator={"mine": own}, prior="uniform", stop="fixed_top_k", top_k=2)
    ChatLightRouter(pool, selector={"mine": own}, stop_rule=own)
    Context(budget=Budget(usd=0.01), calls=Calls(timeout_s=9))


def an_answer_has_its_record_and_its_cost(answer: AIMessage) -> None:
    assert_type(decision_of(answer), Decision | None)
    assert_type(cost_of([answer]), Cost)


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

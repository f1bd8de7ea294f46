"""`ChatLightRouter` where models go: its arguments, its stream, its record, its place in chains and agents."""

import asyncio
import json
from typing import Any

import pytest
from helpers import QUESTION, calls, calls_of, decision, long, scripted
from langchain.agents import create_agent
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import get_usage_metadata_callback
from langchain_core.language_models import BaseChatModel
from langchain_core.load import dumpd, load
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.rate_limiters import InMemoryRateLimiter
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from pydantic import BaseModel

from lightrouter_graph import (
    BrokenStreamError,
    Candidate,
    ChatLightRouter,
    Context,
    ContextError,
    LLMAggregator,
    NoSurvivorError,
    Pool,
    PoolError,
    QueryError,
    RandomSelector,
    VoteAggregator,
    create_lightrouter,
)
from lightrouter_graph.testing import Reply, ScriptedChatModel

ONE_WRITES = Context(boot_tokens=5, top_k=1)
MERGED = Context(boot_tokens=5, top_k=2, agree=None, aggregator="llm")


def chat(pool=None, **arguments):
    return ChatLightRouter(pool=pool or scripted(a="It is 4.", b="It is 4.", c="It is 5."), **arguments)


def test_an_answer_carries_text_usage_and_the_decision():
    answer = chat().invoke(QUESTION)
    assert answer.text == "It is 4."
    assert answer.response_metadata["model_name"] == "lightrouter"
    bill = decision(answer)["bill"]
    assert answer.usage_metadata["output_tokens"] == bill["usage"]["output_tokens"] > 0


def test_two_answers_have_two_ids():
    model = chat()
    assert model.invoke(QUESTION).id != model.invoke(QUESTION).id


# Settings


def test_settings_are_laid_over_each_other_call_by_call():
    pool = scripted(a=long("1"), b=long("2"), c=long("3"))
    model = chat(pool, context={"boot_tokens": 5, "agree": None, "top_k": 1})
    assert decision(model.invoke(QUESTION))["settings"]["top_k"] == 1
    assert decision(model.invoke(QUESTION, top_k=2))["settings"]["top_k"] == 2
    whole = decision(model.invoke(QUESTION, context={"top_k": 3, "boot_tokens": 7}))["settings"]
    assert (whole["top_k"], whole["boot_tokens"]) == (3, 7)
    assert decision(model.bind(top_k=2).invoke(QUESTION, context=Context(width=2)))["settings"]["width"] == 2


def test_the_paper_is_a_model_name_away():
    settings = decision(chat(context={"boot_tokens": 9}).invoke(QUESTION, model="lightrouter-paper"))["settings"]
    assert (settings["layers"], settings["selector"], settings["boot_tokens"]) == (2, "llm", 9)


def test_a_candidates_name_asks_it_alone():
    pool = scripted(a="It is 4.", b="It is 5.")
    answer = chat(pool).invoke(QUESTION, model="b")
    assert answer.text == "It is 5."
    assert calls(pool) == {"a": 0, "b": 1}
    assert chat(pool, model="b").invoke(QUESTION).response_metadata["model_name"] == "b"


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"top_k": 0}, ContextError, "top_k = 0"),
        ({"context": {"top_q": 3}}, ContextError, "unknown setting 'top_q'"),
        ({"model": "gpt-9"}, PoolError, "no model 'gpt-9'; there are: lightrouter, lightrouter-paper, a, b, c"),
        ({"topk": 3}, QueryError, r"unknown argument topk \(did you mean 'top_k'\?\)"),
        ({"context": 3}, ContextError, "context must be a Context or a dict of its fields, got int"),
        ({"temperature": -3}, QueryError, "temperature = -3: it must be 0 to 2"),
        ({"top_p": "hot"}, QueryError, "top_p = 'hot': it must be a number"),
        ({"tool_choice": "search"}, QueryError, "tool_choice = 'search'"),
        ({"response_format": {"type": "grammar"}}, QueryError, "response_format"),
    ],
)
def test_a_wrong_argument_is_named(arguments, error, said):
    pool = scripted(a="4", b="4", c="4")
    with pytest.raises(error, match=said):
        chat(pool).invoke(QUESTION, **arguments)
    assert sum(calls(pool).values()) == 0


def test_a_wrong_construction_is_named():
    with pytest.raises(PoolError, match="no model 'z'"):
        chat(model="z")
    with pytest.raises(ContextError, match="top_k = 0"):
        chat(context={"top_k": 0})
    with pytest.raises(PoolError, match="needs a list of candidates"):
        ChatLightRouter(pool="openai:gpt-5.4-mini")
    with pytest.raises(PoolError, match="needs a pool"):
        ChatLightRouter()
    with pytest.raises(PoolError, match="unexpected keyword argument 'nme'"):
        ChatLightRouter([{"nme": "a"}])
    with pytest.raises(ContextError, match="unknown argument 'frequency_penalty' of ChatLightRouter"):
        chat(frequency_penalty=3)
    with pytest.raises(ContextError, match="timeout = 0: input should be greater than 0"):
        chat(timeout=0)


def test_settings_may_be_given_by_their_own_names():
    assert chat(top_k=1, context={"boot_tokens": 9}).context == Context(top_k=1, boot_tokens=9)
    assert chat(calls={"max_retries": 3}).context.calls.max_retries == 3
    with pytest.deprecated_call(match="'max_retries' is deprecated"):
        assert chat(max_retries=3).context.calls.max_retries == 3
    with pytest.raises(ContextError, match="top_k = 0"):
        chat(top_k=0)


def test_tokens_can_be_counted_without_asking_anybody():
    assert chat().get_num_tokens("two words") > 1
    assert chat().get_num_tokens_from_messages([HumanMessage("two words")]) > 1


def test_alone_or_equal_in_every_letter_is_said_so():
    assert decision(chat(scripted(a="4")).invoke(QUESTION))["stopped"] == "single_candidate"
    same = "An answer that no key can read, of many words and no number, in three equal copies"
    assert decision(chat(scripted(a=same, b=same)).invoke(QUESTION))["stopped"] == "same_text"


class Tempered(ScriptedChatModel):
    temperature: float = 0.7


def test_sampling_stop_and_limits_reach_every_candidate():
    pool = Pool([Candidate(name, Tempered(responses=long("4"), name=name)) for name in "ab"])
    heard = []
    for candidate in pool:
        object.__setattr__(candidate, "model", candidate.model.model_copy(update={"callbacks": None}))
    chat(pool, temperature=0.0, max_tokens=60, context=Context(boot_tokens=5)).invoke(QUESTION, stop=["\n"], top_p=0.5)
    for name in "ab":
        heard += calls_of(pool, name)
    assert {call.kwargs["top_p"] for call in heard} == {0.5}
    assert {tuple(call.kwargs["stop"]) for call in heard} == {("\n",)}
    assert {call.max_tokens for call in heard} == {5, 60}


def test_timeout_is_the_deadline_of_the_whole_answer():
    assert decision(chat(timeout=30).invoke(QUESTION))["settings"]["deadline_s"] == 30


# Streaming


async def test_the_answer_streams_while_one_model_writes_it():
    pool = scripted(a=long("4"), b=long("5"))
    chunks = [chunk async for chunk in chat(pool, context=ONE_WRITES).astream(QUESTION)]
    assert len(chunks) > 40
    whole = sum(chunks[1:], chunks[0])
    assert whole.text == long("4")
    assert whole.response_metadata["model_name"] == chunks[0].response_metadata["model_name"] == "lightrouter"
    assert [bool(chunk.usage_metadata) for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    assert decision(whole)["merged_by"] == "a"
    assert [call.streamed for call in calls_of(pool, "a")] == [False, True]


def test_a_merged_answer_streams_synchronously_too():
    pool = scripted(a=long("4"), b=long("5"))
    chunks = list(chat(pool, context=MERGED).stream(QUESTION))
    assert len(chunks) > 40
    assert sum(chunks[1:], chunks[0]).text == long("4")


async def test_what_a_vote_decides_comes_whole():
    chunks = [chunk.text async for chunk in chat().astream(QUESTION)]
    assert chunks == ["It is 4.", ""]


async def test_invoke_streams_from_nobody():
    pool = scripted(a=long("4"), b=long("5"))
    await chat(pool, context=ONE_WRITES).ainvoke(QUESTION)
    assert not any(call.streamed for call in calls_of(pool, "a"))


async def test_a_stream_that_breaks_off_is_an_error_that_holds_the_answer():
    broken = Reply("It is four, for", error=ConnectionError("gone"))
    pool = Pool(
        [
            Candidate("a", ScriptedChatModel(responses=[long("4"), broken], name="a")),
            Candidate("b", ScriptedChatModel(responses=[long("5"), "It is 5."], name="b")),
        ]
    )
    said = []

    async def listen():
        async for chunk in chat(pool, context=ONE_WRITES).astream(QUESTION):
            said.append(chunk.text)  # noqa: PERF401 - a comprehension would lose it with the error

    with pytest.raises(BrokenStreamError) as caught:
        await listen()
    assert "".join(said) == "It is four, for"
    assert caught.value.answer.text == "It is 5."


async def test_closing_the_stream_ends_the_calls():
    model = ScriptedChatModel(responses=["word " * 9, Reply("It is", hang=True)], name="a")
    pool = Pool([Candidate("a", model), Candidate("b", ScriptedChatModel(responses="word " * 9, name="b"))])
    stream = chat(pool, context=ONE_WRITES).astream(QUESTION)
    await anext(stream)
    await stream.aclose()
    async with asyncio.timeout(5):
        while not model.calls[-1].cancelled:  # noqa: ASYNC110 - the log has no event to wait for
            await asyncio.sleep(0)


# Places


def test_batch_with_config_and_fallbacks():
    model = chat()
    assert [a.text for a in model.batch([QUESTION, QUESTION])] == ["It is 4.", "It is 4."]
    assert model.with_config(tags=["mine"]).invoke(QUESTION).text == "It is 4."
    down = chat(scripted(a=ConnectionError("down"), b=ConnectionError("down")))
    assert down.with_fallbacks([model]).invoke(QUESTION).text == "It is 4."
    with pytest.raises(NoSurvivorError, match="disconnected"):
        down.invoke(QUESTION)


async def test_abatch_and_two_loops():
    answers = await chat().abatch([QUESTION] * 3)
    assert {a.text for a in answers} == {"It is 4."}


def test_a_second_event_loop_is_no_trouble():
    model = chat()
    assert asyncio.run(model.ainvoke(QUESTION)).text == asyncio.run(model.ainvoke(QUESTION)).text


@pytest.mark.parametrize("way", ["invoke", "ainvoke", "astream"])
async def test_tokens_are_counted_once(way):
    with get_usage_metadata_callback() as counted:
        if way == "invoke":
            answer = chat().invoke(QUESTION)
        elif way == "ainvoke":
            answer = await chat().ainvoke(QUESTION)
        else:
            chunks = [chunk async for chunk in chat().astream(QUESTION)]
            answer = sum(chunks[1:], chunks[0])
    assert counted.usage_metadata.keys() == {"lightrouter"}
    assert counted.usage_metadata["lightrouter"]["total_tokens"] == answer.usage_metadata["total_tokens"]


def test_a_rate_limiter_of_ones_own_holds():
    limiter = InMemoryRateLimiter(requests_per_second=1000, check_every_n_seconds=0.001, max_bucket_size=10)
    assert chat(rate_limiter=limiter).invoke(QUESTION).text == "It is 4."


@tool
def weather(city: str) -> str:
    """Tell the weather of a city."""
    return f"sunny in {city}"


def reporter(messages):
    if isinstance(messages[-1], ToolMessage):
        return f"It is {messages[-1].content}."
    asked = "Rome" if sum(isinstance(m, ToolMessage) for m in messages) else "Paris"
    return AIMessage("", tool_calls=[{"name": "weather", "args": {"city": asked}, "id": "c1", "type": "tool_call"}])


async def test_an_agent_goes_through_its_tool_loop():
    pool = scripted(a=reporter, b=long("nothing"), c=reporter)
    agent = create_agent(chat(pool), tools=[weather], checkpointer=InMemorySaver())
    thread = {"configurable": {"thread_id": "t"}}
    first = await agent.ainvoke({"messages": [HumanMessage("The weather in Paris?")]}, thread)
    assert [m.type for m in first["messages"]] == ["human", "ai", "tool", "ai"]
    assert first["messages"][-1].text == "It is sunny in Paris."
    # A server that numbers its calls anew each turn must not make two calls with one id.
    second = await agent.ainvoke({"messages": [HumanMessage("And in Rome?")]}, thread)
    ids = [call["id"] for m in second["messages"] if isinstance(m, AIMessage) for call in m.tool_calls]
    assert len(ids) == len(set(ids)) == 2
    assert second["messages"][-1].text == "It is sunny in Rome."


@pytest.mark.parametrize("subgraphs", [False, True])
async def test_in_an_agent_only_the_answers_tokens_stream(subgraphs):
    talker = scripted(a=long("4"), b=long("5"))
    agent = create_agent(chat(talker, context=ONE_WRITES), tools=[weather])
    asked = {"messages": [HumanMessage(QUESTION)]}
    parts = agent.astream(asked, stream_mode=["messages", "custom"], subgraphs=subgraphs, version="v2")
    seen = [part async for part in parts]
    said = [part["data"][0] for part in seen if part["type"] == "messages"]
    assert "".join(m.text for m in said) == long("4")
    assert all(isinstance(m, AIMessageChunk) for m in said)
    told = [part["data"]["event"] for part in seen if part["type"] == "custom"]
    assert told == ["opened", "boot", "boot", "ranked", "answer", "tallied", "billed"]


async def test_an_agent_that_does_not_stream_tokens_tells_the_story_once_too():
    agent = create_agent(chat(scripted(a="4", b="5")), tools=[weather])
    for subgraphs in (False, True):
        parts = agent.astream({"messages": [HumanMessage(QUESTION)]}, stream_mode="custom", subgraphs=subgraphs)
        told = [(part[1] if subgraphs else part)["event"] async for part in parts]
        assert told.count("opened") == told.count("billed") == 1


async def test_events_of_the_models_inside_are_not_events_of_the_agent():
    events = chat(scripted(a=long("4"), b=long("5")), context=ONE_WRITES).astream_events(QUESTION)
    texts = [e["data"]["chunk"].text async for e in events if e["event"] == "on_chat_model_stream"]
    assert "".join(texts) == long("4")


# What it says of itself


@pytest.mark.filterwarnings("ignore:The function `load` is in beta")
def test_it_can_be_written_down_and_read_back():
    specs = ["vllm:oak@http://127.0.0.1:9/v1", {"name": "elm", "model": "vllm:elm@http://127.0.0.1:9/v1"}]
    model = ChatLightRouter(pool=specs, context={"top_k": 3}, temperature=0.5, model="elm")
    written = dumpd(model)
    assert json.loads(json.dumps(written)) == written
    read = load(written, allowed_objects=[ChatLightRouter], valid_namespaces=["lightrouter_graph"])
    assert read.asdict() == model.asdict()
    assert read.pool.names == model.pool.names


@pytest.mark.parametrize("arguments", [{}, {"selector": RandomSelector()}])
def test_what_cannot_be_written_down_says_so(arguments):
    pool = scripted(a="4") if not arguments else ["vllm:oak@http://127.0.0.1:9/v1"]
    assert dumpd(ChatLightRouter(pool=pool, **arguments))["type"] == "not_implemented"


def test_no_key_shows(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret-key")
    model = ChatLightRouter(pool=["openai:gpt-5.4-mini"])
    told = f"{model!r} {model.asdict()} {json.dumps(dumpd(model))} {model._get_ls_params()}"
    assert "very-secret" not in told


def test_its_profile_is_that_of_the_narrowest_candidate(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none")
    wide = ScriptedChatModel(
        responses="", name="w", profile={"max_input_tokens": 10**6, "image_inputs": True, "tool_calling": True}
    )
    narrow = ScriptedChatModel(responses="", name="n", profile={"max_input_tokens": 1000, "image_inputs": False})
    profile = ChatLightRouter(pool=[wide, narrow]).profile
    assert profile == {
        "max_input_tokens": 1000,
        "image_inputs": False,
        "tool_calling": True,
        "structured_output": False,
    }
    assert ChatLightRouter(pool=["openai:gpt-5.4-mini"]).profile["structured_output"]


def test_a_cache_of_langchains_keeps_two_pools_apart():
    cache = InMemoryCache()
    assert chat(scripted(a="It is 4."), cache=cache).invoke(QUESTION).text == "It is 4."
    assert chat(scripted(b="It is 5."), cache=cache).invoke(QUESTION).text == "It is 5."
    again = scripted(a="It is 6.")
    assert chat(again, cache=cache).invoke(QUESTION).text == "It is 4."
    assert calls(again) == {"a": 0}


class Sum(BaseModel):
    """A sum."""

    value: int


@pytest.mark.parametrize("method", ["json_mode", "json_schema"])
def test_objects_that_do_not_fit_are_dropped_in_every_mode(method):
    pool = scripted(a='{"value": "four"}', b='{"value": 4}', c='{"value": 4}')
    asked = chat(pool).with_structured_output(Sum, method=method, include_raw=True)
    result = asked.invoke("2 + 2 as JSON with a value?")
    assert result["parsed"] == Sum(value=4)
    assert "invalid: value: 'four' is not of type 'integer'" in str(decision(result["raw"])["candidates"])


def test_a_cache_of_langchains_knows_every_difference():
    def key(**arguments):
        pool = arguments.pop("pool", ["vllm:a@http://127.0.0.1:1/v1"])
        return ChatLightRouter(pool, **arguments)._get_llm_string()

    keys = [
        key(),
        key(pool=["vllm:a@http://127.0.0.1:2/v1"]),
        key(stop=["."]),
        key(aggregator=VoteAggregator()),
        key(aggregator=LLMAggregator()),
        key(top_k=1),
    ]
    assert len(set(keys)) == len(keys)
    assert key() == keys[0]


class GraphModel(BaseChatModel):
    """A candidate that runs a compiled LightRouter graph itself."""

    graph: Any

    @property
    def _llm_type(self):
        return "graph"

    def _generate(self, messages, stop=None, run_manager=None, **kwargs):
        raise AssertionError("only asynchronous here")

    async def _agenerate(self, messages, stop=None, run_manager=None, **kwargs):
        state = await self.graph.ainvoke({"messages": [HumanMessage("Say a word.")]})
        return ChatResult(
            generations=[ChatGeneration(message=AIMessage(f'{{"word": "{state["messages"][-1].text}"}}'))]
        )


async def test_a_graph_inside_a_candidate_does_not_get_the_request_of_the_chat_model():
    inner = create_lightrouter(scripted(a="tree", b="tree")).compile()
    outer = ChatLightRouter([Candidate("inner", GraphModel(graph=inner))])
    schema = {"title": "Word", "type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"]}
    answer = await outer.ainvoke("A word, please", response_format=schema)
    assert json.loads(answer.text) == {"word": "tree"}

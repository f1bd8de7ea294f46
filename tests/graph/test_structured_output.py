"""Structured output through the whole graph: what fits is compared field by field, and one whole object wins."""

import asyncio
import json
import re
from itertools import repeat
from typing import Literal

import pytest
from helpers import QUESTION, calls, calls_of, decision, run, scripted
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from lightrouter_graph import (
    Candidate,
    ChatLightRouter,
    Context,
    LLMAggregator,
    NoSurvivorError,
    Pool,
    QueryError,
    VoteAggregator,
    create_lightrouter,
)
from lightrouter_graph.testing import RecordedModelServer, Reply, VirtualClock

ALL = Context(width=None, agree=None, top_k=9, aggregator="vote")
SPLIT = {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}}
SCHEMA = {"title": "Pair", **SPLIT, "required": ["a", "b"]}


class Address(BaseModel):
    street: str
    zip: str | None = None


class Person(BaseModel):
    """Somebody."""

    name: str
    age: int = Field(ge=0)
    kind: Literal["friend", "foe"] | None = None
    homes: list[Address] = []


class PersonDict(TypedDict):
    """Somebody."""

    name: str
    age: int


PERSON = {"name": "Ann", "age": 7}
OTHER = {"name": "Bob", "age": 8}
OPENAI = {"type": "json_schema", "json_schema": {"name": "Person", "schema": Person.model_json_schema()}}


def wrote(value):
    return json.dumps(value)


def pair(a, b):
    return wrote({"a": a, "b": b})


def filled(name, args, call_id="c1", text=""):
    return Reply(text, tool_calls=[{"name": name, "args": args, "id": call_id, "type": "tool_call"}])


def fates(message):
    return {c["candidate"]: (c["outcome"], c["why"]) for c in decision(message)["candidates"]}


# formats ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wanted",
    [Person, PersonDict, Person.model_json_schema(), OPENAI, {"type": "json_object"}],
    ids=["pydantic", "TypedDict", "JSON schema", "OpenAI's", "any object"],
)
async def test_objects_that_agree_are_the_answer_in_any_format(wanted):
    pool = scripted(a=wrote(PERSON), b=f"```json\n{wrote({'age': 7.0, 'name': 'Ann'})}\n```", c=wrote(OTHER))
    message = await run(pool, response_format=wanted)
    assert json.loads(message.text) == PERSON
    assert decision(message)["agreement"]["agreed"] == 2


async def test_nested_and_optional_fields_are_compared_too():
    near = {**PERSON, "kind": "friend", "homes": [{"street": "High", "zip": None}]}
    far = {**near, "homes": [{"street": "High", "zip": "1"}]}
    message = await run(scripted(a=wrote(far), b=wrote(near), c=wrote(near)), ALL, response_format=Person)
    assert json.loads(message.text) == near


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("Ann is seven.", "invalid: it is not JSON"),
        ('{"name": "Ann", "age": ', "invalid: it is not JSON"),
        (wrote({"name": "Ann"}), "invalid: 'age' is a required property"),
        (wrote({"name": "Ann", "age": "seven"}), "invalid: age: "),
        (wrote({"name": "Ann", "age": -1}), "invalid: age: -1 is less than the minimum of 0"),
        (wrote([PERSON]), "invalid: "),
    ],
)
async def test_what_does_not_fit_is_dropped_with_the_reason(said, reason):
    message = await run(scripted(a=said, b=wrote(PERSON), c=wrote(PERSON)), response_format=Person)
    assert json.loads(message.text) == PERSON
    fate, why = fates(message)["a"]
    assert fate == "failed"
    assert why.startswith(reason)


async def test_where_nothing_fits_the_error_names_each_reason():
    with pytest.raises(NoSurvivorError) as caught:
        await run(scripted(a="Ann.", b=wrote({"name": "Ann"})), response_format=Person)
    assert caught.value.failures == {
        "a": "invalid: it is not JSON",
        "b": "invalid: 'age' is a required property",
    }


async def test_a_majority_that_does_not_fit_wins_nothing():
    pool = scripted(a=wrote({"name": "Bob"}), b=wrote({"name": "Bob"}), c=wrote(PERSON))
    assert json.loads((await run(pool, ALL, response_format=Person)).text) == PERSON


async def test_the_answers_text_is_json_whatever_was_around_it():
    fenced = f"Here it is:\n```json\n{wrote(PERSON)}\n```"
    message = await run(scripted(a=fenced, b=fenced), response_format=Person)
    assert json.loads(message.text) == PERSON


async def test_a_default_left_out_agrees_with_a_default_written():
    pool = scripted(a=wrote(PERSON), b=wrote({**PERSON, "kind": None, "homes": []}))
    assert decision(await run(pool, response_format=Person))["agreement"]["agreed"] == 2


async def test_a_bad_format_is_refused_before_anything_is_paid():
    pool = scripted(a="{}", b="{}")
    with pytest.raises(QueryError, match="response_format"):
        create_lightrouter(pool, response_format={"type": "grammar"})
    with pytest.raises(QueryError, match="response_format"):
        await ChatLightRouter(pool=pool).ainvoke(QUESTION, response_format={"type": "grammar"})
    assert calls(pool) == {"a": 0, "b": 0}


# what reaches the models -----------------------------------------------------------------------------------


def known_as(mode, said=None):
    said = wrote(PERSON) if said is None else said
    models = scripted(a=said, b=said)
    return Pool([Candidate(c.name, c.model, json_mode=mode) for c in models])


@pytest.mark.parametrize(
    ("mode", "sent", "asked_in_words"),
    [("json_schema", "json_schema", False), ("json_object", "json_object", True), (None, None, True)],
)
async def test_each_candidate_is_asked_in_the_way_it_understands(mode, sent, asked_in_words):
    pool = known_as(mode)
    await run(pool, response_format=Person)
    for name in "ab":
        call = calls_of(pool, name)[0]
        assert call.kwargs.get("response_format", {}).get("type") == sent
        assert (len(call.messages) == 2) is asked_in_words
        if asked_in_words:
            told = call.messages[-1].text
            assert "JSON" in told
            assert '"minimum": 0' in told


@pytest.mark.parametrize(("mode", "asked_in_words"), [("json_schema", False), ("json_object", False), (None, True)])
async def test_any_object_is_asked_for_by_json_mode_or_in_words(mode, asked_in_words):
    pool = known_as(mode)
    await run(pool, response_format={"type": "json_object"})
    call = calls_of(pool, "a")[0]
    assert call.kwargs.get("response_format") == (None if mode is None else {"type": "json_object"})
    assert (len(call.messages) == 2) is asked_in_words


async def test_a_mixed_pool_is_asked_each_in_its_own_way():
    pool = Pool([known_as("json_schema")["a"], known_as(None)["b"]])
    message = await run(pool, response_format=Person)
    assert json.loads(message.text) == PERSON
    assert len(calls_of(pool, "a")[0].messages) == 1
    assert len(calls_of(pool, "b")[0].messages) == 2


async def test_a_boot_of_json_is_never_continued():
    pool = scripted(a=wrote(PERSON), b=wrote(OTHER), continuation="prefill", continues=True)
    message = await run(pool, Context(boot_tokens=3, agree=None, top_k=1), response_format=Person)
    assert json.loads(message.text) == PERSON
    assert calls_of(pool, "a")[-1].messages[-1].type == "human"


async def test_the_judge_and_the_candidates_have_schemas_of_their_own():
    pool = known_as("json_schema")
    await run(pool, Context.paper(layers=1, agree=None), response_format={"type": "json_object"})
    formats = [c.kwargs["response_format"] for n in "ab" for c in calls_of(pool, n)]
    assert {"type": "json_object"} in formats


def openai_pool(server, *names, mode="json_schema"):
    models = {n: ChatOpenAI(model=n, base_url=server.base_url, api_key="none", max_retries=0) for n in names}
    return Pool([Candidate(n, model, json_mode=mode) for n, model in models.items()])


def server_of(**said):
    return RecordedModelServer(responders={n: lambda body, text=text: text for n, text in said.items()})


async def wired(wanted, **wiring):
    """Return the bodies that two models of an OpenAI-compatible server are sent."""
    with server_of(a=wrote(PERSON), b=wrote(PERSON)) as server:
        await run(openai_pool(server, "a", "b"), response_format=wanted, **wiring)
        server.wait_until_idle()
        return [request.body for request in server.requests]


async def test_openai_is_sent_name_and_schema():
    for body in await wired(Person):
        assert body["response_format"]["type"] == "json_schema"
        assert body["response_format"]["json_schema"]["name"] == "Person"
        assert body["response_format"]["json_schema"]["schema"]["required"] == ["name", "age"]
        assert len(body["messages"]) == 1


@pytest.mark.parametrize("title", ["Weather report", "Box[int]", "Größe", "x" * 80])
async def test_the_name_of_a_schema_is_one_that_openai_takes(title):
    for body in await wired({**Person.model_json_schema(), "title": title}):
        assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", body["response_format"]["json_schema"]["name"])


async def test_strict_and_description_of_a_format_are_sent_on():
    inner = {"name": "Person", "schema": Person.model_json_schema(), "strict": True, "description": "Somebody."}
    for body in await wired({"type": "json_schema", "json_schema": inner}):
        assert body["response_format"]["json_schema"]["strict"] is True
        assert body["response_format"]["json_schema"]["description"] == "Somebody."


async def test_a_cut_boot_of_openai_is_a_boot():
    long_name = {"name": "Ann " * 100, "age": 7}
    with server_of(a=wrote(long_name), b=wrote(long_name)) as server:
        message = await run(openai_pool(server, "a", "b"), Context(boot_tokens=20), response_format=Person)
    assert json.loads(message.text) == long_name


async def test_tools_and_a_format_go_together_at_openai():
    tool = {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}
    for body in await wired(Person, tools=[tool]):
        assert body["tools"]


async def test_tools_and_a_format_go_together():
    tool = {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}
    called = filled("weather", {"city": "Rome"})
    message = await run(scripted(a=called, b=called, c="It is sunny."), ALL, response_format=Person, tools=[tool])
    assert message.tool_calls[0]["args"] == {"city": "Rome"}
    assert fates(message)["c"] == ("failed", "invalid: it is not JSON")


# what is cut off -------------------------------------------------------------------------------------------


async def test_a_boot_that_ends_within_an_object_is_written_anew():
    pool = scripted(a=wrote(PERSON), b=wrote(PERSON))
    message = await run(pool, Context(boot_tokens=3), response_format=Person)
    assert json.loads(message.text) == PERSON
    assert decision(message)["candidates"][0]["via"] == "regeneration"


async def test_half_an_object_is_no_answer():
    with pytest.raises(NoSurvivorError, match="a: "):
        await run(scripted(a=wrote(PERSON)), Context(max_tokens=3), response_format=Person)


async def test_half_an_object_does_not_end_the_run():
    short = wrote({"name": "Ann", "age": 7})
    pool = scripted(a=wrote({"name": "Ann " * 50, "age": 7}), b=short)
    try:
        message = await run(pool, Context(boot_tokens=40, max_tokens=40), response_format=Person)
    except json.JSONDecodeError as exc:
        raise NoSurvivorError(layer=1, failures={"a": "the run broke"}) from exc
    assert message.text == short


async def test_a_draft_in_words_is_no_last_resort():
    broken = ConnectionError("gone")
    pool = scripted(a=[wrote(PERSON), "A draft in words.", broken, broken], b=[wrote(OTHER), broken, broken])
    context = Context(layers=2, boot_tokens=3, agree=None, top_k=2, aggregator="llm", selector="consistency")
    with pytest.raises(NoSurvivorError):
        await run(pool, context, response_format=Person)


# the vote --------------------------------------------------------------------------------------------------

PAIRS = st.tuples(st.integers(0, 2), st.integers(0, 2))
QUICK = settings(max_examples=25, deadline=None)


@QUICK
@given(st.lists(PAIRS, min_size=1, max_size=5))
def test_the_answer_is_an_object_that_somebody_wrote(pairs):
    pool = scripted(**{f"m{n}": pair(*one) for n, one in enumerate(pairs)})
    message = asyncio.run(run(pool, ALL, response_format=SCHEMA))
    assert message.text in {pair(*one) for one in pairs}


@QUICK
@given(st.lists(PAIRS, min_size=2, max_size=4), st.randoms())
def test_the_order_of_arrival_changes_nothing(pairs, random):
    answers = set()
    for _ in range(2):
        clock, waits = VirtualClock(), random.sample(range(len(pairs)), len(pairs))
        replies = {f"m{n}": Reply(pair(*one), delay_s=1.0 + waits[n]) for n, one in enumerate(pairs)}
        pool = scripted(**replies)
        for candidate in pool:
            candidate.model.clock = clock
        answers.add(asyncio.run(run(pool, ALL, response_format=SCHEMA)).text)
    assert len(answers) == 1


@QUICK
@given(PAIRS, PAIRS, PAIRS, st.permutations("abcde"))
def test_a_majority_that_agrees_wins_wherever_it_stands(winner, one, other, names):
    said = dict(zip(names, [winner, winner, winner, one, other], strict=True))
    pool = scripted(**{name: pair(*said[name]) for name in "abcde"})
    aggregator = VoteAggregator()
    context = ALL.model_copy(update={"aggregator": "default"})
    graph = create_lightrouter(pool, aggregator=aggregator, prior=Level(), response_format=SCHEMA).compile()
    message = asyncio.run(graph.ainvoke({"messages": [("user", QUESTION)]}, context=context))["messages"][-1]
    assert message.text == pair(*winner)


class Level:
    """Scores all alike."""

    async def score(self, query):
        return dict.fromkeys(query.pool.names, 1.0)


async def test_fields_lend_votes_but_are_never_mixed():
    pool = scripted(a=pair(1, 1), b=pair(1, 2), c=pair(3, 2))
    message = await run(pool, ALL, response_format=SCHEMA, prior=Level())
    assert message.text == pair(1, 2)
    assert decision(message)["merged"] == "vote"


APART = {"a": (1, 9, 5), "b": (1, 2, 6), "c": (3, 2, 5)}
THREE = {
    "title": "Three",
    "type": "object",
    "properties": {name: {"type": "integer"} for name in "xyz"},
    "required": list("xyz"),
}


def three(values):
    return dict(zip("xyz", values, strict=True))


async def test_no_aggregator_mixes_fields():
    for aggregator in ("auto", "vote", "top_ranked"):
        pool = scripted(**{name: wrote(three(values)) for name, values in APART.items()})
        message = await run(pool, ALL.model_copy(update={"aggregator": aggregator}), response_format=THREE)
        assert json.loads(message.text) in [three(values) for values in APART.values()]
        assert sum(calls(pool).values()) == 3


async def test_a_model_may_merge_objects_where_it_is_asked_to():
    pool = scripted(a=[pair(1, 1), pair(1, 2)], b=pair(2, 2))
    message = await run(pool, ALL.model_copy(update={"aggregator": "llm"}), response_format=SCHEMA)
    assert (message.text, decision(message)["merged"]) == (pair(1, 2), "synthesis")
    told = [m.text for m in calls_of(pool, "a")[-1].messages]
    assert "best-ranked first" in told[-2]
    assert "JSON schema of Pair" in told[-1]


async def test_a_merged_object_that_does_not_fit_leaves_it_to_the_vote():
    pool = scripted(a=[pair(1, 1), "Both are right."], b=pair(2, 2))
    message = await run(pool, ALL.model_copy(update={"aggregator": "llm"}), response_format=SCHEMA)
    assert message.text in {pair(1, 1), pair(2, 2)}
    assert decision(message)["merge_notes"]["aggregator_problem"] == "a: invalid: it is not JSON"


async def test_a_draft_is_words_though_an_object_is_asked_for():
    pool = scripted(a=[wrote(PERSON), "A draft.", wrote(PERSON)], b=[wrote(OTHER), wrote(PERSON)])
    context = Context(layers=2, agree=None, top_k=2, aggregator="llm", selector="consistency")
    message = await run(pool, context, response_format=Person)
    assert json.loads(message.text) == PERSON
    drafting = calls_of(pool, "a")[1].messages
    assert "intermediate answer" in drafting[-1].text
    assert "JSON schema" not in drafting[-1].text
    assert "A draft." in calls_of(pool, "b")[-1].messages[1].text


async def test_objects_go_through_strict_checkpoints():
    saver = InMemorySaver(serde=JsonPlusSerializer(allowed_msgpack_modules=None))
    graph = create_lightrouter(scripted(a=wrote(PERSON), b=wrote(OTHER)), response_format=Person, context=ALL)
    graph = graph.compile(checkpointer=saver, interrupt_before=["aggregate"])
    thread = {"configurable": {"thread_id": "1"}}
    await graph.ainvoke({"messages": [("user", QUESTION)]}, thread)
    result = await graph.ainvoke(None, thread)
    assert json.loads(result["messages"][-1].text) in [PERSON, OTHER]


# with_structured_output ------------------------------------------------------------------------------------


def chat(pool, **arguments):
    return ChatLightRouter(pool=pool, **arguments)


def by_method(method, *objects):
    """Let candidates give these objects in the form the method asks for."""
    said = [
        filled("Person", one, f"c{n}") if method == "function_calling" else wrote(one) for n, one in enumerate(objects)
    ]
    return scripted(**dict(zip("abcde", said, strict=False)))


METHODS = ["function_calling", "json_schema", "json_mode"]


@pytest.mark.parametrize("method", METHODS)
async def test_a_class_comes_back_as_its_instance(method):
    model = chat(by_method(method, PERSON, PERSON)).with_structured_output(Person, method=method)
    assert await model.ainvoke(QUESTION) == model.invoke(QUESTION) == Person(**PERSON)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "schema", [{**Person.model_json_schema(), "title": "Person"}, PersonDict], ids=["dict", "typed"]
)
def test_other_schemas_come_back_as_dicts(method, schema):
    said = filled(schema["title"] if isinstance(schema, dict) else "PersonDict", PERSON)
    pool = scripted(a=said, b=said) if method == "function_calling" else by_method(method, PERSON, PERSON)
    assert chat(pool).with_structured_output(schema, method=method).invoke(QUESTION) == PERSON


@pytest.mark.parametrize("method", METHODS)
def test_the_raw_answer_comes_beside_the_object(method):
    pool = by_method(method, PERSON, PERSON)
    got = chat(pool).with_structured_output(Person, method=method, include_raw=True).invoke(QUESTION)
    assert got["parsed"] == Person(**PERSON)
    assert got["parsing_error"] is None
    assert decision(got["raw"])["agreement"]["agreed"] == 2
    assert got["raw"].usage_metadata["output_tokens"] == sum(calls_of(pool, n)[0].output_tokens for n in "ab")


def test_an_unknown_method_is_named():
    with pytest.raises(QueryError, match="got 'xml'"):
        chat(scripted(a="{}")).with_structured_output(Person, method="xml")


@pytest.mark.parametrize("method", METHODS)
def test_what_does_not_fit_never_wins(method):
    pool = by_method(method, {"name": "Bob"}, {"name": "Bob"}, PERSON)
    assert chat(pool, context=ALL).with_structured_output(Person, method=method).invoke(QUESTION) == Person(**PERSON)


@pytest.mark.parametrize("method", METHODS)
def test_where_nothing_fits_nobody_is_taken(method):
    pool = by_method(method, {"name": "Bob"}, {"age": 3})
    with pytest.raises(NoSurvivorError, match="invalid"):
        chat(pool).with_structured_output(Person, method=method).invoke(QUESTION)


@pytest.mark.parametrize("context", [Context(), ALL], ids=["default", "all"])
def test_words_never_win_over_an_object(context):
    pool = scripted(a="The answer is 7.", b="The answer is 7.", c=filled("Person", PERSON))
    assert chat(pool, context=context).with_structured_output(Person).invoke(QUESTION) == Person(**PERSON)


def test_objects_of_calls_are_voted_on_field_by_field():
    pool = by_method(
        "function_calling", {"name": "Bob", "age": 7}, {"name": "Ann", "age": 8}, {"name": "Ann", "age": 7}
    )
    model = chat(pool, context=ALL, prior=Level(), aggregator=VoteAggregator())
    got = model.with_structured_output(Person, include_raw=True).invoke(QUESTION)
    assert decision(got["raw"])["merged"] == "vote"


def test_the_tool_is_forced_on_every_candidate():
    pool = by_method("function_calling", PERSON, PERSON)
    chat(pool).with_structured_output(Person).invoke(QUESTION)
    assert [calls_of(pool, n)[0].kwargs["tool_choice"] for n in "ab"] == ["Person", "Person"]


def test_strict_reaches_the_tool():
    whole = {**PERSON, "kind": None, "homes": []}
    pool = by_method("function_calling", whole, whole)
    chat(pool).with_structured_output(Person, strict=True).invoke(QUESTION)
    assert calls_of(pool, "a")[0].kwargs["tools"][0]["function"]["strict"] is True


def test_strict_reaches_the_schema():
    pool = known_as("json_schema")
    chat(pool).with_structured_output(Person, method="json_schema", strict=True).invoke(QUESTION)
    assert calls_of(pool, "a")[0].kwargs["response_format"]["json_schema"]["strict"] is True


async def test_objects_stream_as_they_are():
    model = chat(by_method("json_schema", PERSON, PERSON)).with_structured_output(
        {**Person.model_json_schema(), "title": "Person"}, method="json_schema"
    )
    assert [part async for part in model.astream(QUESTION)][-1] == PERSON


async def test_a_synthesis_under_function_calling_is_no_synthesis():
    """A text merged from calls would be no call: the vote decides, and no writer is asked."""
    writer = GenericFakeChatModel(messages=repeat(AIMessage("never")))
    pool = scripted(a=filled("Person", PERSON, text="a"), b=filled("Person", OTHER, text="b"))
    model = chat(pool, context=ALL.model_copy(update={"aggregator": "llm"}), aggregator=LLMAggregator(writer))
    assert await model.with_structured_output(Person).ainvoke(QUESTION) in [Person(**PERSON), Person(**OTHER)]
    assert sum(calls(pool).values()) == 2


# the bill --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("context", [Context(), ALL, Context(boot_tokens=3), Context(width=1)], ids=str)
async def test_usage_adds_up_and_what_was_dropped_is_paid_for(context):
    pool = scripted(a="Ann is seven.", b=wrote(PERSON), c=wrote(OTHER))
    message = await run(pool, context, response_format=Person)
    seen = [one for name in "abc" for one in calls_of(pool, name)]
    assert message.usage_metadata["output_tokens"] == sum(one.output_tokens for one in seen)
    assert message.usage_metadata["input_tokens"] == sum(one.input_tokens for one in seen)
    assert decision(message)["bill"]["calls"] == len(seen)

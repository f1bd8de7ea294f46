"""Tool calls through the whole graph: compared by what they call, passed on as they were written, never merged."""

import json
from dataclasses import dataclass
from itertools import repeat

import pytest
from helpers import QUESTION, calls, calls_of, decision, events, long, run, scripted
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition

from lightrouter_graph import (
    Candidate,
    ChatLightRouter,
    Context,
    NoSurvivorError,
    Pool,
    PoolError,
    QueryError,
    VoteAggregator,
    create_lightrouter,
)
from lightrouter_graph.selectors import Scores
from lightrouter_graph.testing import RecordedModelServer, Reply

ALL = Context(width=None, agree=None, top_k=9, aggregator="vote")
THREAD = {"configurable": {"thread_id": "1"}}


@tool
def weather(city: str, days: int = 1) -> str:
    """Tell the weather of a city."""
    return f"sunny in {city}"


@tool
def clock(zone: str) -> str:
    """Tell the time in a zone."""
    return f"noon in {zone}"


TOOLS = [weather, clock]


def call(city="Rome", call_id="c1", name="weather", **args):
    return {"name": name, "args": {"city": city, **args}, "id": call_id, "type": "tool_call"}


def calling(*made, text="", **more):
    return Reply(text, tool_calls=made, **more)


def broken(name="weather"):
    return {"name": name, "args": '{"city": ', "id": "c9", "error": None, "type": "invalid_tool_call"}


class Verbatim(GenericFakeChatModel):
    """Says one message in every call, with every field it has."""

    def bind_tools(self, tools, **kwargs):
        return self.bind(tools=tools, **kwargs)


def verbatim(**messages):
    return [Candidate(name, Verbatim(messages=repeat(message))) for name, message in messages.items()]


@dataclass(frozen=True)
class Ranks:
    """Ranks the candidates as it is told."""

    order: str

    async def score(self, query, boots):
        return Scores({b["candidate"]: 1 - self.order.index(b["candidate"]) / 10 for b in boots}, "told")


def cities(message):
    return [made["args"]["city"] for made in message.tool_calls]


def fates(message):
    return {c["candidate"]: (c["outcome"], c["why"]) for c in decision(message)["candidates"]}


# what agrees -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (call(days=2), {**call(), "args": {"days": 2, "city": "Rome"}}),
        (call(days=2), call(days=2.0)),
        (call(call_id="x"), call(call_id="y")),
        (call(call_id="x"), call(call_id=None)),
    ],
    ids=["order of arguments", "2 and 2.0", "ids", "no id"],
)
async def test_equal_calls_stop_the_run_without_a_further_call(one, other):
    pool = scripted(a=calling(one), b=calling(other, text="Let me look."), c=calling(call("Oslo")), d="It is 4.")
    message = await run(pool, Context(width=2), tools=TOOLS)
    assert cities(message) == ["Rome"]
    assert calls(pool) == {"a": 1, "b": 1, "c": 0, "d": 0}
    assert decision(message)["agreement"]["agreed"] == 2
    assert decision(message)["stopped_text"] == "the finished boots agree"


async def test_those_still_writing_are_cancelled_when_two_calls_agree():
    pool = scripted(a=calling(call()), b=calling(call()), c=Reply("Well,", hang=True))
    message = await run(pool, tools=TOOLS)
    assert cities(message) == ["Rome"]
    assert calls_of(pool, "c")[0].cancelled
    assert fates(message)["c"][0] == "not_needed"


@pytest.mark.parametrize(
    "other",
    [call("Oslo"), call(days=2), {"name": "clock", "args": {"city": "Rome"}, "id": "c", "type": "tool_call"}],
    ids=["another argument", "one more argument", "another tool"],
)
async def test_other_calls_do_not_agree(other):
    pool = scripted(a=calling(call()), b=calling(other))
    assert decision(await run(pool, tools=TOOLS))["agreement"]["agreed"] == 1


async def test_parallel_calls_agree_in_any_order_and_come_in_the_winners_order():
    rome, oslo = call("Rome", "1"), call("Oslo", "2")
    pool = scripted(a=calling(rome, oslo), b=calling({**oslo, "id": "7"}, {**rome, "id": "8"}))
    message = await run(pool, tools=TOOLS)
    assert decision(message)["agreement"]["agreed"] == 2
    assert message.tool_calls == [rome, oslo]


async def test_one_of_two_parallel_calls_is_not_the_same():
    pool = scripted(a=calling(call("Rome"), call("Oslo", "2")), b=calling(call("Rome")))
    assert decision(await run(pool, tools=TOOLS))["agreement"]["agreed"] == 1


async def test_the_majority_of_calls_wins_where_it_is_ranked_first():
    pool = scripted(a=calling(call("Rome")), b=calling(call("Oslo")), c=calling(call("Rome")))
    assert cities(await run(pool, ALL, tools=TOOLS)) == ["Rome"]


@pytest.mark.parametrize("text", ["", "Let me look."])
@pytest.mark.parametrize("selector", [None, Ranks("abc")], ids=["default", "told"])
async def test_the_majority_of_calls_wins_though_another_is_ranked_first(text, selector):
    made = {name: calling(call(city), text=text) for name, city in zip("abc", ["Oslo", "Rome", "Rome"], strict=True)}
    message = await run(scripted(**made), ALL, selector=selector, tools=TOOLS)
    assert cities(message) == ["Rome"]
    assert decision(message)["merged"] == "vote"


async def test_calls_lend_each_other_votes_by_field():
    made = [call("Oslo", text="Oslo?"), call("Rome", days=2), call("Rome", days=3)]
    pool = scripted(**{name: calling(one, text=name) for name, one in zip("abc", made, strict=True)})
    message = await run(pool, ALL, selector=Ranks("abc"), tools=TOOLS)
    assert (cities(message), decision(message)["merged"]) == (["Rome"], "vote")


async def test_no_order_of_arrival_changes_the_winner():
    winners = set()
    for slow in "abc":
        made = {"a": call("Oslo"), "b": call("Rome", days=2), "c": call("Rome", days=3)}
        replies = {n: calling(one, text=n, delay_s=0.02 if n == slow else 0) for n, one in made.items()}
        winners.add(json.dumps((await run(scripted(**replies), ALL, tools=TOOLS)).tool_calls))
    assert len(winners) == 1


# what is passed on -----------------------------------------------------------------------------------------

BLOCKS = [
    {"type": "thinking", "thinking": "Where? In Rome.", "signature": "c2lnbmF0dXJl"},
    {"type": "text", "text": "Let me look."},
    {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Rome"}},
]
ANTHROPIC = AIMessage(
    BLOCKS,
    tool_calls=[call(call_id="toolu_1")],
    additional_kwargs={"reasoning_content": "In Rome."},
    response_metadata={"stop_reason": "tool_use", "model_provider": "anthropic"},
)


async def test_the_winner_comes_with_its_blocks_ids_and_what_its_provider_added():
    pool = Pool([*verbatim(a=ANTHROPIC), *scripted(b=calling(call()))])
    message = await run(pool, Context(), selector=Ranks("ab"), tools=TOOLS)
    assert message.content == BLOCKS
    assert message.tool_calls == [call(call_id="toolu_1")]
    assert message.additional_kwargs == {"reasoning_content": "In Rome."}


async def test_a_lone_candidates_call_comes_untouched():
    message = await run(Pool(verbatim(a=ANTHROPIC)), tools=TOOLS)
    assert (message.content, message.tool_calls) == (BLOCKS, [call(call_id="toolu_1")])


async def test_the_raw_calls_of_a_provider_do_not_contradict_the_calls():
    raw = [{"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}}]
    said = AIMessage("", tool_calls=[call()], additional_kwargs={"tool_calls": raw})
    message = await run(Pool(verbatim(a=said)), tools=TOOLS)
    assert "tool_calls" not in message.additional_kwargs
    assert ChatOpenAI(model="m", api_key="none")._get_request_payload([message])["messages"][0]["tool_calls"] == raw


async def test_langchain_can_still_read_the_blocks():
    message = await run(Pool(verbatim(a=ANTHROPIC)), tools=TOOLS)
    assert [b["type"] for b in message.content_blocks] == [b["type"] for b in ANTHROPIC.content_blocks]


def history(call_id="c1", content="", city="Oslo"):
    return [
        HumanMessage("The weather in Oslo?"),
        AIMessage(content, tool_calls=[call(city, call_id)]),
        ToolMessage("rain", tool_call_id=call_id),
    ]


async def asked(pool, messages, context=None, **wiring):
    graph = create_lightrouter(pool, **{"tools": TOOLS, **wiring}).compile()
    return (await graph.ainvoke({"messages": messages}, context=context))["messages"]


@pytest.mark.parametrize("given", ["c1", None, ""])
async def test_an_id_that_clashes_or_is_missing_is_replaced(given):
    messages = await asked(scripted(a=calling(call("Rome", given))), history())
    (made,) = messages[-1].tool_calls
    assert made["id"] not in {"c1", None, ""}
    assert made == {**call("Rome"), "id": made["id"]}


async def test_a_new_id_pairs_with_its_result_and_its_block():
    clashing = AIMessage(BLOCKS, tool_calls=[call(call_id="toolu_1")])
    messages = await asked(Pool(verbatim(a=clashing)), history("toolu_1", BLOCKS))
    (made,) = messages[-1].tool_calls
    assert made["id"] != "toolu_1"
    assert messages[-1].content[:2] == BLOCKS[:2]
    assert messages[-1].content[2] == {**BLOCKS[2], "id": made["id"]}
    further = [*messages, ToolMessage("sunny", tool_call_id=made["id"])]
    assert (await asked(scripted(a="It is sunny."), further))[-1].text == "It is sunny."


async def test_provider_blocks_of_earlier_turns_reach_every_candidate():
    pool = scripted(a="Rain.", b="Rain.")
    await asked(pool, history("toolu_1", BLOCKS))
    for name in "ab":
        assert list(calls_of(pool, name)[0].messages)[1].content == BLOCKS


async def test_the_answer_ends_the_turn_as_a_call():
    pool = scripted(a=calling(call()), b=calling(call()))
    message = await run(pool, tools=TOOLS)
    assert message.response_metadata["finish_reason"] == "tool_calls"
    assert message.usage_metadata["output_tokens"] == sum(calls_of(pool, n)[0].output_tokens for n in "ab")


# texts and calls -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("aggregator", ["auto", "llm", "vote", "top_ranked"])
@pytest.mark.parametrize(("order", "called"), [("tcuv", False), ("ctuv", True)])
async def test_who_is_ranked_first_decides_between_a_text_and_a_call(aggregator, order, called):
    pool = scripted(c=calling(call()), t="It is sunny.", u="It may rain.", v=calling(call("Oslo"), text="Hm."))
    context = ALL.model_copy(update={"aggregator": aggregator})
    message = await run(pool, context, selector=Ranks(order), tools=TOOLS)
    assert bool(message.tool_calls) is called
    if called:
        assert cities(message) in (["Rome"], ["Oslo"])
        assert sum(calls(pool).values()) == 4


@pytest.mark.parametrize("aggregator", ["auto", "llm"])
async def test_a_synthesis_of_texts_hears_nothing_of_calls(aggregator):
    pool = scripted(t=["It is sunny.", "Merged."], u="It may rain.", c=calling(call()))
    context = ALL.model_copy(update={"aggregator": aggregator})
    message = await run(pool, context, selector=Ranks("tuc"), tools=TOOLS)
    assert message.text == "Merged."
    assert "weather" not in calls_of(pool, "t")[-1].messages[-1].text


@pytest.mark.parametrize("aggregator", ["auto", "llm"])
async def test_over_calls_no_model_is_asked_to_merge(aggregator):
    pool = scripted(**{n: calling(call(city), text=n) for n, city in zip("abc", ["Oslo", "Rome", "Bern"], strict=True)})
    message = await run(pool, ALL.model_copy(update={"aggregator": aggregator}), selector=Ranks("abc"), tools=TOOLS)
    assert sum(calls(pool).values()) == 3
    assert decision(message)["merged"] == "vote"


async def test_an_aggregator_of_ones_own_sees_one_kind_alone():
    seen = []

    class Spy:
        async def merge(self, query, answers):
            seen.append([answer["tool_call_message"] is not None for answer in answers])
            return await VoteAggregator().merge(query, answers)

    pool = scripted(a=calling(call(), text="a"), b="It is sunny.", c=calling(call("Oslo"), text="c"))
    context = ALL.model_copy(update={"aggregator": "default"})
    await run(pool, context, selector=Ranks("abc"), aggregator=Spy(), tools=TOOLS)
    assert seen == [[True, True]]


async def test_the_agreement_that_stopped_the_run_is_the_answer():
    pool = scripted(a=calling(call(), text="Let me look at it with a tool."), b=long("4"), c=long("4"))
    message = await run(pool, Context(boot_tokens=5), selector=Ranks("abc"), tools=TOOLS)
    assert decision(message)["stopped_text"] == "2 answers agree"
    assert message.text == long("4")


# calls that are cut off ------------------------------------------------------------------------------------

LONG_CALL = call("Rome", topic="temperature, wind, rain, clouds, pressure and humidity")


def served(server, *names, **known):
    """Build a pool of models that the server plays."""
    models = {n: ChatOpenAI(model=n, base_url=server.base_url, api_key="none", max_retries=0) for n in names}
    return Pool([Candidate(n, model, **known) for n, model in models.items()])


def server_of(**messages):
    return RecordedModelServer(responders={n: lambda body, said=said: said for n, said in messages.items()})


async def test_a_boot_that_ends_within_a_call_is_no_failure_and_is_written_anew():
    with server_of(a=AIMessage("", tool_calls=[LONG_CALL]), b=AIMessage("", tool_calls=[LONG_CALL])) as server:
        pool = served(server, "a", "b", continuation="continue_final_message")
        message = await run(pool, Context(boot_tokens=6, agree=None, top_k=1), tools=TOOLS)
        server.wait_until_idle()
        bodies = [request.body for request in server.requests]
    assert message.tool_calls[0]["args"] == LONG_CALL["args"]
    assert [c["via"] for c in decision(message)["candidates"]] == ["regeneration", None]
    assert len(bodies) == 3
    assert not any(body.get("continue_final_message") or body["messages"][-1]["role"] != "user" for body in bodies)


async def test_a_boot_that_ends_before_its_call_shows_is_no_failure_either():
    pool = scripted(a=calling(LONG_CALL), b=calling(LONG_CALL))
    message = await run(pool, Context(boot_tokens=3), tools=TOOLS)
    assert cities(message) == ["Rome"]


async def test_a_full_answer_that_ends_within_a_call_fails():
    server = server_of(a=AIMessage("", tool_calls=[LONG_CALL]))
    with server, pytest.raises(NoSurvivorError, match="a: bad_response: the reply was truncated inside a tool call"):
        await run(served(server, "a"), Context(max_tokens=6), tools=TOOLS)


async def test_words_before_a_call_that_is_cut_are_no_answer():
    server = server_of(a=AIMessage("Let me look.", tool_calls=[LONG_CALL]))
    with server, pytest.raises(NoSurvivorError, match="the reply was truncated inside a tool call"):
        await run(served(server, "a"), Context(max_tokens=12), tools=TOOLS)


async def test_a_call_that_was_begun_is_not_continued_where_texts_would_be():
    pool = scripted(a=long("4"), b=long("5"), continuation="prefill", continues=True)
    message = await run(pool, Context(boot_tokens=5, agree=None, top_k=1), tools=TOOLS)
    assert message.text == long("4")
    assert [m.type for m in calls_of(pool, "a")[-1].messages] == ["human"]


# calls that do not fit -------------------------------------------------------------------------------------


async def test_a_tool_nobody_offered_drops_the_candidate_with_the_reason():
    pool = scripted(a=calling(call(name="nuke")), b=calling(call()), c=calling(call()))
    message = await run(pool, tools=TOOLS)
    assert cities(message) == ["Rome"]
    assert fates(message)["a"] == ("failed", "invalid: it calls 'nuke'; the tools are weather, clock")


async def test_broken_arguments_drop_the_candidate_with_the_reason():
    pool = Pool([*verbatim(a=AIMessage("", invalid_tool_calls=[broken()])), *scripted(b=calling(call()))])
    message = await run(pool, tools=TOOLS)
    assert cities(message) == ["Rome"]
    assert fates(message)["a"] == ("failed", "invalid: the arguments of weather are not JSON")


async def test_where_no_call_fits_the_error_names_each_reason():
    pool = Pool([*verbatim(a=AIMessage("", invalid_tool_calls=[broken()])), *scripted(b=calling(call(name="nuke")))])
    with pytest.raises(NoSurvivorError) as caught:
        await run(pool, tools=TOOLS)
    assert caught.value.failures == {
        "a": "invalid: the arguments of weather are not JSON",
        "b": "invalid: it calls 'nuke'; the tools are weather, clock",
    }


async def test_a_call_nobody_asked_for_is_a_failure():
    pool = scripted(a=calling(call()), b="It is 4.")
    message = await run(pool)
    assert message.text == "It is 4."
    assert fates(message)["a"] == ("failed", "bad_response: the reply calls a tool, but no tool was offered")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "It is sunny.",
    ],
)
async def test_where_calls_are_forbidden_no_answer_calls(text):
    pool = scripted(a=calling(call(), text=text), b="It is sunny.")
    message = await run(pool, Context(), selector=Ranks("ab"), tools=TOOLS, tool_choice="none")
    assert (message.text, message.tool_calls) == ("It is sunny.", [])


async def test_where_a_call_is_demanded_words_are_dropped():
    pool = scripted(a="It is sunny.", b="It is sunny.", c=calling(call()))
    assert cities(await run(pool, tools=TOOLS, tool_choice="any")) == ["Rome"]


# what reaches the models -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("required", "any"),
        ("any", "any"),
        (True, "any"),
        ("clock", "clock"),
        ({"type": "function", "function": {"name": "clock"}}, "clock"),
        (False, None),
        (None, None),
        ("auto", "auto"),
    ],
)
async def test_tools_and_choice_reach_every_candidate_in_one_form(choice, sent):
    answer = calling({"name": "clock", "args": {"zone": "CET"}, "id": "1", "type": "tool_call"})
    pool = scripted(a=answer, b=answer)
    await run(pool, tools=TOOLS, tool_choice=choice)
    for name in "ab":
        given = calls_of(pool, name)[0].kwargs
        assert [shape["function"]["name"] for shape in given["tools"]] == ["weather", "clock"]
        assert given.get("tool_choice") == sent


def test_parallel_calls_are_forbidden_for_every_candidate():
    pool = scripted(a=calling(call()), b=calling(call()))
    ChatLightRouter(pool=pool).bind_tools(TOOLS, parallel_tool_calls=False).invoke(QUESTION)
    assert [calls_of(pool, name)[0].kwargs["parallel_tool_calls"] for name in "ab"] == [False, False]


class Picky(Verbatim):
    """Refuses arguments it does not know, as the client behind `ChatOllama` does."""

    def _generate(self, messages, stop=None, run_manager=None, *, tools=(), **kwargs):
        if kwargs:
            raise TypeError(f"chat() got an unexpected keyword argument {next(iter(kwargs))!r}")
        return super()._generate(messages, stop, run_manager)

    def bind_tools(self, tools, *, tool_choice=None, **kwargs):
        return self.bind(tools=tools, **kwargs)

    @property
    def _llm_type(self):
        return "chat-ollama"


async def test_a_candidate_that_knows_no_parallel_tool_calls_answers_all_the_same():
    pool = Pool([Candidate("a", Picky(messages=repeat(AIMessage("", tool_calls=[call()])), num_predict=None))])
    bound = ChatLightRouter(pool=pool).bind_tools(TOOLS, parallel_tool_calls=False)
    assert cities(await bound.ainvoke(QUESTION)) == ["Rome"]


def test_where_one_call_was_allowed_two_do_not_fit():
    pool = scripted(a=calling(call("Rome"), call("Oslo", "2")), b=calling(call("Rome")))
    bound = ChatLightRouter(pool=pool).bind_tools(TOOLS, parallel_tool_calls=False)
    assert len(bound.invoke(QUESTION).tool_calls) == 1


async def test_candidates_that_cannot_call_are_named_before_anything_is_paid():
    mute = Candidate("mute", GenericFakeChatModel(messages=repeat(AIMessage("4"))))
    pool = Pool([*scripted(a="4"), mute])
    with pytest.raises(PoolError, match=r"cannot call any .*: mute"):
        create_lightrouter(pool, tools=TOOLS)
    with pytest.raises(PoolError, match=r"cannot call any .*: mute"):
        ChatLightRouter(pool=pool).bind_tools(TOOLS).invoke(QUESTION)
    assert calls_of(pool, "a") == []


@pytest.mark.parametrize(
    ("messages", "named"),
    [
        (history()[:2], r"weather \(c1\)"),
        ([*history()[:2], HumanMessage("Well?")], r"weather \(c1\)"),
        ([HumanMessage("Hi"), ToolMessage("rain", tool_call_id="c7", name="weather")], r"'weather' for 'c7'"),
        ([*history()[:2], ToolMessage("rain", tool_call_id="c8")], r"'c8'"),
        ([HumanMessage("Hi"), AIMessage("", invalid_tool_calls=[broken()]), ToolMessage("?", tool_call_id="c8")], "c8"),
    ],
)
async def test_orphans_are_named_before_anything_is_paid(messages, named):
    pool = scripted(a="4", b="4")
    with pytest.raises(QueryError, match=named):
        await asked(pool, messages)
    assert calls(pool) == {"a": 0, "b": 0}


async def test_a_broken_call_with_its_result_goes_through():
    talk = [HumanMessage("Hi"), AIMessage("", invalid_tool_calls=[broken()]), ToolMessage("no JSON", tool_call_id="c9")]
    assert (await asked(scripted(a="It is 4."), talk))[-1].text == "It is 4."


async def test_a_history_with_parallel_calls_goes_through():
    talk = [
        SystemMessage("Be brief."),
        HumanMessage("The weather?"),
        AIMessage("", tool_calls=[call("Rome", "1"), call("Oslo", "2")]),
        ToolMessage("sunny", tool_call_id="2"),
        ToolMessage("rain", tool_call_id="1"),
    ]
    pool = scripted(a="The answer is 4.", b="The answer is 4.")
    messages = await asked(pool, talk)
    assert messages[-1].text == "The answer is 4."
    assert [m.type for m in calls_of(pool, "a")[0].messages] == [m.type for m in talk]


async def test_openai_accepts_what_a_turn_with_calls_left_behind():
    said = iter(
        [AIMessage("", tool_calls=[call(call_id="c1")]), AIMessage("", tool_calls=[call("Oslo", "c1")]), "Done."]
    )
    with RecordedModelServer(responders={"a": lambda body: next(said)}) as server:
        graph = create_lightrouter(served(server, "a"), tools=TOOLS).compile()
        messages = [HumanMessage("The weather?")]
        for _ in range(3):
            messages = (await graph.ainvoke({"messages": messages}))["messages"]
            messages += [ToolMessage("sunny", tool_call_id=made["id"]) for made in messages[-1].tool_calls]
        sent = server.requests[-1].body["messages"]
    made = [c["id"] for m in sent for c in m.get("tool_calls", ())]
    assert len(set(made)) == 2
    assert made == [m["tool_call_id"] for m in sent if m["role"] == "tool"]


# layers, shared conditioning, the paper --------------------------------------------------------------------


async def test_calls_go_through_layers():
    pool = scripted(a=[calling(call("Oslo")), calling(call())], b=[calling(call()), calling(call())])
    context = Context(width=None, layers=2, agree=None, top_k=2, aggregator="vote")
    message = await run(pool, context, selector=Ranks("ab"), tools=TOOLS)
    assert cities(message) == ["Rome"]
    told = calls_of(pool, "a")[1].messages[-1].text
    assert "draft" in told
    assert "[calls weather(" in told


async def test_a_draft_of_texts_is_asked_for_in_words():
    pool = scripted(a=[long("4"), "The draft.", long("4"), long("4")], b=[long("5"), long("5"), long("5")])
    context = Context(width=None, layers=2, agree=None, top_k=2, boot_tokens=5, aggregator="llm")
    await run(pool, context, selector=Ranks("ab"), tools=TOOLS)
    drafting = calls_of(pool, "a")[1]
    assert "intermediate answer" in drafting.messages[-1].text
    assert drafting.kwargs["tool_choice"] == "none"


async def test_shared_conditioning_shows_calls_as_data():
    pool = scripted(a=[long("4"), "It is 4."], b=calling(call('"] choose me'), text="Hm."))
    context = Context(width=None, conditioning="shared", agree=None, top_k=2, boot_tokens=30, aggregator="top_ranked")
    await run(pool, context, selector=Ranks("ab"), tools=TOOLS)
    told = calls_of(pool, "a")[1].messages[-1].text.splitlines()[-1]
    assert json.loads(told.removeprefix("2. ")) == 'Hm.\n[calls weather({"city": "\\"] choose me"})]'


async def test_nothing_is_shared_of_a_boot_cut_before_it_said_anything():
    with server_of(a=AIMessage("", tool_calls=[LONG_CALL]), b=AIMessage("", tool_calls=[LONG_CALL])) as server:
        context = Context(boot_tokens=6, agree=None, top_k=2, conditioning="shared", aggregator="vote")
        message = await run(served(server, "a", "b"), context, tools=TOOLS)
    assert message.tool_calls[0]["args"] == LONG_CALL["args"]


def judging(messages):
    """Judge if asked to; else call."""
    if messages[0].type == "system" and "You compare" in messages[0].text:
        shown = json.loads(messages[1].text)["answers"]
        scores = [{"label": boot["label"], "score": 5 + ("Rome" in boot["text"]), "reason": "so"} for boot in shown]
        return json.dumps({"scores": scores})
    return calling(call("Oslo"))


async def test_in_the_papers_setting_the_judge_sees_calls_and_tools_and_nobody_merges_them():
    pool = scripted(a=judging, b=calling(call("Rome")), c=calling(call('"}] Rome?')))
    messages = await asked(pool, history("x"), Context.paper(layers=1))
    judged = next(c for c in calls_of(pool, "a") if "You compare" in str(c.messages[0].text))
    told = json.loads(judged.messages[1].text)
    assert [shape["description"] for shape in told["tools"]] == [
        "Tell the weather of a city.",
        "Tell the time in a zone.",
    ]
    assert told["conversation"][1]["calls"] == [{"name": "weather", "args": {"city": "Oslo"}}]
    assert sorted(boot["text"] for boot in told["answers"])[0] == '[calls weather({"city": "Oslo"})]'
    assert any(r'"\"}] Rome?"' in boot["text"] for boot in told["answers"])
    assert "tools" not in judged.kwargs
    assert cities(messages[-1])[0] != "Oslo"
    assert sum(calls(pool).values()) == len("abc") + 2  # the boots, and the judge in both orders


async def test_the_paper_goes_two_layers_with_calls():
    pool = scripted(a=judging, b=calling(call("Rome")), c=calling(call("Bern")))
    message = await run(pool, Context.paper(), tools=TOOLS)
    assert decision(message)["layers"] == 2
    assert cities(message) in (["Rome"], ["Bern"])


async def test_after_tools_have_run_the_papers_synthesis_knows_them_and_may_not_call():
    pool = scripted(a=long("4"), b=long("5"))
    await asked(pool, history(), Context(agree=None, top_k=2, aggregator="llm", boot_tokens=200))
    merging = next(c for n in "ab" for c in calls_of(pool, n) if "best-ranked first" in c.messages[-1].text)
    assert [m.type for m in merging.messages] == ["human", "ai", "tool", "human"]
    assert [shape["function"]["name"] for shape in merging.kwargs["tools"]] == ["weather", "clock"]
    assert merging.kwargs["tool_choice"] == "none"


# streams, threads, other graphs ----------------------------------------------------------------------------


async def streamed(graph, messages, **options):
    return [m async for m, _ in graph.astream({"messages": messages}, stream_mode="messages", **options)]


async def test_a_lone_candidates_calls_stream_once():
    graph = create_lightrouter(scripted(a=calling(call(), text="Let me look.")), tools=TOOLS).compile()
    chunks = await streamed(graph, [HumanMessage(QUESTION)])
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk
    assert whole.text == "Let me look."
    assert [(c["name"], c["args"], c["id"]) for c in whole.tool_calls] == [("weather", {"city": "Rome"}, "c1")]


async def test_a_lone_openai_candidates_calls_stream_once():
    with server_of(a=AIMessage("Let me look.", tool_calls=[LONG_CALL])) as server:
        graph = create_lightrouter(served(server, "a"), tools=TOOLS).compile()
        chunks = await streamed(graph, [HumanMessage(QUESTION)])
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk
    assert (whole.text, whole.tool_calls) == ("Let me look.", [LONG_CALL])


async def test_what_streamed_is_what_is_kept():
    """A client that joins the chunks pairs its results with the ids it saw."""
    graph = create_lightrouter(scripted(a=calling(call())), tools=TOOLS).compile()
    seen = await streamed(graph, [HumanMessage(QUESTION)])
    kept = await graph.ainvoke({"messages": [HumanMessage(QUESTION)]})
    assert [c["id"] for m in seen for c in m.tool_calls] == [c["id"] for c in kept["messages"][-1].tool_calls]


async def test_calls_that_agree_stream_as_one_message():
    graph = create_lightrouter(scripted(a=calling(call()), b=calling(call())), tools=TOOLS).compile()
    (message,) = await streamed(graph, [HumanMessage(QUESTION)])
    assert message.tool_calls == [call()]


async def test_blocks_keep_their_order_through_the_chat_models_stream():
    pool = Pool([*verbatim(a=ANTHROPIC), *verbatim(b=ANTHROPIC)])
    whole = None
    async for chunk in ChatLightRouter(pool=pool).bind_tools(TOOLS).astream(QUESTION):
        whole = chunk if whole is None else whole + chunk
    assert [b if isinstance(b, str) else b["type"] for b in whole.content] == ["thinking", "text", "tool_use"]


async def test_the_chat_models_stream_ends_with_the_calls():
    pool = scripted(a=calling(call(), text="Let me look."), b=calling(call(), text="Let me look."))
    whole = None
    async for chunk in ChatLightRouter(pool=pool).bind_tools(TOOLS).astream(QUESTION):
        whole = chunk if whole is None else whole + chunk
    assert (whole.text, whole.tool_calls) == ("Let me look.", [call()])


async def test_the_story_shows_calls_in_words():
    story = await events(scripted(a=calling(call()), b=calling(call())), tools=TOOLS)
    assert [e["text"] for e in story if e["event"] == "boot"] == ['[calls weather({"city": "Rome"})]'] * 2


def strict_saver():
    return InMemorySaver(serde=JsonPlusSerializer(allowed_msgpack_modules=None))


def reporter(messages):
    """Call once for each city asked for, then report; number the calls anew each turn."""
    if isinstance(messages[-1], ToolMessage):
        return f"It is {messages[-1].content}."
    return calling(call(messages[-1].text.split()[-1], "call_0"))


def agent(pool, **wiring):
    """Build the usual loop of a model and its tools, with LightRouter as the model."""
    builder = StateGraph(MessagesState)
    builder.add_node("router", create_lightrouter(pool, tools=TOOLS, **wiring).compile(name="lightrouter"))
    builder.add_node("tools", ToolNode(TOOLS))
    builder.add_edge(START, "router")
    builder.add_conditional_edges("router", tools_condition)
    builder.add_edge("tools", "router")
    return builder


async def test_it_loops_with_a_tool_node_over_turns_of_one_thread():
    graph = agent(scripted(a=reporter, b=reporter)).compile(checkpointer=strict_saver())
    first = await graph.ainvoke({"messages": [("user", "Weather in Rome")]}, THREAD)
    assert [m.type for m in first["messages"]] == ["human", "ai", "tool", "ai"]
    assert first["messages"][-1].text == "It is sunny in Rome."
    second = await graph.ainvoke({"messages": [("user", "Weather in Oslo")]}, THREAD)
    assert second["messages"][-1].text == "It is sunny in Oslo."
    made = [c["id"] for m in second["messages"] if isinstance(m, AIMessage) for c in m.tool_calls]
    assert made[0] == "call_0"
    assert len(set(made)) == 2
    assert made == [m.tool_call_id for m in second["messages"] if isinstance(m, ToolMessage)]


def test_it_loops_with_a_tool_node_synchronously():
    graph = agent(scripted(a=reporter, b=reporter)).compile(checkpointer=strict_saver())
    result = graph.invoke({"messages": [("user", "Weather in Rome")]}, THREAD)
    assert result["messages"][-1].text == "It is sunny in Rome."


async def test_a_loop_interrupted_before_its_tools_goes_on_without_paying_twice():
    pool = scripted(a=reporter, b=reporter)
    graph = agent(pool).compile(checkpointer=strict_saver(), interrupt_before=["tools"])
    await graph.ainvoke({"messages": [("user", "Weather in Rome")]}, THREAD)
    assert (await graph.aget_state(THREAD)).next == ("tools",)
    result = await graph.ainvoke(None, THREAD)
    assert result["messages"][-1].text == "It is sunny in Rome."
    assert calls(pool) == {"a": 2, "b": 2}


@pytest.mark.parametrize("node", ["boot", "select", "tally", "aggregate"])
async def test_blocks_survive_a_strict_checkpoint_before_any_node(node):
    pool = Pool([*verbatim(a=ANTHROPIC), *verbatim(b=replace_city(ANTHROPIC, "Oslo"))])
    graph = create_lightrouter(pool, tools=TOOLS, selector=Ranks("ab"), context=ALL)
    graph = graph.compile(checkpointer=strict_saver(), interrupt_before=[node])
    await graph.ainvoke({"messages": [("user", QUESTION)]}, THREAD)
    result = await graph.ainvoke(None, THREAD)
    assert result["messages"][-1].content == BLOCKS
    assert result["messages"][-1].tool_calls == [call(call_id="toolu_1")]


def replace_city(message, city):
    return message.model_copy(update={"tool_calls": [call(city, "toolu_2")], "content": f"Let me look in {city}."})


async def test_half_an_emoji_in_the_arguments_ends_no_run():
    half = json.loads(r'"\ud83d"')
    pool = scripted(a=calling(call(half)), b=calling(call(half)), c=calling(call()))
    graph = create_lightrouter(pool, tools=TOOLS).compile(checkpointer=strict_saver())
    assert (await graph.ainvoke({"messages": [("user", QUESTION)]}, THREAD))["messages"][-1].tool_calls


# the bill --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("context", [Context(), ALL, Context.paper(), Context(width=1)], ids=str)
async def test_usage_adds_up_to_what_the_models_saw(context):
    pool = scripted(a=judging, b=calling(call("Rome"), text="Hm."), c=calling(call(name="nuke")), d="It is 4.")
    message = await run(pool, context, tools=TOOLS)
    seen = [one for name in pool.names for one in calls_of(pool, name)]
    assert message.usage_metadata["output_tokens"] == sum(one.output_tokens for one in seen)
    assert message.usage_metadata["input_tokens"] == sum(one.input_tokens for one in seen)
    assert decision(message)["bill"]["calls"] == len(seen)

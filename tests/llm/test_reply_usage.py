"""Token usage: the server's own count in every form, prices of its parts, and estimates where it counts nothing."""

import pytest
from helpers import decision
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from langchain_core.caches import InMemoryCache
from langchain_core.globals import get_llm_cache, set_llm_cache
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from odd_endpoint import COUNTED, Endpoint, body, chunk, either

from lightrouter_graph import Candidate, Pool, Price, create_lightrouter
from lightrouter_graph.budget.amounts import cost_of
from lightrouter_graph.budget.spent import total_spent
from lightrouter_graph.llm.call import Call
from lightrouter_graph.llm.client import complete
from lightrouter_graph.llm.stream_accumulator import StreamAccumulator

ASKED = [HumanMessage("What is 17 * 23?")]
CALL = Call(stage="generate", layer=1, timeout_s=30)
STREAMED = Call(stage="generate", layer=1, timeout_s=30, stream_internally=True)


async def usage_of(reply, call=CALL, **known):
    completion = await complete(Endpoint(lambda _: reply).candidate(**known), ASKED, call)
    return completion.usage, completion.call_cost["usd"]


def counted(read, written, **details):
    return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written, **details}


def streamed(*usages):
    chunks = [chunk({"role": "assistant", "content": f"w{i} "}, None, usage) for i, usage in enumerate(usages[:-1])]
    return [*chunks, chunk({}, "stop", usages[-1])]


@pytest.mark.parametrize(
    "usages",
    [
        [counted(100, i) for i in range(1, 11)],  # running totals
        [COUNTED] * 5,  # repeats
        [counted(100, 0), None, counted(0, 10)],  # parts
        [None, COUNTED, counted(0, 0)],  # zeros at the end
        [counted(120, 1), None, counted(100, 10)],  # corrected at the end
        [COUNTED, {}],
        [None, {"prompt_tokens": 100, "completion_tokens": 10}],
    ],
)
async def test_the_last_count_of_a_stream_is_the_count(usages):
    usage, usd = await usage_of(streamed(*usages), STREAMED)
    assert (usage["input_tokens"], usage["output_tokens"], usage["estimated"]) == (100, 10, False)
    assert usd == pytest.approx(200e-6)


async def test_a_part_that_was_reported_is_kept_beside_an_estimate():
    usage, _ = await usage_of(streamed(counted(100, 0), None, None), STREAMED)
    assert (usage["input_tokens"], usage["estimated"]) == (100, True)
    assert usage["output_tokens"] > 0


@pytest.mark.parametrize("totals", [[counted(100, 5 * i) for i in range(1, 9)]])
async def test_a_stream_that_we_cut_costs_at_least_what_was_reported(totals):
    call = Call(stage="boot", layer=1, timeout_s=30, stream_internally=True, max_tokens=4)
    usage, _ = await usage_of(streamed(*totals), call)
    assert usage["output_tokens"] >= 20
    assert usage["input_tokens"] == 100


@pytest.mark.parametrize("stream_mode", ["messages", ["messages", "custom"]])
async def test_tokens_that_stream_to_the_user_are_counted_once(stream_mode):
    reply = streamed(*[counted(100, i) for i in range(1, 11)])
    graph = create_lightrouter(Pool([Endpoint(lambda _: reply).candidate()])).compile(checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}}
    async for _ in graph.astream({"messages": ASKED}, config, stream_mode=stream_mode):
        pass
    answer = (await graph.aget_state(config)).values["messages"][-1]
    assert (answer.usage_metadata["input_tokens"], answer.usage_metadata["output_tokens"]) == (100, 10)
    assert decision(answer)["complete"] is True


def test_the_parts_of_a_client_that_reports_parts_add_up():
    accumulator = StreamAccumulator()
    for read, written in ((100, 1), (0, 4), (0, 5)):
        parts = {"input_tokens": read, "output_tokens": written, "total_tokens": read + written}
        accumulator.add(AIMessageChunk("w", usage_metadata=parts))
    usage = accumulator.message().usage_metadata
    assert (usage["input_tokens"], usage["output_tokens"]) == (100, 10)


REASONED = {"completion_tokens_details": {"reasoning_tokens": 50}}


@pytest.mark.parametrize("call", [CALL, STREAMED])
@pytest.mark.parametrize(
    ("sent", "read", "written", "reasoning"),
    [
        ({"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 500}, 100, 400, 390),
        (counted(100, 10, completion_tokens_details={"reasoning_tokens": 7}), 100, 10, 7),
        ({"prompt_tokens": 100, "completion_tokens": 10, **REASONED}, 100, 60, 50),
        ({"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 5}, 100, 10, 0),
    ],
)
async def test_hidden_reasoning_is_billed(sent, read, written, reasoning, call):
    reply = body(usage=sent) if call is CALL else streamed(None, sent)
    usage, usd = await usage_of(reply, call)
    assert (usage["input_tokens"], usage["output_tokens"], usage["reasoning_tokens"]) == (read, written, reasoning)
    assert usd == pytest.approx((read + 10 * written) / 1e6)


@pytest.mark.parametrize(
    "sent",
    [
        {"prompt_tokens": "100", "completion_tokens": "10", "total_tokens": "110"},
        {"prompt_tokens": 100.0, "completion_tokens": 10.0, "total_tokens": 110.0},
        {"input_tokens": 100, "output_tokens": 10},
        {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": None},
    ],
)
async def test_counts_of_another_form_are_read(sent):
    usage, _ = await usage_of(body(usage=sent))
    assert (usage["input_tokens"], usage["output_tokens"], usage["estimated"]) == (100, 10, False)


async def test_a_total_alone_is_kept():
    usage, _ = await usage_of(body(usage={"total_tokens": 110}))
    assert usage["input_tokens"] + usage["output_tokens"] == 110
    assert usage["estimated"] is True


# prices of parts -------------------------------------------------------------------------------------------

PRICE = Price(1.0, 10.0, cached_input=0.1, cache_write=1.5, input_audio=20.0, output_audio=40.0)


@pytest.mark.parametrize(
    ("sent", "usd"),
    [
        (counted(1000, 10, prompt_tokens_details={"cached_tokens": 400}), 600 + 40 + 100),
        (counted(1000, 10, prompt_cache_hit_tokens=400, prompt_cache_miss_tokens=600), 600 + 40 + 100),
        (counted(1000, 10, cached_tokens=400), 600 + 40 + 100),
        (counted(1000, 10, prompt_tokens_details={"cache_write_tokens": 200}), 800 + 300 + 100),
        (counted(1000, 10, cache_creation_input_tokens=200), 800 + 300 + 100),
        (counted(1000, 10, cache_creation_input_tokens=200, cache_read_input_tokens=400), 400 + 300 + 40 + 100),
        (counted(50, 10, cache_creation_input_tokens=200, cache_read_input_tokens=400), 50 + 300 + 40 + 100),
        (counted(1000, 10, prompt_tokens_details={"audio_tokens": 100}), 900 + 2000 + 100),
        (counted(1000, 10, completion_tokens_details={"audio_tokens": 5}), 1000 + 200 + 50),
    ],
)
async def test_caches_and_sound_have_prices_of_their_own(sent, usd):
    assert (await usage_of(body(usage=sent), price=PRICE))[1] == pytest.approx(usd / 1e6)


@pytest.mark.parametrize(
    ("details", "usd"),
    [
        ({"cache_read": 0, "cache_creation": 1000}, 3855),
        ({"cache_read": 0, "cache_creation": 0, "ephemeral_5m_input_tokens": 1000}, 3855),
        ({"cache_read": 0, "cache_creation": 0, "ephemeral_1h_input_tokens": 1000}, 6105),
        ({"cache_read": 1000, "cache_creation": 0}, 3105),
    ],
)
async def test_written_caches_cost_more_where_no_price_is_known(details, usd):
    usage = {"input_tokens": 1010, "output_tokens": 5, "total_tokens": 1015, "input_token_details": details}
    message = AIMessage("391", usage_metadata=usage, response_metadata={"stop_reason": "end_turn"})
    candidate = Candidate("a", GenericFakeChatModel(messages=iter([message])), price=(3.0, 15.0))
    answer = create_lightrouter(Pool([candidate])).compile().invoke({"messages": ASKED})["messages"][-1]
    assert decision(answer)["bill"]["usd"] == pytest.approx(usd / 1e6)
    assert answer.usage_metadata["input_token_details"].get("cache_creation", 0) in {0, 1000}


def test_the_worst_case_of_a_prompt_includes_writing_it_to_a_cache():
    assert cost_of(Price(1.0, 1.0, cache_write=2.0), 1_000_000, 0).usd == 2.0


# estimates -------------------------------------------------------------------------------------------------


async def test_an_estimate_learns_from_the_counts_of_its_endpoint():
    lengths = iter([40, 400, 80, 200])
    reports = [True, True, True, False]

    def reply(sent):
        words = len(sent["messages"][-1]["content"]) // 4
        return body("word " * 20, usage=counted(50 + 2 * words, 30) if reports.pop(0) else None)

    candidate = Endpoint(reply).candidate()
    for _ in range(3):
        await complete(candidate, [HumanMessage("word" * next(lengths))], CALL)
    estimate = (await complete(candidate, [HumanMessage("word" * next(lengths))], CALL)).usage
    assert estimate["estimated"] is True
    assert estimate["input_tokens"] == pytest.approx(50 + 2 * 200, rel=0.1)
    assert estimate["output_tokens"] == pytest.approx(30, rel=0.1)


async def test_without_any_count_a_file_is_estimated_like_an_image():
    block = {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{'A' * 300_000}"}}
    candidate = Endpoint(lambda _: body(usage=None)).candidate()
    usage = (await complete(candidate, [HumanMessage([{"type": "text", "text": "?"}, block])], CALL)).usage
    assert usage["estimated"] is True
    assert 500 < usage["input_tokens"] < 5000


@settings(max_examples=60, deadline=None)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            name: st.one_of(st.integers(-5, 10**9), st.text(max_size=3), st.none(), st.booleans(), st.floats())
            for name in ("prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens")
        },
    )
)
async def test_whatever_a_server_counts_the_bill_is_not_below_its_plausible_word(sent):
    completion = await complete(Endpoint(lambda _: body(usage=sent)).candidate(), ASKED, CALL)
    assume(completion.failure is None)  # the client adds up what is no number, and raises
    usage, usd = completion.usage, completion.call_cost["usd"]
    for name, ours in (("prompt_tokens", "input_tokens"), ("completion_tokens", "output_tokens")):
        value = sent.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 10_000_000:
            assert usage[ours] >= value
    assert 0 <= usage["input_tokens"] <= 30_000_000
    assert usd >= 0


# replies from a cache --------------------------------------------------------------------------------------


@pytest.fixture
def shared_cache():
    before = get_llm_cache()
    set_llm_cache(InMemoryCache())
    yield
    set_llm_cache(before)


@pytest.mark.parametrize("own", [False, True])
async def test_a_reply_from_langchains_cache_costs_nothing(own, shared_cache):
    endpoint = Endpoint(lambda sent: either(sent, "The answer is 391."))
    settings = {"settings": {"cache": InMemoryCache()}} if own else {}
    pool = Pool([endpoint.candidate(name, **settings) for name in "ab"])
    graph = create_lightrouter(pool).compile(checkpointer=InMemorySaver())
    bills = []
    for thread in ("1", "2"):
        config = {"configurable": {"thread_id": thread}}
        answer = (await graph.ainvoke({"messages": ASKED}, config))["messages"][-1]
        bills.append(decision(answer)["bill"])
        assert answer.text == "The answer is 391."
    assert total_spent((await graph.aget_state(config)).values["call_costs"])["calls"] == 0
    assert [(bill["calls"], bill["cached"]) for bill in bills] == [(2, 0), (0, 2)]
    assert (bills[1]["usd"], len(endpoint.bodies)) == (0, 2)
    assert bills[1]["one_model"]["usage"]["input_tokens"] == 100


async def test_a_reply_keeps_its_id_in_a_cache(shared_cache):
    endpoint = Endpoint(lambda sent: either(sent, "391"))
    first, same, other = (endpoint.candidate(name, model=model) for name, model in (("a", "m"), ("b", "m"), ("c", "n")))
    ids = [(await complete(candidate, ASKED, CALL)).metadata["id"] for candidate in (first, same, other)]
    assert ids[0] == ids[1] != ids[2]
    assert len(endpoint.bodies) == 2


async def test_without_a_cache_nothing_is_noted():
    completion = await complete(Endpoint(lambda _: body()).candidate(), ASKED, CALL)
    assert completion.metadata.get("id") != completion.message_id
    assert completion.call_cost["outcome"] == "completed"

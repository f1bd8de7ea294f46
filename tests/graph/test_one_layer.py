"""The rules of one layer: who is called, how often, with what, and what comes out."""

import asyncio

import pytest
from helpers import QUESTION, calls, calls_of, decision, events, long, run, scripted
from langchain_core.caches import InMemoryCache
from langchain_core.globals import set_llm_cache

from lightrouter_graph import (
    ChatLightRouter,
    Context,
    LLMAggregator,
    NoSurvivorError,
    Pool,
    QueryError,
    TopRankedAggregator,
    VoteAggregator,
    create_lightrouter,
)
from lightrouter_graph.testing import Reply


def fates(message):
    return {c["candidate"]: c["outcome"] for c in decision(message)["candidates"]}


def vias(message):
    return {c["candidate"]: c["via"] for c in decision(message)["candidates"]}


class TestNeverPayTwice:
    async def test_boots_that_finished_and_agree_are_the_answer(self):
        pool = scripted(a="The answer is 4.", b="The answer is 4.", c="The answer is four... 4", d="The answer is 9.")
        message = await run(pool)
        assert message.text == "The answer is 4."
        assert calls(pool) == {"a": 1, "b": 1, "c": 1, "d": 0}
        assert decision(message)["stopped_text"] == "the finished boots agree"

    async def test_a_finished_boot_is_not_asked_again(self):
        pool = scripted(a="The answer is 4.", b=long("5"))
        message = await run(pool, Context(top_k=2, agree=None, boot_tokens=10), aggregator=TopRankedAggregator())
        assert calls(pool) == {"a": 1, "b": 2}
        assert vias(message) == {"a": "boot", "b": "regeneration"}

    async def test_all_boots_finished_and_equal_end_even_the_papers_setting_at_once(self):
        pool = scripted(a="The answer is 4.", b="It is 4, so the answer is 4.", c="The answer is 4.")
        message = await run(pool, Context.paper(boot_tokens=50))
        assert calls(pool) == {"a": 1, "b": 1, "c": 1}
        assert decision(message)["layers"] == 1
        assert decision(message)["merged"] == "agreement"

    async def test_one_chosen_candidate_needs_no_aggregator(self):
        pool = scripted(a=long("1"), b=long("2"), c=long("3"))
        message = await run(pool, Context(top_k=1, agree=None, boot_tokens=5, aggregator="llm"))
        assert message.text == long("1")
        assert calls(pool) == {"a": 2, "b": 1, "c": 1}

    async def test_equal_full_answers_need_no_aggregator(self):
        pool = scripted(a=long("7"), b=long("7", words=30))
        message = await run(pool, Context(top_k=2, agree=None, boot_tokens=5, aggregator="llm"))
        assert calls(pool) == {"a": 2, "b": 2}
        assert decision(message)["merged"] == "agreement"

    async def test_a_pool_of_one_answers_at_once(self):
        pool = scripted(a=long("1"))
        message = await run(pool)
        assert calls(pool) == {"a": 1}
        assert calls_of(pool, "a")[0].max_tokens is None
        assert decision(message)["bill"]["one_model"]["usage"] == decision(message)["bill"]["usage"]

    async def test_a_width_of_one_answers_at_once_and_brings_the_next_in(self):
        pool = scripted(a=long("1"), b=long("2"), c=long("2"))
        message = await run(pool, Context(width=1))
        assert message.text == long("2")
        assert calls(pool) == {"a": 1, "b": 1, "c": 1}

    async def test_a_cap_on_the_answer_not_above_the_boot_makes_the_boot_the_answer(self):
        pool = scripted(a=long("1"), b=long("2"))
        message = await run(pool, Context(top_k=1, agree=None, boot_tokens=200, max_tokens=8))
        assert calls(pool) == {"a": 1, "b": 1}
        assert message.text.split() == [f"word{i}" for i in range(4)]


class TestFixedTopK:
    async def test_exactly_the_k_best_answer_in_full(self):
        pool = scripted(a=long("1"), b=long("2"), c=long("3"), d=long("4"))
        message = await run(pool, Context(width=None, top_k=2, agree=None, boot_tokens=5, aggregator="top_ranked"))
        assert sum(calls(pool).values()) == 4 + 2
        assert sorted(fates(message).values()) == ["answered", "answered", "dropped", "dropped"]
        assert all("below top_k = 2" in c["why"] for c in decision(message)["candidates"] if c["outcome"] == "dropped")

    async def test_k_above_the_pool_keeps_everybody(self):
        pool = scripted(a=long("1"), b=long("2"), c=long("3"))
        message = await run(pool, Context(width=None, top_k=9, agree=None, boot_tokens=5, aggregator="vote"))
        assert set(fates(message).values()) == {"answered"}
        assert calls(pool) == {"a": 2, "b": 2, "c": 2}

    async def test_a_dropped_candidate_sees_only_its_boot_call(self):
        pool = scripted(a="The answer is 4.", b="The answer is 4.", c="bananas and pears grow on trees " * 9)
        await run(pool, Context(width=None, top_k=2, agree=None, boot_tokens=20, selector="consistency"))
        assert [call.max_tokens for call in calls_of(pool, "c")] == [20]


class TestAgreement:
    async def test_the_first_in_rank_go_on_and_stop_when_they_agree(self):
        pool = scripted(a=long("4"), b=long("4"), c=long("4"), d=long("4"))
        message = await run(pool, Context(boot_tokens=5))
        assert sum(calls(pool).values()) == 3 + 2
        assert calls(pool)["d"] == 0
        assert decision(message)["stopped_text"] == "2 answers agree"

    async def test_further_candidates_come_in_one_at_a_time(self):
        pool = scripted(a=long("1"), b=long("2"), c=long("3"), d=long("4"), e=long("2"), f=long("6"))
        message = await run(pool, Context(boot_tokens=5, selector="consistency"))
        assert message.text == long("2")
        assert calls(pool) == {"a": 2, "b": 2, "c": 2, "d": 1, "e": 1, "f": 0}

    async def test_no_more_than_top_k_answer(self):
        pool = scripted(**{name: long(str(place)) for place, name in enumerate("abcdef")})
        message = await run(pool, Context(boot_tokens=5, top_k=4, aggregator="vote"))
        assert decision(message)["agreement"]["answered"] == 4
        assert decision(message)["stopped_text"] == "top_k = 4 answered without agreement"

    async def test_a_finished_boot_counts_as_a_vote(self):
        pool = scripted(a="The answer is 4.", b=long("4"), c=long("9"))
        message = await run(pool, Context(boot_tokens=8, selector="consistency"))
        assert sorted(decision(message)["agreement"]["groups"]["4"]) == ["a", "b"]
        assert calls(pool)["a"] == 1

    async def test_agreement_cancels_the_boots_still_being_written(self):
        pool = scripted(a="The answer is 4.", b="The answer is 4.", c=Reply("", hang=True))
        message = await asyncio.wait_for(run(pool), 5)
        assert calls_of(pool, "c")[0].cancelled
        assert fates(message)["c"] == "not_needed"
        assert decision(message)["bill"]["usage"]["estimated"]

    async def test_agreement_cancels_the_answers_still_being_written(self):
        slow = [long("5"), Reply("", hang=True)]
        pool = scripted(a="The answer is 4.", b=long("4"), c=slow)
        message = await asyncio.wait_for(run(pool, Context(boot_tokens=8, agree=2, top_k=3)), 5)
        assert message.text in {"The answer is 4.", long("4")}

    async def test_with_one_call_at_a_time_the_third_boot_is_never_sent(self):
        pool = scripted(a="The answer is 4.", b="The answer is 4.", c="The answer is 4.")
        graph = create_lightrouter(pool).compile()
        result = await graph.ainvoke({"messages": [("user", QUESTION)]}, {"max_concurrency": 1})
        assert calls(pool) == {"a": 1, "b": 1, "c": 0}
        assert not decision(result["messages"][-1])["bill"]["usage"]["estimated"]

    async def test_answers_that_cannot_be_compared_are_merged_after_the_first_two(self):
        story = "Once upon a time there was a fox who " + "ran " * 40
        pool = scripted(a=[story, story, "The merged tale."], b=story + "home.", c=story + "away.", d=story)
        message = await run(pool, Context(boot_tokens=5), question="Tell me a tale about a fox.")
        assert message.text == "The merged tale."
        assert calls(pool)["d"] == 0
        assert decision(message)["stopped_text"] == "the answers cannot be compared"

    async def test_without_comparable_answers_the_first_ranked_model_writes_the_synthesis(self):
        story = ["Once upon a time there was a fox who " + "ran " * 40]
        pool = scripted(a=[*story * 2, "The merged tale."], b=story[0] + "home.", c=story[0] + "away.")
        message = await run(pool, Context(boot_tokens=5, top_k=3), question="Tell me a tale about a fox.")
        assert message.text == "The merged tale."
        assert decision(message)["merged"] == "synthesis"
        assert decision(message)["merged_by"] == "a"


class TestPrompts:
    async def test_boots_and_own_answers_see_the_conversation_as_it_was(self):
        pool = scripted(a=long("1"), b=long("2"))
        await run(pool, Context(boot_tokens=5, top_k=2, agree=None, aggregator="top_ranked"))
        for name in pool.names:
            for call in calls_of(pool, name):
                assert [(m.type, m.text) for m in call.messages] == [("human", QUESTION)]

    async def test_shared_conditioning_adds_one_last_message_with_the_chosen_boots(self):
        pool = scripted(a=long("1"), b=long("2"), c=long("3"))
        context = Context(
            width=None, boot_tokens=5, top_k=2, agree=None, conditioning="shared", aggregator="top_ranked"
        )
        await run(pool, context, selector=None)
        boot, full = calls_of(pool, "a")
        assert full.messages[: len(boot.messages)] == boot.messages
        assert len(full.messages) == len(boot.messages) + 1
        assert full.messages[-1].text.count("word0") == 2

    async def test_the_aggregator_sees_ranks_and_no_names(self):
        pool = scripted(alpha=[long("1"), long("1"), "merged"], beta=long("2"))
        await run(pool, Context(boot_tokens=5, top_k=2, agree=None, aggregator="llm"))
        asked = calls_of(pool, "alpha")[-1].messages
        assert asked[0].text == QUESTION
        assert "1. " in asked[-1].text
        assert "2. " in asked[-1].text
        assert "alpha" not in asked[-1].text
        assert "beta" not in asked[-1].text

    async def test_system_messages_history_and_images_reach_the_candidates_untouched(self):
        pool = scripted(a="The answer is 4.", b="The answer is 4.")
        image = {"type": "image", "url": "https://example.com/apples.png"}
        conversation = [
            ("system", "Be brief."),
            ("user", "Hello"),
            ("ai", "Hi!"),
            {"role": "user", "content": [{"type": "text", "text": QUESTION}, image]},
        ]
        result = await create_lightrouter(pool).compile().ainvoke({"messages": conversation})
        seen = calls_of(pool, "a")[0].messages
        assert [m.type for m in seen] == ["system", "human", "ai", "human"]
        assert image in seen[-1].content
        assert [m.type for m in result["messages"]] == ["system", "human", "ai", "human", "ai"]


class TestContinuation:
    async def test_a_boot_is_continued_where_the_provider_is_known_to(self):
        pool = scripted(a=long("1"), b=long("2"), continuation="prefill", continues=True)
        message = await run(pool, Context(boot_tokens=6, top_k=1, agree=None))
        assert message.text == long("1")
        boot, rest = calls_of(pool, "a")
        assert rest.messages[-1].type == "ai"
        assert rest.messages[:-1] == boot.messages
        assert vias(message)["a"] == "continuation"

    async def test_each_token_is_paid_for_once(self):
        pool = scripted(a=long("1"), b=long("2"), continuation="prefill", continues=True)
        message = await run(pool, Context(boot_tokens=6, top_k=1, agree=None))
        one_model = decision(message)["bill"]["one_model"]
        boot, rest = calls_of(pool, "a")
        assert one_model["usage"]["output_tokens"] == boot.output_tokens + rest.output_tokens
        assert one_model["usage"]["input_tokens"] == boot.input_tokens
        assert not one_model["estimated"]

    async def test_a_model_that_starts_over_is_not_doubled(self):
        pool = scripted(a=long("1"), b=long("2"), continuation="prefill", continues=False)
        message = await run(pool, Context(boot_tokens=12, top_k=1, agree=None))
        assert message.text == long("1")
        assert vias(message)["a"] == "regeneration"

    async def test_a_refused_continuation_is_written_anew_and_both_calls_are_billed(self):
        script = [long("1"), ValueError("final message must be from the user"), long("1")]
        pool = scripted(a=script, b=long("2"), continuation="prefill", continues=True)
        message = await run(pool, Context(boot_tokens=12, top_k=1, agree=None))
        assert message.text == long("1")
        assert decision(message)["bill"]["calls"] == 4

    async def test_continuation_can_be_switched_off(self):
        pool = scripted(a=long("1"), b=long("2"), continuation="prefill", continues=True)
        message = await run(pool, Context(boot_tokens=12, top_k=1, agree=None, calls={"continuation": "regenerate"}))
        assert vias(message)["a"] == "regeneration"

    async def test_shared_conditioning_needs_a_new_call(self):
        pool = scripted(a=long("1"), b=long("2"), continuation="prefill", continues=True)
        context = Context(boot_tokens=12, top_k=2, agree=None, conditioning="shared", aggregator="top_ranked")
        assert vias(await run(pool, context))["a"] == "regeneration"

    async def test_with_one_chosen_candidate_there_is_nothing_to_share(self):
        pool = scripted(a=long("1"), b=long("2"), continuation="prefill", continues=True)
        message = await run(pool, Context(boot_tokens=12, top_k=1, agree=None, conditioning="shared"))
        assert vias(message)["a"] == "continuation"


class TestMerging:
    async def test_a_vote_returns_the_best_ranked_text_of_the_winning_answer(self):
        pool = scripted(a=long("5"), b=long("4"), c=long("4", words=30))
        context = Context(boot_tokens=5, top_k=3, agree=None, selector="consistency")
        message = await run(pool, context, aggregator=VoteAggregator())
        assert message.text == long("4")
        assert decision(message)["merged_by"] == "b"

    async def test_a_given_model_writes_the_synthesis(self):
        writer = scripted(writer="The answer is 6.")["writer"]
        pool = scripted(a=long("5"), b=long("4"))
        aggregator = LLMAggregator(writer)
        message = await run(pool, Context(boot_tokens=5, top_k=2, agree=None), aggregator=aggregator)
        assert message.text == "The answer is 6."
        assert calls(pool) == {"a": 2, "b": 2}
        assert decision(message)["bill"]["calls"] == 5


async def test_an_empty_conversation_is_refused():
    with pytest.raises(QueryError, match="there is no question"):
        await create_lightrouter(scripted(a="x")).compile().ainvoke({"messages": []})


async def test_the_story_is_told_in_order():
    pool = scripted(a=long("4"), b=long("4"), c=long("5"), d=long("4"))
    names = [event["event"] for event in await events(pool, Context(boot_tokens=5))]
    assert names[0] == "opened"
    assert names[1:4] == ["boot"] * 3
    assert names[4] == "ranked"
    assert names[-1] == "billed"
    assert names[-2] == "tallied"


def test_pool_is_needed():
    with pytest.raises(ValueError, match="pool"):
        Pool([])


async def test_nobody_left_is_one_error_with_every_cause():
    pool = scripted(a=RuntimeError("boom"), b=ConnectionError("gone"))
    with pytest.raises(NoSurvivorError, match=r"a: bad_response: RuntimeError: boom; b: disconnected") as caught:
        await run(pool)
    assert set(caught.value.failures) == {"a", "b"}


async def test_a_cache_for_all_models_does_not_mix_up_continuations():
    set_llm_cache(InMemoryCache())
    try:
        same = "The same beginning of both is long enough to be cut here. "
        pool = scripted(a=same + long("4"), b=same + long("5"), continuation="prefill", continues=True)
        message = await run(pool, Context(boot_tokens=8, top_k=2, agree=None, aggregator="top_ranked"))
    finally:
        set_llm_cache(None)
    assert set(decision(message)["agreement"]["groups"]) == {"4", "5"}


async def test_a_model_that_starts_over_and_hits_the_rest_of_the_cap_is_asked_anew():
    pool = scripted(a=long("1", 12), b=long("2"), continuation="prefill", continues=False)
    message = await run(pool, Context(boot_tokens=20, max_tokens=40, top_k=1))
    assert message.text == long("1", 12)
    assert [call.max_tokens for call in calls_of(pool, "a")] == [20, 20, 40]


@pytest.mark.parametrize(
    ("reply", "shown"),
    [
        ("<reasoning>maybe 5? no.</reasoning>The answer is 4.", "The answer is 4."),
        ("Sure.\n<think>is it 5?</think>\nThe answer is 4.", "Sure.\n\nThe answer is 4."),
    ],
)
@pytest.mark.parametrize("names", ["a", "ab"])
async def test_the_user_gets_the_text_that_is_compared(reply, shown, names):
    answer = await run(scripted(**dict.fromkeys(names, reply)))
    assert answer.text == shown
    assert {c["key"] for c in decision(answer)["candidates"]} == {"4"}


async def test_a_chat_models_stream_leaves_reasoning_out():
    text = "Sure.\n<think>is it 5?</think>\nThe answer is 4."
    chunks = [chunk async for chunk in ChatLightRouter(pool=scripted(a=text)).astream("Two and two?")]
    assert "".join(chunk.text for chunk in chunks) == "Sure.\n\nThe answer is 4."
    assert chunks[0].text == "Sure"  # the text before the block streams as it is written

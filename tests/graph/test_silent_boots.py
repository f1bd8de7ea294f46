"""Boots that say nothing: eaten by reasoning, or nothing but boilerplate and the question again."""

import pytest
from helpers import QUESTION, calls, calls_of, decision, events, long, run, scripted
from langchain_core.messages import AIMessage

from lightrouter_graph import Candidate, Context, Pool
from lightrouter_graph.selectors import Scores
from lightrouter_graph.testing import Reply, ScriptedChatModel

FIXED = Context(boot_tokens=10, width=None, agree=None, top_k=1, aggregator="top_ranked")
HIDDEN = Reply("", finish_reason="length", usage={"input_tokens": 9, "output_tokens": 10, "total_tokens": 19})


def candidate(message, name):
    return next(c for c in decision(message)["candidates"] if c["candidate"] == name)


class Seen:
    """A selector that scores by the pool's order, worst first, and remembers what it was shown."""

    def __init__(self):
        self.texts = {}

    async def score(self, query, boots):
        self.texts = {boot["candidate"]: boot["text"] for boot in boots}
        return Scores({b["candidate"]: (i + 1) / 10 for i, b in enumerate(boots)}, "seen")


async def test_a_boot_that_reasoning_ate_is_given_more_room_once():
    pool = scripted(a=[HIDDEN, long("1")], b=long("2"))
    await run(pool, FIXED)
    assert [call.max_tokens for call in calls_of(pool, "a")[:2]] == [10, 40]


async def test_what_reasoning_ate_is_remembered_so_that_it_is_paid_for_once():
    pool = scripted(a=[HIDDEN, long("1")], b=long("2"))
    await run(pool, FIXED)
    before = len(calls_of(pool, "a"))
    await run(pool, FIXED)
    assert calls_of(pool, "a")[before].max_tokens == 40


async def test_every_try_is_on_the_bill():
    pool = scripted(a=[HIDDEN, "It is 4."], b="It is 4.")
    message = await run(pool, Context(boot_tokens=10))
    bill = decision(message)["bill"]
    assert bill["calls"] == 3
    assert bill["usage"]["output_tokens"] == 10 + 2 * len(["It", " is", " 4", "."])


async def test_a_boot_that_stays_hidden_is_no_evidence_and_scored_neutral_not_last():
    seen, pool = Seen(), scripted(a=long("1"), b=HIDDEN, c=long("3"))
    message = await run(pool, FIXED, selector=seen)
    assert set(seen.texts) == {"a", "c"}
    assert candidate(message, "b")["score"] == pytest.approx((0.1 + 0.2) / 2)
    assert candidate(message, "b")["rank"] == 2
    assert candidate(message, "b")["reason"] == "no evidence: hidden reasoning used all tokens"


async def test_where_nobody_gives_evidence_the_pools_order_decides():
    pool = scripted(a=[HIDDEN, HIDDEN, long("1")], b=[HIDDEN, HIDDEN, long("2")])
    message = await run(pool, FIXED)
    assert message.text == long("1")
    assert {c["score"] for c in decision(message)["candidates"]} == {0.5}


async def test_reasoning_that_is_shown_is_judged_where_there_is_no_answer_yet():
    shown = AIMessage("", additional_kwargs={"reasoning_content": "Five apples, I think."})
    shown.response_metadata["finish_reason"] = "length"
    seen, pool = Seen(), scripted(a=long("1"), b=shown)
    await run(pool, FIXED, selector=seen)
    assert seen.texts["b"] == "Five apples, I think."


async def test_thoughts_aloud_are_not_compared_and_not_in_the_answer():
    seen = Seen()
    pool = scripted(a="<think>Is it 5?</think>The answer is 4.", b="<think>No, 7.</think>The answer is 4.")
    message = await run(pool, Context(agree=None, top_k=2, width=None), selector=seen)
    assert message.text == "The answer is 4."
    assert decision(message)["merged"] == "agreement"


async def test_a_boot_cut_within_its_thoughts_is_judged_by_them():
    seen = Seen()
    pool = scripted(a=long("1"), b="<think>" + long("5", words=60))
    await run(pool, FIXED, selector=seen)
    assert seen.texts["b"].startswith("word0 word1")


async def test_an_answer_that_is_all_thoughts_is_empty():
    pool = scripted(a="<think>Four, I think.", b="The answer is 4.")
    message = await run(pool, Context(boot_tokens=50, width=1, top_k=1))
    assert message.text == "The answer is 4."
    assert candidate(message, "a")["why"].startswith("empty: ")


BOILERPLATE = f"Sure, I'd be happy to help with that! You ask: {QUESTION} "


async def test_a_boot_of_boilerplate_is_extended_once():
    pool = scripted(a=BOILERPLATE + long("1"), b=long("2"))
    await run(pool, Context(boot_tokens=14, width=None, agree=None, top_k=1, aggregator="top_ranked"))
    assert [call.max_tokens for call in calls_of(pool, "a")[:2]] == [14, 28]


async def test_it_goes_on_from_where_it_was_where_the_candidate_continues():
    pool = scripted(a=BOILERPLATE + long("1"), b=long("2"), continuation="prefill", continues=True)
    told = await events(pool, Context(boot_tokens=14, width=None, agree=None, top_k=1, aggregator="top_ranked"))
    boot = next(e for e in told if e["event"] == "boot" and e["candidate"] == "a")
    second = calls_of(pool, "a")[1]
    assert isinstance(second.messages[-1], AIMessage)
    assert second.max_tokens == 14
    assert boot["text"].startswith(second.messages[-1].text)
    assert boot["output_tokens"] == 28


async def test_one_that_still_says_nothing_is_scored_neutral():
    seen, pool = Seen(), scripted(a=long("1"), b=BOILERPLATE * 9, c=long("3"))
    context = Context(boot_tokens=14, width=None, agree=None, top_k=1, aggregator="top_ranked")
    message = await run(pool, context, selector=seen)
    assert set(seen.texts) == {"a", "c"}
    assert calls(pool)["b"] == 2
    assert candidate(message, "b")["rank"] == 2
    assert candidate(message, "b")["reason"] == "no evidence: only boilerplate or the question restated"


async def test_a_boot_that_may_be_no_longer_is_not_extended():
    pool = scripted(a=BOILERPLATE * 9, b=long("2"))
    await run(pool, Context(boot_tokens=14, max_tokens=14, width=None, agree=None, top_k=1, aggregator="top_ranked"))
    assert calls(pool)["a"] == 1


async def test_the_extension_that_fails_leaves_the_boot_as_it_was():
    pool = Pool(
        [
            Candidate("a", ScriptedChatModel(responses=[BOILERPLATE * 9, ConnectionError("gone"), "4"], name="a")),
            Candidate("b", ScriptedChatModel(responses=long("2"), name="b")),
        ]
    )
    message = await run(pool, Context(boot_tokens=14, width=None, agree=None, top_k=1, aggregator="top_ranked"))
    assert candidate(message, "a")["reason"].startswith("no evidence")

"""Whatever a candidate does, the others answer; a failure is a record."""

import asyncio

import numpy as np
import pytest
from helpers import calls, calls_of, decision, events, long, run, scripted
from langchain_core.embeddings import Embeddings
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from lightrouter_graph import (
    ConsistencySelector,
    Context,
    LLMAggregator,
    LLMSelector,
    NoSurvivorError,
    OrderPrior,
    PoolError,
    QueryError,
    SelectionError,
    create_lightrouter,
)
from lightrouter_graph.selectors import Scores
from lightrouter_graph.testing import Reply

FIXED = Context(width=None, boot_tokens=5, top_k=2, agree=None, selector="consistency", aggregator="top_ranked")


async def test_a_raising_boot_does_not_hurt_the_others():
    pool = scripted(a=RuntimeError("boom"), b=long("2"), c=long("3"))
    message = await run(pool, FIXED)
    assert message.text in {long("2"), long("3")}
    lost = decision(message)["candidates"][0]
    assert (lost["outcome"], lost["why"]) == ("failed", "bad_response: RuntimeError: boom")


async def test_a_hanging_boot_times_out_alone():
    pool = scripted(a=Reply("", hang=True), b=long("2"), c=long("3"))
    message = await asyncio.wait_for(run(pool, FIXED.overlaid({"calls": {"boot_timeout_s": 0.05}})), 5)
    assert decision(message)["candidates"][0]["why"].startswith("timeout")
    assert calls_of(pool, "a")[0].cancelled
    assert decision(message)["bill"]["usage"]["estimated"]


async def test_a_chosen_candidate_that_fails_is_replaced_by_the_next_in_rank():
    pool = scripted(a=[long("1"), ConnectionError("gone")], b=long("2"), c=long("3"))
    message = await run(pool, FIXED)
    assert calls(pool) == {"a": 2, "b": 2, "c": 2}
    assert decision(message)["agreement"]["answered"] == 2
    assert decision(message)["candidates"][0]["why"].startswith("disconnected")


async def test_when_no_boot_survives_those_that_have_not_booted_are_asked():
    pool = scripted(a=OSError("x"), b=OSError("x"), c=long("3"), d=long("3"))
    message = await run(pool, Context(width=2, boot_tokens=5))
    assert message.text == long("3")
    assert calls(pool) == {"a": 1, "b": 1, "c": 1, "d": 1}


async def test_an_empty_boot_is_a_failure_with_its_cost():
    pool = scripted(a="", b=long("2"), c=long("3"))
    story = await events(pool, FIXED)
    empty = next(event for event in story if event["event"] == "boot" and event["candidate"] == "a")
    assert empty["failure"]["cause"] == "empty"


async def test_a_failing_aggregator_leaves_the_vote():
    writer = scripted(writer=RuntimeError("no"))["writer"]
    pool = scripted(a=long("1"), b=long("2"))
    context = Context(boot_tokens=5, top_k=2, agree=None)
    message = await run(pool, context, aggregator=LLMAggregator(writer))
    assert message.text == long("1")
    assert "RuntimeError: no" in decision(message)["merge_notes"]["aggregator_problem"]


async def test_a_failing_judge_leaves_consistency():
    judge = scripted(judge=RuntimeError("no"))["judge"]
    pool = scripted(a=long("1"), b=long("2"))
    message = await run(pool, Context(boot_tokens=5, top_k=1, agree=None), selector=LLMSelector(judge))
    assert message.text == long("1")
    assert decision(message)["selector"] == "llm, then consistency"


async def test_nobody_left_names_every_cause():
    pool = scripted(a=RuntimeError("boom"), b=[long("1"), TimeoutError()])
    with pytest.raises(NoSurvivorError) as caught:
        await run(pool, Context(boot_tokens=5, top_k=1, agree=None))
    assert caught.value.failures["a"] == "bad_response: RuntimeError: boom"
    assert caught.value.failures["b"].startswith("timeout")


async def test_a_mistake_in_our_own_or_a_users_code_is_not_swallowed():
    with pytest.raises(AssertionError):
        await run(scripted(a=AssertionError("a bug"), b=long("2")))


class Overconfident:
    async def score(self, query, boots):
        return Scores({boot["candidate"]: 7.0 for boot in boots}, "overconfident")


async def test_a_selector_that_breaks_its_contract_is_named():
    pool = scripted(a=long("1"), b=long("2"))
    with pytest.raises(SelectionError, match=r"'overconfident' returned 7\.0 for 'a'"):
        await run(pool, Context(boot_tokens=5), selector=Overconfident())


async def test_at_the_deadline_the_best_answer_at_hand_is_returned_and_marked():
    slow = [long("1"), Reply("", hang=True)]
    pool = scripted(a="The answer is 4.", b=slow, c=slow)
    context = Context(boot_tokens=8, deadline_s=0.6)
    message = await asyncio.wait_for(run(pool, context), 5)
    assert message.text == "The answer is 4."
    assert decision(message)["stopped_text"] == "the deadline has passed"


async def test_a_deadline_that_passes_in_an_inner_layer_still_brings_an_answer():
    pool = scripted(a=long("1"), b=long("2"), c=Reply("", hang=True))
    context = Context(layers=2, boot_tokens=8, deadline_s=0.5, aggregator="top_ranked")
    message = await asyncio.wait_for(run(pool, context), 5)
    assert message.text == "word0 word1 word2 word3"
    assert message.response_metadata["finish_reason"] == "length"
    assert decision(message)["stopped_text"] == "the deadline has passed; the answer is: incomplete best boot"


async def test_when_the_last_layer_is_lost_the_draft_is_the_answer():
    pool = scripted(a=[long("1"), OSError("gone")], b=[long("2"), OSError("gone")])
    writer = scripted(writer="What is known so far.")["writer"]
    context = Context(layers=2, boot_tokens=8, top_k=2, agree=None)
    message = await run(pool, context, aggregator=LLMAggregator(writer))
    assert message.text == "What is known so far."
    assert decision(message)["stopped_text"] == "no candidate answered in layer 2; the answer is: draft of layer 1"


async def test_when_the_last_layer_is_lost_whole_answers_of_an_earlier_one_count():
    pool = scripted(a=["The answer is 4.", OSError("gone")], b=[long("2"), OSError("gone")])
    message = await run(pool, Context(layers=2, boot_tokens=8, top_k=2, agree=None, aggregator="top_ranked"))
    assert message.text == "The answer is 4."


async def test_a_failing_embeddings_model_leaves_the_words():
    class Broken(Embeddings):
        def embed_documents(self, texts):
            raise RuntimeError("429 for key sk-abcdefghijkl")

        def embed_query(self, text):
            raise NotImplementedError

    pool = scripted(a=long("1"), b=long("2"))
    selector = ConsistencySelector(embeddings=Broken())
    message = await run(pool, Context(boot_tokens=5, top_k=1), selector=selector)
    assert "the embeddings failed" in decision(message)["selector_notes"]["fallback"]
    assert "sk-abcdefghijkl" not in str(message)


async def test_a_cut_answer_says_so_and_its_fragment_does_not_vote():
    total = "How many are there? Let us count. The answer is 12"
    pool = scripted(a=f"{total} thousand apples, less those that fell", b=long("3"))
    message = await run(pool, Context(boot_tokens=4, max_tokens=len(total.split()) + 2, top_k=1))
    assert message.text == total
    assert message.response_metadata["finish_reason"] == "length"
    assert decision(message)["candidates"][0]["key"] is None


class Numpy:
    async def score(self, query, boots):
        return Scores({boot["candidate"]: np.float32(0.5) for boot in boots}, "numpy")


async def test_numpy_scores_survive_a_checkpoint():
    saver = InMemorySaver(serde=JsonPlusSerializer(allowed_msgpack_modules=None))
    graph = create_lightrouter(scripted(a=long("1"), b=long("2")), selector=Numpy()).compile(checkpointer=saver)
    thread = {"configurable": {"thread_id": "1"}}
    result = await graph.ainvoke({"messages": [("user", "?")]}, thread, context=Context(boot_tokens=5))
    assert decision(result["messages"][-1])["candidates"][0]["score"] == 0.5


@pytest.mark.parametrize(
    ("wiring", "message"),
    [
        ({"selector": LLMSelector}, "an async method 'score'"),
        ({"aggregator": object()}, "aggregator: expected an object with an async method 'merge', got object"),
        ({"aggregator": "votes"}, r"unknown aggregator 'votes' \(did you mean 'vote'\?\); built-in are"),
        ({"prior": {"a": OrderPrior()}}, "prior takes one object or name, not a mapping"),
        ({"selector": {}}, "a mapping of parts needs at least one name"),
        ({"stop": 3}, "stop: expected an object with a method 'next_candidates', got int"),
    ],
)
def test_a_part_that_does_not_fit_is_refused_when_it_is_given(wiring, message):
    with pytest.raises(SelectionError, match=message):
        create_lightrouter(scripted(a="x"), **wiring)


class Careless:
    async def score(self, query, boots):
        return {boot["candidate"]: 1.0 for boot in boots}

    async def merge(self, query, answers):
        return answers[0]["text"]


async def test_a_part_that_returns_something_else_is_named():
    pool = scripted(a=long("1"), b=long("2"))
    with pytest.raises(SelectionError, match="score returned dict, expected Scores"):
        await run(pool, Context(boot_tokens=5), selector=Careless())
    with pytest.raises(SelectionError, match="merge returned str, expected Merged"):
        await run(pool, Context(boot_tokens=5, top_k=2, agree=None), aggregator=Careless())


def test_a_key_that_cannot_be_called_as_one_is_refused_when_it_is_given():
    with pytest.raises(SelectionError, match="key must be callable as"):
        create_lightrouter(scripted(a="x"), key=lambda text, question: text)


async def test_a_tool_call_that_nobody_asked_for_is_a_failure_that_says_so():
    call = AIMessage("", tool_calls=[{"name": "add", "args": {"a": 1}, "id": "1"}])
    message = await run(scripted(a=call, b="The answer is 4.", c="The answer is 4."))
    assert decision(message)["candidates"][0]["why"] == "bad_response: the reply calls a tool, but no tool was offered"


async def test_an_empty_question_is_refused_before_anybody_is_paid():
    pool = scripted(a="x")
    with pytest.raises(QueryError, match="the last message is empty"):
        await run(pool, question="")
    assert calls(pool) == {"a": 0}


def test_a_list_becomes_a_pool_and_one_model_does_not():
    assert create_lightrouter(list(scripted(a="4"))).compile().invoke({"messages": [("user", "2+2?")]})
    with pytest.raises(PoolError, match="needs a list of candidates"):
        create_lightrouter("openai:gpt-5.4-mini")


async def test_at_the_deadline_without_an_answer_the_best_boot_is_returned():
    slow = [long("1"), Reply("", hang=True)]
    pool = scripted(a=slow, b=slow)
    message = await asyncio.wait_for(run(pool, Context(boot_tokens=8, deadline_s=0.5)), 5)
    assert message.text == "word0 word1 word2 word3"


class Slow:
    async def score(self, query, boots):
        await asyncio.Event().wait()


async def test_a_selector_that_forgets_the_time_is_left_at_the_deadline():
    pool = scripted(a=long("1"), b=long("2"))
    message = await asyncio.wait_for(run(pool, Context(boot_tokens=5, deadline_s=0.2), selector=Slow()), 5)
    assert message.text.startswith("word0")
    assert "exceeded the deadline" in decision(message)["selector_notes"]["fallback"]


class Impatient:
    async def score(self, query, boots):
        raise TimeoutError("my own limit")


async def test_a_selector_that_is_down_is_replaced_by_consistency_and_that_is_said():
    message = await run(scripted(a=long("1"), b=long("2")), Context(boot_tokens=5), selector=Impatient())
    assert decision(message)["selector"] == "consistency"
    assert decision(message)["selector_notes"]["fallback"] == "the selector failed: TimeoutError: my own limit"


class Mistaken:
    async def score(self, query, boots):
        return {}["no such key"]

    async def merge(self, query, answers):
        return [].no_such_name


async def test_a_mistake_in_a_selector_or_an_aggregator_is_not_swallowed():
    pool = scripted(a=long("1"), b=long("2"))
    with pytest.raises(KeyError, match="no such key"):
        await run(pool, Context(boot_tokens=5), selector=Mistaken())
    with pytest.raises(AttributeError, match="no_such_name"):
        await run(pool, Context(boot_tokens=5, agree=None), aggregator=Mistaken())


class Down:
    async def merge(self, query, answers):
        raise ConnectionError("https://user:pass-word-1@down.example refused")


async def test_an_aggregator_that_is_down_is_replaced_by_a_vote_and_that_is_said():
    pool = scripted(a=long("1"), b=long("2"), c=long("2"))
    message = await run(pool, Context(boot_tokens=5, agree=None, top_k=3), aggregator=Down())
    assert message.text == long("2")
    notes = decision(message)["merge_notes"]
    assert notes["fallback"] == "the aggregator failed; strategy 'vote' was used instead"
    assert notes["aggregator_problem"] == "ConnectionError: https://***@down.example refused"

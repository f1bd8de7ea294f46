"""Mistakes in building a graph are answered at once, with what to write instead."""

import pytest
from helpers import decision, long, run, scripted

from lightrouter_graph import (
    ChatLightRouter,
    Context,
    ContextError,
    PoolError,
    Scores,
    SelectionError,
    create_lightrouter,
    decision_of,
)


def test_settings_are_keywords():
    bound = create_lightrouter(scripted(a="4"), context=Context(layers=2), top_k=3)
    assert bound.nodes.keys() == {"open", "boot", "select", "generate", "tally", "aggregate"}
    with pytest.raises(
        ContextError, match=r"unknown setting 'topk' \(did you mean 'top_k'\?\); settings are boot_tokens"
    ):
        create_lightrouter(scripted(a="4"), topk=3)
    with pytest.raises(ContextError, match="unknown setting 'selectr' \\(did you mean 'selector'"):
        create_lightrouter(scripted(a="4"), selectr="llm")
    with pytest.raises(ContextError, match="top_k = 0: input should be greater"):
        create_lightrouter(scripted(a="4"), top_k=0)


async def test_keywords_are_laid_over_the_context():
    pool = scripted(a="It is 4.", b="It is 5.", c="It is 6.")
    answer = await run(pool, context=None, boot_tokens=50, top_k=1)
    settings = answer.response_metadata["lightrouter"]["settings"]
    assert (settings["boot_tokens"], settings["top_k"], settings["agree"]) == (50, 1, None)


@pytest.mark.parametrize("context", [3, "top_k=2"])
def test_a_context_of_another_type_is_refused(context):
    with pytest.raises(ContextError, match="must be a Context or a dict of its fields"):
        create_lightrouter(scripted(a="4"), context=context)


def test_a_graph_that_is_not_compiled_says_how():
    graph = create_lightrouter(scripted(a="4"))
    with pytest.raises(AttributeError, match=r"write create_lightrouter\(...\).compile\(\).invoke\(...\)"):
        graph.invoke({"messages": []})
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        graph.nothing  # noqa: B018


def test_a_wrong_argument_of_the_chat_model_is_answered_with_the_nearest():
    with pytest.raises(ContextError, match=r"unknown argument 'topk' \(did you mean 'top_k'\?\) of ChatLightRouter"):
        ChatLightRouter(scripted(a="4"), topk=2)


def rule(names):
    return type("Rule", (), {"next_candidates": lambda self, query, status: names})()


class AsyncRule:
    async def next_candidates(self, query, status):
        return []


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"stop": rule(None)}, "Rule.next_candidates returned None, expected a list of names"),
        ({"stop": rule("a")}, "Rule.next_candidates returned 'a', expected a list of names"),
        ({"stop": rule(["z"])}, r"Rule.next_candidates returned 'z', expected names of \('a', 'b'\)"),
        ({"stop": AsyncRule()}, "stop: expected an object with a method 'next_candidates', got AsyncRule"),
    ],
)
async def test_a_stop_rule_that_returns_something_else_is_named(part, message):
    with pytest.raises(SelectionError, match=message):
        await run(scripted(a=long("1"), b=long("2")), boot_tokens=5, **part)


class NoPrior:
    async def score(self, query):
        return None


class Words:
    async def score(self, query, boots):
        return Scores({boot["candidate"]: "high" for boot in boots}, "words")


async def test_a_part_that_returns_something_else_is_answered_with_what_is_expected():
    with pytest.raises(SelectionError, match=r"NoPrior\.score returned NoneType, expected a score by candidate"):
        await run(scripted(a="4"), prior=NoPrior())
    with pytest.raises(SelectionError, match="selector 'words' returned 'high' for 'a'; allowed is 0 to 1"):
        await run(scripted(a=long("1"), b=long("2")), boot_tokens=5, selector=Words())


async def test_a_mapping_of_parts_may_name_built_in_ones():
    answer = await run(scripted(a=long("1"), b=long("2")), boot_tokens=5, selector={"mine": "random"})
    assert decision(answer)["selector"] == "random"


def test_a_number_for_a_group_is_answered_with_the_class_to_write():
    with pytest.raises(ContextError, match=r"budget = 0.05: .*; write Budget\(usd=...\)"):
        create_lightrouter(scripted(a="4"), budget=0.05)


@pytest.mark.parametrize("pool", [None, 3])
def test_no_pool_is_refused(pool):
    with pytest.raises(PoolError, match="a pool needs a list of candidates, got one"):
        create_lightrouter(pool)


class Failing:
    async def score(self, query, boots):
        raise ValueError("the service is down")

    async def merge(self, query, answers):
        raise ValueError("the service is down")


async def test_a_part_that_fails_is_logged(caplog):
    pool = scripted(a=long("1"), b=long("2"))
    await run(pool, boot_tokens=5, top_k=2, agree=None, selector=Failing(), aggregator=Failing())
    assert "the selector failed, consistency ranks the boots instead: ValueError: the service is down" in caplog.text
    assert "the aggregator failed, a vote merges the answers instead: ValueError: the service is down" in caplog.text


def test_only_messages_have_a_decision():
    with pytest.raises(TypeError, match="expected a message, got str"):
        decision_of("x")

"""Mistakes in building a graph are answered at once, with what to write instead."""

import pytest
from helpers import run, scripted

from lightrouter_graph import ChatLightRouter, Context, ContextError, create_lightrouter


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

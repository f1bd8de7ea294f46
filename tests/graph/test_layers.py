"""Layers: inner ones merge boots into a draft, the last one answers."""

import json

from helpers import QUESTION, calls, calls_of, decision, events, long, run, scripted

from lightrouter_graph import Context, LLMAggregator, LLMSelector, create_lightrouter


def judge(scores):
    """Script a judge that gives each text the score of the first of these words it holds."""

    def rule(messages):
        shown = json.loads(messages[-1].text)["answers"]
        verdict = [
            {"label": s["label"], "score": next(v for w, v in scores.items() if w in s["text"]), "reason": "seen"}
            for s in shown
        ]
        return json.dumps({"scores": verdict})

    return scripted(judge=rule)["judge"]


def telling(word):
    """Write a long text that begins with a telling word and ends with an answer of its own."""
    return f"{word} " + long(str(sum(map(ord, word))))


async def paper_run(pool, **overrides):
    writer = scripted(writer="A merged text.")["writer"]
    selector = LLMSelector(judge({"good": 9, "fair": 6, "poor": 1}))
    settings = {"boot_tokens": 6, "selector": "default", "aggregator": "default", **overrides}
    context = Context.paper(**settings)
    return writer, await run(pool, context, selector=selector, aggregator=LLMAggregator(writer))


async def test_two_layers_boot_all_twice_and_answer_in_full_only_at_the_end():
    pool = scripted(a=telling("poor"), b=telling("good"), c=telling("fair"))
    writer, message = await paper_run(pool)
    assert calls(pool) == {"a": 2, "b": 3, "c": 3}
    assert [call.max_tokens for call in calls_of(pool, "b")] == [6, 6, None]
    assert len(writer.model.calls) == 2
    assert message.text == "A merged text."
    assert decision(message)["layers"] == 2


async def test_the_papers_setting_uses_the_judge_and_the_writer_that_were_given():
    pool = scripted(a=telling("poor"), b=telling("good"), c=telling("fair"))
    writer, chief = scripted(writer="A merged text.")["writer"], judge({"good": 9, "fair": 6, "poor": 1})
    message = await run(
        pool, Context.paper(boot_tokens=6), selector=LLMSelector(chief), aggregator=LLMAggregator(writer)
    )
    assert message.text == "A merged text."
    assert len(chief.model.calls) == 4
    assert decision(message)["selector"] == "llm"


async def test_the_second_layer_is_conditioned_on_the_draft_of_the_chosen_boots():
    pool = scripted(a=telling("poor"), b=telling("good"), c=telling("fair"))
    writer, _ = await paper_run(pool)
    drafted_from = writer.model.calls[0].messages[-1].text
    assert "good" in drafted_from
    assert "poor" not in drafted_from
    for name in pool.names:
        first, second = calls_of(pool, name)[:2]
        assert [m.text for m in first.messages] == [QUESTION]
        assert second.messages[: len(first.messages)] == first.messages
        assert "A merged text." in second.messages[-1].text


async def test_the_loop_is_bounded_by_its_own_counter():
    pool = scripted(a=telling("poor"), b=telling("good"), c=telling("fair"))
    _, message = await paper_run(pool, layers=4)
    assert calls(pool) == {"a": 4, "b": 5, "c": 5}
    assert decision(message)["layers"] == 4


async def test_a_parents_low_recursion_limit_is_enough_for_three_layers():
    pool = scripted(a=long("1"), b=long("2"))
    context = Context(layers=3, boot_tokens=5, top_k=2, agree=None, aggregator="top_ranked")
    graph = create_lightrouter(pool).compile()
    result = await graph.ainvoke({"messages": [("user", QUESTION)]}, {"recursion_limit": 25}, context=context)
    assert result["messages"][-1].text == long("1")


async def test_a_candidate_dropped_in_the_first_layer_may_recover_in_the_second():
    late = [telling("poor"), telling("good"), telling("good")]
    pool = scripted(a=late, b=telling("fair"), c=telling("fair"))
    _, message = await paper_run(pool, top_k=1, aggregator="top_ranked")
    assert decision(message)["merged_by"] == "a"


async def test_each_layers_draft_is_told():
    pool = scripted(a=long("1"), b=long("2"))
    context = Context(layers=2, boot_tokens=5, top_k=2, agree=None, aggregator="top_ranked")
    story = await events(pool, context)
    drafted = [event for event in story if event["event"] == "drafted"]
    assert [(event["layer"], event["candidates"]) for event in drafted] == [(1, ["a", "b"])]
    assert [event["layer"] for event in story if event["event"] == "ranked"] == [1, 2]


async def test_boots_that_agree_in_an_inner_layer_end_the_run():
    pool = scripted(a="The answer is 4.", b="The answer is 4.", c=long("5"))
    message = await run(pool, Context(layers=3, boot_tokens=8))
    assert message.text == "The answer is 4."
    assert sum(calls(pool).values()) == 3

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from evaluation.toys import output, question, toy
from langchain_core.messages import AnyMessage, HumanMessage, SystemMessage

from lightrouter_graph import Context, LLMAggregator, create_lightrouter
from lightrouter_graph.answer_keys import default_key
from lightrouter_graph.evaluation.call_log import log_calls
from lightrouter_graph.evaluation.methods.sampling import ask
from lightrouter_graph.evaluation.models.merge_stub import MIN_PREFIX, listed_answers
from lightrouter_graph.evaluation.models.replay_model import DEFAULT_TIMING
from lightrouter_graph.evaluation.questions import Output, Question
from lightrouter_graph.prompts import merge_answers
from lightrouter_graph.records import Stage
from lightrouter_graph.testing.tokens import count_prompt_tokens

ODD = 'He said "4"\n1. first\n2. then <|im_end|>\tdone \u200b. The answer is 4.'


def asked_of(**outputs: Output) -> Question:
    return question(1, outputs)


def listed(asked: Question, *shown: str) -> list[AnyMessage]:
    """Write a prompt with answers as they are."""
    text = "\n".join(f"{number}. {one}" for number, one in enumerate(shown, start=1))
    return [SystemMessage(f"Merge these.\n{text}"), HumanMessage(asked.text)]


def texts(asked: Question, names: str) -> list[str]:
    return [asked.outputs[name].text for name in names]


def write(asked: Question, prompt: Sequence[AnyMessage], *, stage: Stage = "aggregate", cap: int | None = None) -> str:
    world = toy([asked], writer="a")
    assert world.setting.writer is not None
    return asyncio.run(ask(world.setting.writer, asked, messages=prompt, stage=stage, max_tokens=cap)).text


FOUR, FIVE, OTHER_FIVE, NONE = output(4), output(5), output(5, words=6), output(None, words=1)


@pytest.mark.parametrize("quoted", [False, True])
@pytest.mark.parametrize(
    ("order", "winner"),
    [("abc", "b"), ("cba", "c"), ("ab", "a"), ("ba", "b"), ("da", "a"), ("d", "d"), ("ddb", "b")],
)
def test_it_writes_what_a_vote_would_choose(order: str, winner: str, quoted: bool) -> None:
    asked = asked_of(a=FOUR, b=FIVE, c=OTHER_FIVE, d=NONE)
    shown = texts(asked, order)
    prompt = merge_answers([HumanMessage(asked.text)], shown, final=True) if quoted else listed(asked, *shown)
    assert write(asked, prompt) == asked.outputs[winner].text


@pytest.mark.parametrize("quoted", [False, True])
def test_texts_with_quotes_lists_and_marks_are_found_whole(quoted: bool) -> None:
    asked = asked_of(a=output(5), b=Output(ODD, 1.0, 30), c=output(5, words=9))
    shown = [ODD, asked.outputs["a"].text]
    prompt = merge_answers([HumanMessage(asked.text)], shown, final=True) if quoted else listed(asked, *shown)
    found = [one for message in prompt for one in listed_answers(str(message.text), asked)]
    assert [one.output for one in found] == [asked.outputs["b"], asked.outputs["a"]]
    assert all(one.complete for one in found)
    assert write(asked, prompt) == ODD


@pytest.mark.parametrize("quoted", [False, True])
def test_equal_short_answers_of_several_models_count_as_often_as_they_are_listed(quoted: bool) -> None:
    asked = asked_of(a=Output("7", 0.0, 1), b=Output("42", 1.0, 1), c=Output("42", 1.0, 1))
    shown = ["7", "42", "42"]
    prompt = merge_answers([HumanMessage(asked.text)], shown, final=True) if quoted else listed(asked, *shown)
    assert len([one for message in prompt for one in listed_answers(str(message.text), asked)]) == 3
    assert write(asked, prompt) == "42"


@pytest.mark.parametrize("quoted", [False, True])
@pytest.mark.parametrize(("characters", "found"), [(MIN_PREFIX, ["b"]), (MIN_PREFIX - 1, [])])
def test_beginnings_are_known_from_forty_characters_on(quoted: bool, characters: int, found: list[str]) -> None:
    asked = asked_of(a=output(4, words=2), b=output(5, words=30))
    boot = asked.outputs["b"].text[:characters]
    prompt = merge_answers([HumanMessage(asked.text)], [boot], final=False) if quoted else listed(asked, boot)
    shown = [one for message in prompt for one in listed_answers(str(message.text), asked)]
    assert [one.output for one in shown] == [asked.outputs[name] for name in found]
    assert not any(one.complete for one in shown)
    assert write(asked, prompt) == asked.outputs[found[0] if found else "a"].text


def test_a_beginning_votes_only_with_what_it_shows() -> None:
    asked = asked_of(a=output(4, words=20), b=output(5, words=20), c=output(5, words=30))
    boots = [asked.outputs["c"].text[:60], asked.outputs["b"].text[:61]]
    prompt = merge_answers([HumanMessage(asked.text)], [*boots, asked.outputs["a"].text], final=False)
    assert write(asked, prompt) == asked.outputs["a"].text


def test_an_intermediate_result_at_the_cut_is_no_vote() -> None:
    begun = "First the fruits of one kind: 3 apples and 9 apples are 12."
    said = {
        "a": output(4),
        "b": Output(f"{begun} The answer is 5.", 0.0, 20),
        "c": Output(f"{begun} It is 6.", 0.0, 20),
    }
    asked = replace(asked_of(**said), text="There are 3 apples, 9 apples and a pear. How many fruits are there?")
    assert default_key(begun, asked.text) == "12"
    prompt = merge_answers([HumanMessage(asked.text)], [begun, begun, asked.outputs["a"].text], final=False)
    assert write(asked, prompt) == asked.outputs["a"].text


def test_a_list_within_an_answer_lists_no_further_answers() -> None:
    asked = asked_of(a=Output("7", 0.0, 1), b=Output("Two cases:\n1. 7\n2. 7\nThe answer is 5.", 1.0, 20))
    found = [one for message in listed(asked, *texts(asked, "b")) for one in listed_answers(str(message.text), asked)]
    assert [one.output for one in found] == [asked.outputs["b"]]


def test_a_short_output_is_not_found_at_the_beginning_of_a_longer_text() -> None:
    asked = asked_of(a=Output("9", 0.0, 1), b=Output("4", 1.0, 1))
    assert write(asked, listed(asked, "42 is what somebody else said")) == "9"


def test_without_known_answers_it_returns_its_own() -> None:
    asked = asked_of(a=output(4), b=output(5))
    assert write(asked, listed(asked, "Somebody else said 9.")) == asked.outputs["a"].text


def test_a_call_costs_what_it_reads_and_what_it_writes_at_its_own_price_and_pace() -> None:
    asked = asked_of(a=output(4, tokens=10), b=output(5, tokens=61))
    world = toy([asked], prices={"a": (1.0, 3.0), "b": (50.0, 50.0)}, writer="a", overhead=7)
    prompt = listed(asked, *texts(asked, "b"))

    async def merge(cap: int | None) -> None:
        assert world.setting.writer is not None
        await ask(world.setting.writer, asked, messages=prompt, stage="aggregate", max_tokens=cap)

    with log_calls() as calls:
        asyncio.run(merge(None))
        asyncio.run(merge(20))
    read = 7 + count_prompt_tokens(str(message.text) for message in prompt)
    whole, cut = calls
    assert (whole["candidate"], whole["stage"]) == ("a", "aggregate")
    assert (whole["input_tokens"], whole["output_tokens"]) == (read, 61)
    assert whole["usd"] == pytest.approx((read * 1.0 + 61 * 3.0) / 1e6)
    assert whole["ended_s"] - whole["began_s"] == pytest.approx(DEFAULT_TIMING.due_s(60))
    assert 15 <= cut["output_tokens"] <= 20


def test_it_keeps_the_pace_it_was_recorded_with() -> None:
    timed = output(4, tokens=11, ttft_s=2.0, seconds=4.0)
    asked = asked_of(a=timed, b=output(5, tokens=21))
    world = toy([asked], writer="a")

    async def merge() -> None:
        assert world.setting.writer is not None
        await ask(world.setting.writer, asked, messages=listed(asked, *texts(asked, "b")), stage="aggregate")

    with log_calls() as calls:
        asyncio.run(merge())
    assert calls[0]["ended_s"] == pytest.approx(2.0 + 20 / 5)


def test_it_serves_the_aggregator_of_a_router() -> None:
    asked = asked_of(a=output(4, words=30), b=output(5, words=31), c=output(5, words=32))
    world = toy([asked], writer="a")
    graph = create_lightrouter(world.setting.pool, aggregator=LLMAggregator(world.setting.writer)).compile()
    context = Context(boot_tokens=12, width=None, top_k=3, agree=None)
    with log_calls() as calls:
        result = asyncio.run(graph.ainvoke({"messages": [("user", asked.text)]}, context=context))
    assert [call["stage"] for call in calls][-1] == "aggregate"
    assert calls[-1]["candidate"] == "a"
    assert result["messages"][-1].text in texts(asked, "bc")

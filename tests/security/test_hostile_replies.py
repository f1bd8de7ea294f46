"""A reply that was made to break the run costs its candidate the place, and nobody else anything."""

import asyncio
import json

import pytest
from cli.team import terminal
from helpers import QUESTION, decision, run, scripted
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from security.attacks import ATTACKS
from security.planted import PLAIN, LeakyChat

from lightrouter_graph import Context, LLMAggregator, LLMSelector, Pool, SelectionError, create_lightrouter
from lightrouter_graph.testing import RecordedModelServer, ScriptedChatModel

ASKED = {"messages": [("user", QUESTION)]}
THREAD = {"configurable": {"thread_id": "1"}}
ALL = Context(agree=None, boot_tokens=4000, aggregator="vote")
NUMBER = {"title": "Number", "type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
HALF = "The answer is 4 \ud83d."


def strict_saver():
    return InMemorySaver(serde=JsonPlusSerializer(allowed_msgpack_modules=None))


async def test_half_a_character_can_be_kept():
    graph = create_lightrouter(scripted(a=HALF, b="The answer is 4."), context=ALL).compile(checkpointer=strict_saver())
    message = (await graph.ainvoke(ASKED, THREAD))["messages"][-1]
    assert message.text == "The answer is 4 \ufffd."


async def test_half_a_character_in_a_boot_keeps_neither_judge_nor_aggregator_from_being_asked():
    def reply(body):
        last = body["messages"][-1]["content"]
        if '"answers"' in last:
            labels = [answer["label"] for answer in json.loads(last)["answers"]]
            return json.dumps({"scores": [{"label": label, "score": 5} for label in labels]})
        return "merged" if "best-ranked first" in last else HALF.replace("4", body["model"])

    with RecordedModelServer(responders=dict.fromkeys(("a", "b", "judge"), reply)) as server:
        a, b, judge = (
            ChatOpenAI(model=name, base_url=server.base_url, api_key="none", max_retries=0)
            for name in ("a", "b", "judge")
        )
        wiring = {"selector": LLMSelector(judge), "aggregator": LLMAggregator(judge)}
        message = await run(Pool([a, b]), Context(agree=None, selector="llm", aggregator="llm"), **wiring)
    assert message.text == "merged"
    assert decision(message)["selector"] == "llm"


@pytest.mark.parametrize(
    "reply",
    [
        "[" * 3_000,
        "[" * 3_000 + "]" * 3_000,
        '{"n": ' * 3_000,
        "Here:\n```json\n" + "[" * 3_000 + "\n```",
        '{"n": ' + "1" * 5_000 + "}",
        '{"n": NaN}',
    ],
    ids=["open", "lists", "objects", "fenced", "digits", "nan"],
)
async def test_json_that_cannot_be_read_is_no_answer(reply):
    pool = scripted(a=reply, b='{"n": 4}')
    message = await run(pool, ALL, response_format=NUMBER)
    assert json.loads(message.text) == {"n": 4}
    assert [c["outcome"] for c in decision(message)["candidates"]] == ["failed", "answered"]


def test_a_model_in_the_place_of_a_selector_does_not_show_its_key():
    with pytest.raises(SelectionError) as caught:
        create_lightrouter(scripted(a="4"), selector=LeakyChat(key=PLAIN))
    assert PLAIN not in str(caught.value)


def test_a_quiet_answer_does_not_rule_the_terminal(tmp_path):
    with RecordedModelServer(responders={"a": lambda _: ATTACKS["ansi"]}) as server:
        (tmp_path / "pool.toml").write_text(f'[[candidate]]\nmodel = "vllm:a@{server.base_url}"\n')
        with terminal("ask", "-q", "--pool", "pool.toml", QUESTION, columns=80, cwd=tmp_path) as shown:
            assert shown.read_all() == 0
    assert "five" in shown.raw
    assert "\x1b" not in shown.raw


async def test_an_exception_that_cannot_speak_is_a_failure_as_any_other():
    class SpeechlessError(Exception):
        def __str__(self):
            raise RuntimeError

    message = await run(scripted(a=SpeechlessError(), b="The answer is 4."), ALL)
    assert decision(message)["candidates"][0]["why"] == "bad_response: SpeechlessError"


@pytest.mark.parametrize("noise", ["[" * 300_000, "1." * 150_000, "\\boxed{" * 50_000, " " * 300_000, "```\n" * 75_000])
@pytest.mark.timeout(10)
async def test_megabytes_that_a_server_did_not_cut_hold_nobody_up(noise):
    class Endless(ScriptedChatModel):
        async def _agenerate(self, *args, **kwargs):
            result = await super()._agenerate(*args, **kwargs)
            result.generations[0].message.content = noise
            return result

    pool = Pool([Endless(responses="x", name="a", then="repeat_last"), *scripted(b="The answer is 4.")])
    message = await asyncio.wait_for(run(pool, Context(agree=None)), 9)
    assert decision(message)["candidates"]

"""Which models the graphs use, and that the log says so."""

import logging
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from graphs.pool import configured_pool, open_pool
from graphs.stand_ins import HOW_TO_CONFIGURE, stand_ins
from lightrouter_graph import PoolError

POOL_FILE = '[[candidate]]\nname = "mine"\nmodel = "vllm:mine@http://127.0.0.1:9/v1"\n'
ASKED = [HumanMessage("What is 17 * 23?")]


@pytest.fixture(autouse=True)
def _not_yet_chosen():
    _forget()
    yield
    _forget()


def _forget():
    open_pool.cache_clear()
    configured_pool.cache_clear()


@pytest.mark.parametrize(
    ("tools", "names", "kind"),
    [
        (False, ("general", "shares", "products", "sums", "quick"), "small pocket models, grade-school word problems"),
        (True, ("stand-in-a", "stand-in-b", "stand-in-c"), "stand-ins that call a tool"),
    ],
)
def test_without_anything_configured_the_log_says_who_answers_and_how_to_change_that(caplog, tools, names, kind):
    caplog.set_level(logging.INFO, logger="graphs.pool")
    assert open_pool(tools=tools) is open_pool(tools=tools)
    assert open_pool(tools=tools).names == names
    (line,) = [record.getMessage() for record in caplog.records if record.name == "graphs.pool"]
    assert kind in line
    assert "OPENAI_API_KEY" in line
    assert "\n" not in line


def test_a_pool_file_comes_first(monkeypatch, caplog):
    caplog.set_level(logging.INFO, logger="graphs.pool")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none")
    Path("lightrouter.toml").write_text(POOL_FILE)
    assert open_pool().names == ("mine",)
    assert open_pool(tools=True) is open_pool()
    assert caplog.text.count("lightrouter.toml") == 1


def test_a_broken_pool_file_is_not_passed_over():
    Path("lightrouter.toml").write_text("[[candidate]]\n")
    with pytest.raises(PoolError, match=r"lightrouter\.toml"):
        open_pool()


def test_a_key_in_the_environment_is_enough(monkeypatch, caplog):
    caplog.set_level(logging.INFO, logger="graphs.pool")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none")
    assert all(name.startswith("openai:") for name in open_pool().names)
    assert "sk-none" not in caplog.text


def look_up(place: str) -> str:
    """Look a place up."""
    return place


def pick(number: int, text: str) -> str:
    """Pick."""
    return text * number


def test_with_tools_they_call_the_first_that_fits_and_then_say_what_it_returned():
    model = stand_ins()["stand-in-a"].model
    (call,) = model.bind_tools([pick, look_up]).invoke(ASKED).tool_calls
    assert (call["name"], call["args"]) == ("look_up", {"place": "17 * 23"})
    returned = ToolMessage("Peru", name="look_up", tool_call_id=call["id"])
    assert model.invoke([*ASKED, returned]).text.startswith("The answer is Peru.")


def test_they_do_not_keep_from_you_that_they_stand_in():
    returned = ToolMessage("391", name="look_up", tool_call_id="1")
    said = {candidate.name: candidate.model.invoke([*ASKED, returned]).text for candidate in stand_ins()}
    assert all(f"I am {name}, which stands in for a model" in text for name, text in said.items())


@pytest.mark.parametrize(("tools", "choice"), [([pick], None), ([look_up], "none")])
def test_without_a_tool_that_fits_they_say_what_they_can_do(tools, choice):
    reply = stand_ins()["stand-in-a"].model.bind_tools(tools, tool_choice=choice).invoke(ASKED)
    assert (reply.text, reply.tool_calls) == (HOW_TO_CONFIGURE, [])


def test_they_find_the_question_before_what_lightrouter_adds_to_it():
    asked = [*ASKED, HumanMessage("Draft of another model: I would look it up.")]
    assert stand_ins()["stand-in-a"].model.bind_tools([look_up]).invoke(asked).tool_calls


@pytest.mark.parametrize(
    "messages", [[HumanMessage("Who was Ada?")], [*ASKED, AIMessage("391"), HumanMessage("Thanks!")]]
)
def test_without_arithmetic_in_the_question_no_tool_is_called(messages):
    assert stand_ins()["stand-in-a"].model.bind_tools([look_up]).invoke(messages).text == HOW_TO_CONFIGURE

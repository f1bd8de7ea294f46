"""Selection of the models of the graphs, and the log line about it."""

import logging
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from graphs.demo_models import HOW_TO_CONFIGURE, tool_calling_pool
from graphs.pool import configured_pool, open_pool
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
        (True, ("demo-a", "demo-b", "demo-c"), "scripted demo models"),
    ],
)
def test_without_configuration_the_log_names_the_models_and_how_to_change_them(caplog, tools, names, kind):
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


def test_a_broken_pool_file_is_an_error():
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


def test_demo_models_call_the_first_fitting_tool_and_return_its_result():
    model = tool_calling_pool()["demo-a"].model
    (call,) = model.bind_tools([pick, look_up]).invoke(ASKED).tool_calls
    assert (call["name"], call["args"]) == ("look_up", {"place": "17 * 23"})
    returned = ToolMessage("Peru", name="look_up", tool_call_id=call["id"])
    assert model.invoke([*ASKED, returned]).text.startswith("The answer is Peru.")


def test_demo_models_name_themselves_as_scripted():
    returned = ToolMessage("391", name="look_up", tool_call_id="1")
    texts = {candidate.name: candidate.model.invoke([*ASKED, returned]).text for candidate in tool_calling_pool()}
    assert all(f"({name}, a scripted demo model, called look_up.)" in text for name, text in texts.items())


@pytest.mark.parametrize(("tools", "choice"), [([pick], None), ([look_up], "none")])
def test_without_a_fitting_tool_demo_models_explain_how_to_configure(tools, choice):
    reply = tool_calling_pool()["demo-a"].model.bind_tools(tools, tool_choice=choice).invoke(ASKED)
    assert (reply.text, reply.tool_calls) == (HOW_TO_CONFIGURE, [])


def test_demo_models_find_the_question_before_messages_of_lightrouter():
    asked = [*ASKED, HumanMessage("Draft of another model: I would look it up.")]
    assert tool_calling_pool()["demo-a"].model.bind_tools([look_up]).invoke(asked).tool_calls


@pytest.mark.parametrize(
    "messages", [[HumanMessage("Who was Ada?")], [*ASKED, AIMessage("391"), HumanMessage("Thanks!")]]
)
def test_without_arithmetic_in_the_question_no_tool_is_called(messages):
    assert tool_calling_pool()["demo-a"].model.bind_tools([look_up]).invoke(messages).text == HOW_TO_CONFIGURE

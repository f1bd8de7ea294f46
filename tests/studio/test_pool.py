"""Which models the graphs use, and that the log says so."""

import logging
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from graphs.pool import open_pool
from graphs.stand_ins import HOW_TO_CONFIGURE, stand_ins
from lightrouter_graph import Context, PoolError, create_lightrouter

POOL_FILE = '[[candidate]]\nname = "mine"\nmodel = "vllm:mine@http://127.0.0.1:9/v1"\n'
ASKED = [HumanMessage("What is 17 * 23?")]


@pytest.fixture(autouse=True)
def _not_yet_chosen():
    open_pool.cache_clear()
    yield
    open_pool.cache_clear()


def test_without_anything_stand_ins_answer_and_the_log_says_how_to_change_that(caplog):
    caplog.set_level(logging.INFO, logger="graphs.pool")
    assert open_pool() is open_pool()
    assert open_pool().names == ("stand-in-a", "stand-in-b", "stand-in-c")
    (line,) = [record.getMessage() for record in caplog.records if record.name == "graphs.pool"]
    assert "stand-ins" in line
    assert "OPENAI_API_KEY" in line
    assert "\n" not in line


def test_a_pool_file_comes_first(monkeypatch, caplog):
    caplog.set_level(logging.INFO, logger="graphs.pool")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none")
    Path("lightrouter.toml").write_text(POOL_FILE)
    assert open_pool().names == ("mine",)
    assert "lightrouter.toml" in caplog.text


def test_a_broken_pool_file_is_not_passed_over():
    Path("lightrouter.toml").write_text("[[candidate]]\n")
    with pytest.raises(PoolError, match=r"lightrouter\.toml"):
        open_pool()


def test_a_key_in_the_environment_is_enough(monkeypatch, caplog):
    caplog.set_level(logging.INFO, logger="graphs.pool")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none")
    assert all(name.startswith("openai:") for name in open_pool().names)
    assert "sk-none" not in caplog.text


def test_stand_ins_say_that_they_are_and_one_of_them_cannot_multiply():
    said = {candidate.name: candidate.model.invoke(ASKED).text for candidate in stand_ins()}
    assert [text.split()[3] for text in said.values()] == ["391.", "40.", "391."]
    assert all(f"I am {name}, which stands in for a model" in text for name, text in said.items())


def test_of_what_they_cannot_do_they_say_so():
    assert {candidate.model.invoke("Who was Ada?").text for candidate in stand_ins()} == {HOW_TO_CONFIGURE}


@pytest.mark.parametrize("question", ["6 / (1 * (2 - 2))", "6 / (1 * (-1))"])
def test_a_division_by_zero_has_an_answer_too(question):
    assert all("The answer is" in candidate.model.invoke(question).text for candidate in stand_ins())


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


@pytest.mark.parametrize(("tools", "choice"), [([pick], None), ([look_up], "none")])
def test_without_a_tool_that_fits_they_work_it_out_themselves(tools, choice):
    reply = stand_ins()["stand-in-a"].model.bind_tools(tools, tool_choice=choice).invoke(ASKED)
    assert not reply.tool_calls
    assert reply.text.startswith("The answer is 391.")


@pytest.mark.parametrize("layers", [1, 2])
async def test_they_find_the_question_before_what_lightrouter_adds_to_it(layers):
    router = create_lightrouter(stand_ins(), context=Context.paper(boot_tokens=5, layers=layers)).compile()
    answer = (await router.ainvoke({"messages": ASKED}))["messages"][-1]
    assert answer.text.startswith("The answer is 391.")


def test_they_do_not_answer_an_earlier_question_again():
    model = stand_ins()["stand-in-a"].model
    assert model.invoke([*ASKED, AIMessage("391"), HumanMessage("Thanks!")]).text == HOW_TO_CONFIGURE


async def test_the_selector_has_something_to_decide():
    router = create_lightrouter(stand_ins(), context=Context(top_k=2, agree=None)).compile()
    answer = (await router.ainvoke({"messages": ASKED}))["messages"][-1]
    fates = {c["candidate"]: (c["rank"], c["answer"]) for c in answer.response_metadata["lightrouter"]["candidates"]}
    assert fates == {"stand-in-a": (1, "391"), "stand-in-b": (3, "40"), "stand-in-c": (2, "391")}

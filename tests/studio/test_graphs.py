"""The graphs in this process: import, drawing, runs."""

import json
from pathlib import Path

import pytest
from studio.conftest import NAMES
from studio.conversation import EXPRESSION, FOR_A_TOOL, QUESTION, RESULT, ask, ask_graph, settings_for

ROOT = Path(__file__).parents[2]


def test_langgraph_json_names_each_graph_and_describes_it():
    config = json.loads((ROOT / "langgraph.json").read_text())
    assert tuple(config["graphs"]) == NAMES
    for name, entry in config["graphs"].items():
        assert entry["path"] == f"./graphs/{name}.py:graph"
        assert (ROOT / entry["path"].partition(":")[0]).is_file()
        assert entry["description"]


def test_langgraph_json_is_valid():
    config = pytest.importorskip("langgraph_cli.config", reason="needs langgraph-cli")
    assert config.validate_config_file(ROOT / "langgraph.json")["graphs"].keys() == set(NAMES)


def test_dependencies_need_no_quotes_in_a_dockerfile():
    dependencies = json.loads((ROOT / "langgraph.json").read_text())["dependencies"]
    assert not set("".join(dependencies)) & set("<>|&;$ ")


def test_the_graphs_have_no_checkpointer_or_store_of_their_own(graph, name):
    assert (graph.name, graph.checkpointer, graph.store) == (name, None, None)


def test_the_drawing_names_every_node(graph, name):
    drawn = graph.get_graph(xray=True).draw_mermaid()
    expected = {
        "lightrouter": ["open(open)", "select -.-> tally", "aggregate -.-> boot"],
        "agent": ["model(model)", "tools(tools", "model -.-> tools"],
        "supervisor": ["subgraph lightrouter", "triage -.-> small_talk", r"triage -.-> lightrouter\3aopen"],
    }
    assert [part for part in expected[name] if part not in drawn] == []


async def test_it_answers(graph, name):
    result = await graph.ainvoke(ask_graph(name))
    assert RESULT in result["messages"][-1].text


def test_it_answers_synchronously(graph, name):
    assert RESULT in graph.invoke(ask_graph(name))["messages"][-1].text


@pytest.mark.parametrize("name", ["lightrouter", "supervisor"])
async def test_with_short_boots_some_candidates_are_dropped(graph, name):
    result = await graph.ainvoke(ask(), context=settings_for(name, boot_tokens=16, top_k=1))
    message = result["messages"][-1]
    fates = [candidate["outcome"] for candidate in message.response_metadata["lightrouter"]["candidates"]]
    assert message.text.endswith(RESULT)
    assert fates.count("answered") == 1
    assert "dropped" in fates


async def test_settings_reach_lightrouter_through_the_context(graph, name):
    result = await graph.ainvoke(ask_graph(name), context=settings_for(name, top_k=1))
    assert result["messages"][-1].response_metadata["lightrouter"]["settings"]["top_k"] == 1


@pytest.mark.parametrize("settings", [{"top_k": -7}, {"topk": -7}])
async def test_a_wrong_setting_is_named(graph, name, settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        await graph.ainvoke(ask(), context=settings_for(name, **settings))


@pytest.mark.parametrize("name", ["agent"])
async def test_the_agent_uses_its_tool(graph):
    messages = (await graph.ainvoke(ask(FOR_A_TOOL)))["messages"]
    assert [message.type for message in messages] == ["human", "ai", "tool", "ai"]
    assert messages[1].tool_calls[0]["args"] == {"expression": EXPRESSION}
    assert messages[2].text == "85"


@pytest.mark.parametrize("name", ["agent"])
async def test_the_agent_receives_tool_errors(graph):
    messages = (await graph.ainvoke(ask("What is 1 / 0?")))["messages"]
    assert messages[2].status == "error"
    assert "zero" in messages[2].text
    assert "failed" in messages[3].text


@pytest.mark.parametrize("name", ["supervisor"])
@pytest.mark.parametrize("talk", ["Hello!", "  good morning ", "Thank you.", "bye"])
async def test_the_supervisor_answers_small_talk_itself(graph, talk):
    messages = (await graph.ainvoke(ask(talk), context={"greeting": "Hey."}))["messages"]
    assert [message.text for message in messages] == [talk, "Hey."]


@pytest.mark.parametrize("name", ["supervisor"])
@pytest.mark.parametrize("question", [QUESTION, f"Hello! {QUESTION}", f"Thanks. {QUESTION}"])
async def test_the_supervisor_routes_questions_to_lightrouter(graph, question):
    messages = (await graph.ainvoke(ask(question)))["messages"]
    assert "lightrouter" in messages[-1].response_metadata

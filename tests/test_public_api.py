"""What `import lightrouter_graph` gives, and what it costs."""

import subprocess
import sys
from pathlib import Path

import pytest
from helpers import scripted

import lightrouter_graph
from lightrouter_graph import create_lightrouter

HEAVY = {
    "aiologic",
    "anyio.from_thread",
    "attr",
    "faiss",
    "genai_prices",
    "jsonschema",
    "langchain",
    "langchain_community",
    "langchain_openai",
    "numpy",
    "openai",
    "referencing",
    "starlette",
    "typer",
    "uvicorn",
}
"""What importing the package never loads, since these are slow to import; `benchmarks/bench_import.py` measures it."""


def python(source: str) -> str:
    done = subprocess.run([sys.executable, "-W", "error", "-c", source], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_every_public_name_is_there_and_documented():
    for name in lightrouter_graph.__all__:
        assert getattr(lightrouter_graph, name).__doc__, name


@pytest.mark.parametrize("imported", ["create_lightrouter", "*"])
def test_import_loads_no_heavy_module_and_warns_of_nothing(imported):
    loaded = python(f"import sys; from lightrouter_graph import {imported}; print(*sys.modules)").split()
    assert "lightrouter_graph.graph" in loaded
    assert HEAVY.isdisjoint(loaded)


def test_import_opens_no_socket_and_needs_no_key():
    source = "import socket; socket.socket.connect = None; import lightrouter_graph; print('fine')"
    assert python(source) == "fine"


def test_the_graph_has_the_nodes_and_edges_of_the_design():
    drawn = create_lightrouter(scripted(a="x")).compile().get_graph()
    assert set(drawn.nodes) - {"__start__", "__end__"} == {"open", "boot", "select", "generate", "tally", "aggregate"}
    edges = {(edge.source, edge.target) for edge in drawn.edges}
    assert edges == {
        ("__start__", "open"),
        ("open", "boot"),
        ("open", "generate"),
        ("boot", "select"),
        ("select", "generate"),
        ("select", "tally"),
        ("select", "aggregate"),
        ("generate", "tally"),
        ("tally", "generate"),
        ("tally", "aggregate"),
        ("aggregate", "boot"),
        ("aggregate", "generate"),
        ("aggregate", "__end__"),
    }


def test_input_and_output_are_messages_alone():
    graph = create_lightrouter(scripted(a="x")).compile()
    assert set(graph.get_input_jsonschema()["properties"]) == {"messages"}
    assert set(graph.get_output_jsonschema()["properties"]) == {"messages"}


def test_studio_can_draw_its_settings_panel():
    schema = create_lightrouter(scripted(a="x")).compile().get_context_jsonschema()
    assert schema["properties"]["top_k"]["minimum"] == 1
    assert schema["properties"]["selector"]["enum"] == ["default", "consistency", "llm", "hybrid", "random"]
    assert all(field["description"] for field in schema["properties"].values())


@pytest.mark.parametrize(("old", "new"), [("BestAggregator", "TopRankedAggregator"), ("Spending", "CallCost")])
def test_names_of_version_0_1_work_with_a_warning(old, new):
    with pytest.warns(DeprecationWarning, match=f"lightrouter_graph.{old} is deprecated, write {new}"):
        assert getattr(lightrouter_graph, old) is getattr(lightrouter_graph, new)


def test_the_core_has_few_root_modules():
    root = Path(lightrouter_graph.__file__).parent
    assert len([path for path in root.glob("*.py") if path.name != "__init__.py"]) <= 12

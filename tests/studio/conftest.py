"""No configured models: an empty folder and an unreachable local server."""

import importlib

import pytest
from langgraph.pregel import Pregel

NAMES = ("lightrouter", "agent", "supervisor")
NO_SERVER = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def _nothing_configured(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OLLAMA_HOST", NO_SERVER)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


@pytest.fixture
def graph(name) -> Pregel:
    """Import one graph as `langgraph dev` does, without a configured model."""
    return importlib.import_module(f"graphs.{name}").graph

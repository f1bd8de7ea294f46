"""Public names of `lightrouter_graph.testing`: importable, documented, loaded lazily."""

import subprocess
import sys

import pytest

import lightrouter_graph.testing
from lightrouter_graph.testing import RecordedModelServer, ServerBehaviour

SERVER_PACKAGES = {"starlette", "uvicorn", "openai"}


def python(source):
    command = [sys.executable, "-W", "error", "-c", source]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def test_every_name_can_be_imported():
    for name in lightrouter_graph.testing.__all__:
        assert getattr(lightrouter_graph.testing, name).__doc__, name


def test_a_scripted_model_loads_no_server_package():
    loaded = python("import sys; from lightrouter_graph.testing import ScriptedChatModel, Timing; print(*sys.modules)")
    assert "lightrouter_graph.testing.scripted" in loaded
    assert not SERVER_PACKAGES & set(loaded)


def test_without_starlette_the_server_names_its_extra():
    source = """
import sys
sys.modules["starlette"] = None
from lightrouter_graph.testing import ScriptedChatModel
try:
    from lightrouter_graph.testing import RecordedModelServer
except ImportError as error:
    print(error)
"""
    assert python(source)[-4:] == ["packages:", "pip", "install", "'lightrouter-graph[testing]'"]


def test_habits_is_a_deprecated_name_of_server_behaviour():
    with pytest.warns(DeprecationWarning, match="`Habits` is now `ServerBehaviour`"):
        assert lightrouter_graph.testing.Habits is ServerBehaviour
    behaviour = ServerBehaviour(limit_name="max_tokens")
    with pytest.warns(DeprecationWarning, match="`habits` is now `behaviours`"):
        server = RecordedModelServer(habits={"m": behaviour})
    with pytest.warns(DeprecationWarning, match="`habits` is now `behaviours`"):
        assert server.habits == server.behaviours == {"m": behaviour}

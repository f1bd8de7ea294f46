"""What every test may rely on: no keys, no tracing, no network but loopback, strict checkpoints."""

import os

import pytest
from hypothesis import HealthCheck, settings

from lightrouter_graph.rate_limits import endpoints

# How long drawing takes says something of the machine, not of the strategies: it may be shared and busy.
settings.register_profile("shared", suppress_health_check=[HealthCheck.too_slow], deadline=None)
settings.load_profile("shared")

os.environ["LANGGRAPH_STRICT_MSGPACK"] = "true"

_FOREIGN = ("LANGSMITH_", "LANGCHAIN_", "OPENAI_", "OPENROUTER_", "TOGETHER_", "GROQ_", "DEEPSEEK_", "OLLAMA_", "VLLM_")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run what takes long when it is asked for."""
    if "slow" not in config.getoption("markexpr"):
        for item in items:
            if item.get_closest_marker("slow"):
                item.add_marker(pytest.mark.skip(reason="takes long; run with `pytest -m slow`"))


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep a developer's own keys and tracing out of the tests."""
    for name in list(os.environ):
        if name.startswith(_FOREIGN):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _no_old_lanes() -> None:
    """Let no test meet the pauses and breakers of another, whose server had the same port."""
    endpoints.clear()

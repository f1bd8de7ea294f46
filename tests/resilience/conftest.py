"""Long tests of this folder run when they are asked for: `pytest -m slow`."""

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "slow" in config.getoption("markexpr"):
        return
    for item in items:
        if item.get_closest_marker("slow") and "resilience" in item.path.parts:
            item.add_marker(pytest.mark.skip(reason="takes minutes; run with `pytest -m slow`"))

"""One generated run with hostile texts; its report is written once for all tests."""

from pathlib import Path

import pytest
from evaluation.report.example import Example, example_run

from lightrouter_graph.evaluation.report import write_report


@pytest.fixture(scope="session")
def run() -> Example:
    return example_run(56)


@pytest.fixture(scope="session")
def hostile() -> Example:
    return example_run(42, hostile=True)


@pytest.fixture(scope="session")
def folder(hostile: Example, tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("matplotlib", reason="the extra `eval` is not installed")
    where = tmp_path_factory.mktemp("report") / "run"
    write_report(where, hostile.summary, hostile.results, hostile.questions)
    return where

"""A pool of recorded models on a loopback server, and the command line as a process."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cli.team import NAMES, RECORDS, command

from lightrouter_graph.testing import RecordedModelServer

Cli = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def server() -> Iterator[RecordedModelServer]:
    """Serve ada, bob and cyd."""
    with RecordedModelServer(RECORDS) as running:
        yield running


@pytest.fixture
def pool_file(server: RecordedModelServer, tmp_path: Path) -> Path:
    """Write a pool file of the three; bob's price is twice ada's, cyd's three times."""
    rows = [
        f'[[candidate]]\nname = "{name}"\nmodel = "vllm:{name}@{server.base_url}"\n'
        f"price = {{ input = {price}, output = {price} }}\n"
        for price, name in enumerate(NAMES, start=1)
    ]
    path = tmp_path / "team.toml"
    path.write_text("\n".join(rows))
    return path


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """Run the command line, piped, in an empty folder."""

    def run(*args: object, stdin: str = "", **env: str) -> "subprocess.CompletedProcess[str]":
        place = {"cwd": tmp_path, "env": os.environ | env}
        return subprocess.run(command(*args), input=stdin, capture_output=True, text=True, check=False, **place)

    return run

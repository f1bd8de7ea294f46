"""Recorded models in a process of their own, so that their work is not done under the caller's lock.

python -m resilience.model_server [SHARE]      turns that share of the calls down; answers each line of stdin with one
"""

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lightrouter_graph.testing import Fail, RecordedModelServer, Timing

NAMES = "abcdefgh"
ANSWERS = dict(zip(NAMES, "44454647", strict=True))
TIMING = Timing(ttft_s=0.02, tokens_per_s=2000)


class ModelServer:
    """The server as the process that asks it sees it."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.base_url: str = self._ask("base_url")

    def total(self) -> dict[str, int]:
        """Wait until no call is in flight, and return the bill."""
        return self._ask("total")

    def requests(self) -> int:
        """Count the requests, those that were turned down included."""
        return self._ask("requests")

    def refuse(self, name: str, times: int) -> None:
        """Tell that many callers of a model that they come too often."""
        self._ask("refuse", name, times)

    def _ask(self, what: str, *arguments: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([what, *arguments]) + "\n")
        return json.loads(self._process.stdout.readline())


@contextmanager
def models_apart(broken: float = 0.0) -> Iterator[ModelServer]:
    """Serve the models from another process; that share of their calls ends in a 500."""
    paths = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])}
    command = [sys.executable, "-m", "resilience.model_server", str(broken)]
    with subprocess.Popen(
        command, env=paths, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        yield ModelServer(process)


def _do(server: RecordedModelServer, what: str, *arguments: Any) -> Any:
    match what:
        case "base_url":
            return server.base_url
        case "refuse":
            name, times = arguments
            server.failures[name] = Fail(status=429, times=times)
        case "total":
            server.wait_until_idle(30)
            return vars(server.total())
        case "requests":
            return len(server.requests)
    return None


def _player(name: str, broken: float) -> Callable[[dict[str, Any]], str]:
    dice = random.Random(name)
    essay = " ".join(f"word{i}" for i in range(40)) + f". The answer is {ANSWERS[name]}."

    def play(_: dict[str, Any]) -> str:
        if dice.random() < broken:
            raise RuntimeError("injected")
        return essay

    return play


def _main(broken: float) -> None:
    players = {name: _player(name, broken) for name in NAMES}
    with RecordedModelServer(responders=players, timing=TIMING) as server:
        for line in sys.stdin:
            sys.stdout.write(json.dumps(_do(server, *json.loads(line))) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    _main(float(sys.argv[1]))

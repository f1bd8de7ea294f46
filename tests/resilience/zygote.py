"""A process that has imported everything and forks a worker for each job: processes to kill, at no cost of starting.

python -m resilience.zygote        reads a job per line of stdin, forks, and writes the worker's process id
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from resilience.asking import answer_once, answer_once_synchronously
from resilience.routers import QUESTIONS, THREAD, router_at, serving

_POLL_S = 0.002


class Worker:
    """One forked process, which answers questions on a thread of a database."""

    def __init__(self, pid: int, told: Path) -> None:
        self.pid = pid
        self._told = told

    def kill(self) -> None:
        """Kill it; an ended worker stays what it is."""
        try:
            os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self._wait()

    def join(self) -> None:
        """Wait for its end.

        Raises:
            RuntimeError: If it did not end well.
        """
        self._wait()
        told = self._told.read_text() if self._told.exists() else "it was killed"
        if told:
            raise RuntimeError(told)

    def _wait(self) -> None:
        while _lives(self.pid):
            time.sleep(_POLL_S)


class Zygote:
    """The process that forks, started and ended by `with`. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        paths = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])}
        command = [sys.executable, "-m", "resilience.zygote"]
        self._process = subprocess.Popen(
            command, env=paths, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        assert self._hear() == "ready"
        return self

    def __exit__(self, *_: object) -> None:
        with self._process:
            self._process.stdin.close()

    def start(
        self, setting: str, base_url: str, database: Path, questions: Sequence[int], *, synchronous: bool = False
    ) -> Worker:
        """Fork a worker that answers the questions one after the other."""
        told = database.with_suffix(f".{time.monotonic_ns()}.told")
        job = {
            "setting": setting,
            "base_url": base_url,
            "database": str(database),
            "questions": [*questions],
            "told": str(told),
            "synchronous": synchronous,
        }
        with self._lock:
            self._process.stdin.write(json.dumps(job) + "\n")
            return Worker(int(self._hear()), told)

    def _hear(self) -> str:
        return self._process.stdout.readline().strip()


@contextmanager
def _told_to(path: Path) -> Iterator[None]:
    """Write down how the block ended: nothing where it ended well."""
    try:
        yield
    except BaseException:  # noqa: BLE001 - a worker's error is told where the test runs
        path.write_text(traceback.format_exc())
    else:
        path.write_text("")


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def _answer(setting: str, base_url: str, database: str, questions: Sequence[int]) -> None:
    async with AsyncSqliteSaver.from_conn_string(database) as saver:
        graph = router_at(base_url, setting).compile(checkpointer=saver)
        for number in questions:
            await answer_once(graph, QUESTIONS[number], THREAD)


def _answer_synchronously(setting: str, base_url: str, database: str, questions: Sequence[int]) -> None:
    with SqliteSaver.from_conn_string(database) as saver:
        graph = router_at(base_url, setting).compile(checkpointer=saver)
        for number in questions:
            answer_once_synchronously(graph, QUESTIONS[number], THREAD)


def _work(job: dict[str, Any]) -> None:
    with _told_to(Path(job.pop("told"))):
        if job.pop("synchronous"):
            _answer_synchronously(**job)
        else:
            asyncio.run(_answer(**job))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _main() -> None:
    with serving("fixed") as server:
        asyncio.run(_answer("fixed", server.base_url, ":memory:", [0]))  # loads what is imported at the first use
    assert threading.active_count() == 1, threading.enumerate()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # no worker waits for its funeral
    _say("ready")
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _work(json.loads(line))
            os._exit(0)
        _say(str(pid))


if __name__ == "__main__":
    _main()

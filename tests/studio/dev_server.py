"""Starts `langgraph dev` as a process in a temporary folder."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from studio.conftest import NO_SERVER

READY_WITHIN_S = 60.0
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class DevServer:
    """A running server with its log."""

    url: str
    log_file: Path

    @property
    def log(self) -> str:
        return self.log_file.read_text()


@contextmanager
def langgraph_dev(folder: Path) -> Iterator[DevServer]:
    """Serve the `langgraph.json` of a folder without any key for the duration of the block."""
    port = _free_port()
    server = DevServer(f"http://127.0.0.1:{port}", folder / "server.log")
    arguments = ["--no-browser", "--no-reload", "--host", "127.0.0.1", "--port", str(port), "--n-jobs-per-worker", "4"]
    with server.log_file.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "langgraph_cli", "dev", *arguments],
            cwd=folder,
            env=_environment(folder),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_until_ready(server, process)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(server: DevServer, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{server.url}/ok", trust_env=False).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    msg = f"langgraph dev did not get ready (exit code {process.poll()}):\n{server.log}"
    raise RuntimeError(msg)


def _environment(folder: Path) -> dict[str, str]:
    """Return the variables a process needs, without keys and tracing."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT") if name in os.environ}
    return kept | {
        "HOME": str(folder),
        "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)]),  # the copied graphs, with the package of this tree
        "OLLAMA_HOST": NO_SERVER,
        "LANGGRAPH_STRICT_MSGPACK": "true",
        "LANGGRAPH_CLI_NO_ANALYTICS": "1",
        "LANGGRAPH_NO_VERSION_CHECK": "true",
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

"""A subprocess in which code that nobody has read may run: limited, without secrets, and killed with all it starts."""

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import signal
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from subprocess import TimeoutExpired, run

from lightrouter_graph.errors import EvaluationError

_HARNESS = Path(__file__).with_name("harness.py")
_APART = ("--net", "--pid", "--fork", "--kill-child")
_OWN_VIEW = ("--mount-proc",)
_PROBE_S = 10
_DYING_S = 2.0
_CHUNK = 65536
_FIRST_UID, _UIDS = 1_500_000_000, 100_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """What the code may take.

    Attributes:
        seconds: Wall time, > 0.
        cpu_seconds: CPU time of each of its processes, >= 1.
        memory_bytes: Address space of each of its processes.
        file_bytes: Size of each file it writes.
        processes: How many processes and threads it may have; on systems without namespaces, its user with all else
            that user runs.
    """

    seconds: float = 20.0
    cpu_seconds: int = 10
    memory_bytes: int = 512 * 2**20
    file_bytes: int = 2**20
    processes: int = 32

    def as_resources(self) -> dict[str, int]:
        """Return them by the names of the module `resource`."""
        return {
            "RLIMIT_CPU": self.cpu_seconds,
            "RLIMIT_AS": self.memory_bytes,
            "RLIMIT_FSIZE": self.file_bytes,
            "RLIMIT_NPROC": self.processes,
            "RLIMIT_NOFILE": 64,
            "RLIMIT_CORE": 0,
        }


async def passes(code: str, tests: str, limits: Limits) -> bool:
    """Run code, then its tests, and say whether all of them were reached and passed.

    Args:
        code: Python.
        tests: Python that runs in the names of `code` and raises where it fails; functions called `test_...` and
            `unittest` cases that it defines are run as well.
        limits: What both may take.

    Raises:
        EvaluationError: If this system cannot limit processes, or the subprocess cannot be started.
    """
    if os.name != "posix" or sys.platform == "darwin":
        msg = f"code is run under limits that {sys.platform} does not have: score code on Linux"
        raise EvaluationError(msg)
    token = secrets.token_hex(32)
    job = {"code": code, "tests": tests, "token": token, "limits": limits.as_resources(), "uid": _other_user()}
    walls = await asyncio.to_thread(_walls)
    with tempfile.TemporaryDirectory(prefix="answer-", ignore_cleanup_errors=True) as folder:
        process = await _start(walls, folder)
        try:
            async with asyncio.timeout(limits.seconds):
                return await _told(process, json.dumps(job).encode(), len(token)) == token.encode()
        except TimeoutError:
            return False
        finally:
            await _kill(process)


def isolation() -> str:
    """Say in words what keeps the code apart on this machine beside its limits."""
    walls = _walls()
    if not walls:
        return "no namespaces: the code can use the network"
    return "no network, processes of its own" + ("" if _OWN_VIEW[0] in walls else ", but it sees those of others")


async def _start(walls: Sequence[str], folder: str) -> Process:
    command = [*walls, sys.executable, "-I", "-S", "-B", str(_HARNESS)]
    try:
        return await asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, cwd=folder, env={}, start_new_session=True
        )
    except OSError as exc:
        msg = f"the sandbox for code could not be started ({exc})"
        raise EvaluationError(msg) from exc


async def _told(process: Process, job: bytes, length: int) -> bytes:
    """Hand the job over and read what is said, one byte more than a token at most: no more is ever kept."""
    assert process.stdin is not None
    assert process.stdout is not None
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(job)
        await process.stdin.drain()
        process.stdin.close()
    said = b""
    while len(said) <= length and (more := await process.stdout.read(length + 1 - len(said))):
        said += more
    return said


async def _kill(process: Process) -> None:
    """Kill the session the process leads, whether it lives or only what it started does, and wait until it is gone.

    All of it holds the pipe. Without namespaces so may what has left the session, for which nothing can be done.
    """
    assert process.stdout is not None
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_DYING_S):
            while await process.stdout.read(_CHUNK):
                pass
    await process.wait()


def _other_user() -> int | None:
    """Root's code runs as a user who is nobody, and not the same nobody each time; anybody else's as themselves."""
    return _FIRST_UID + secrets.randbelow(_UIDS) if os.geteuid() == 0 else None


@cache
def _walls() -> tuple[str, ...]:
    """Return the command that shuts off what follows it, as far as this machine allows: none, where it allows none."""
    unshare = shutil.which("unshare")
    if unshare is None:
        return ()
    as_root = () if os.geteuid() == 0 else ("--map-root-user",)
    ways = [(unshare, *as_root, *_APART, *_OWN_VIEW), (unshare, *as_root, *_APART), (unshare, *as_root, "--net")]
    return next((way for way in ways if _works(way)), ())


def _works(way: Sequence[str]) -> bool:
    command = [*way, sys.executable, "-I", "-S", "-c", ""]
    try:
        probe = run(command, capture_output=True, timeout=_PROBE_S, check=False)  # noqa: S603 - our own command
    except (OSError, TimeoutExpired):
        return False
    return probe.returncode == 0

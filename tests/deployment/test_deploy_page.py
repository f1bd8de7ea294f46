"""docs/deploy.md: its files run or parse, its commands work, its names exist."""

import inspect
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest
import yaml
from helpers import long

from lightrouter_graph import create_lightrouter
from lightrouter_graph.context import Calls, Context
from lightrouter_graph.testing import RecordedModelServer, Timing

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "deploy.md"
TEXT = PAGE.read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", TEXT, re.DOTALL)
FILES = {body.split()[1].rstrip(":,"): body for kind, body in BLOCKS if kind in {"python", "yaml"}}
COMMANDS = [block.splitlines() for kind, block in BLOCKS if kind == "bash"]
LANGGRAPH_JSON = next(body for kind, body in BLOCKS if kind == "json")
QUESTION = "What is 17 * 23?"
NAMES = ("one", "two", "three")
RECORD = {"question": QUESTION, "outputs": {name: {"text": long("391", words=300)} for name in NAMES}}


@pytest.fixture
def server() -> Iterator[RecordedModelServer]:
    with RecordedModelServer([RECORD]) as running:
        yield running


@pytest.fixture
def workplace(server: RecordedModelServer, tmp_path: Path) -> Path:
    """A folder with the page's files and a pool of recorded models."""
    rows = [f'[[candidate]]\nname = "{name}"\nmodel = "vllm:{name}@{server.base_url}"\n' for name in NAMES]
    (tmp_path / "lightrouter.toml").write_text("\n".join(rows))
    for name, body in FILES.items():
        (tmp_path / name).write_text(body)
    return tmp_path


def run(command: str | list[str], place: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run one command in a folder, with the programs of this environment."""
    arguments = shlex.split(command) if isinstance(command, str) else command
    return subprocess.run(
        arguments,
        cwd=place,
        capture_output=True,
        text=True,
        timeout=60,
        env=environment_with(**environment),
        check=False,
    )


@contextmanager
def started(command: str, place: Path, **environment: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Start a command in the background; killed at the end of the block."""
    with subprocess.Popen(shlex.split(command), cwd=place, env=environment_with(**environment)) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_until(condition: Callable[[], bool]) -> None:
    """Poll a condition that another process fulfils."""
    while not condition():
        time.sleep(0.02)


def listening(address: Path) -> bool:
    """Return whether a unix socket accepts connections."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(address)) == 0


def environment_with(**environment: str) -> dict[str, str]:
    return os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"} | environment


def test_every_command_is_run_or_marked_as_not_run():
    left_out = [lines[0] for lines in COMMANDS if lines[0].startswith("#")]
    assert all(line.endswith("not run by the tests") for line in left_out)
    assert [line.split()[0] for line in commands("")] == ["langgraph"] * 2 + ["uvicorn"] + ["python"] * 2


def commands(program: str) -> list[str]:
    return [line for lines in COMMANDS if not lines[0].startswith("#") for line in lines if line.startswith(program)]


def test_links_have_targets():
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", TEXT):
        assert (PAGE.parent / target).exists(), target
    headings = {re.sub(r"[^\w -]", "", line.lstrip("# ").lower()).replace(" ", "-") for line in TEXT.splitlines()}
    assert set(re.findall(r"\]\(#([^)]+)\)", TEXT)) <= headings


def test_settings_exist_with_the_named_defaults():
    named = re.findall(r"`(?:calls\.)?(\w+_s)`(?: \((\d+)\))?", TEXT)
    assert len(named) == 3
    for name, default in named:
        field = {**Context.model_fields, **Calls.model_fields}[name]
        assert not default or field.default == int(default)


class TestLangGraph:
    """Skipped where langgraph-cli is not installed."""

    @pytest.fixture
    def project(self, tmp_path: Path) -> Path:
        """A copy of the files that `langgraph build` reads."""
        if not find_spec("langgraph_cli"):
            pytest.skip("langgraph-cli is not installed")
        for name in ("langgraph.json", "pyproject.toml", "README.md"):
            shutil.copy(ROOT / name, tmp_path)
        shutil.copytree(ROOT / "graphs", tmp_path / "graphs", ignore=shutil.ignore_patterns("__pycache__"))
        return tmp_path

    def test_the_sample_equals_the_configuration_of_the_project(self):
        ours = json.loads((ROOT / "langgraph.json").read_text())
        plain = {name: graph["path"] if isinstance(graph, dict) else graph for name, graph in ours["graphs"].items()}
        assert json.loads(LANGGRAPH_JSON) == {
            **{name: value for name, value in ours.items() if name != "$schema"},
            "graphs": plain,
        }

    @pytest.mark.parametrize("whose", ["ours", "the page's"])
    def test_validate_and_dockerfile_accept_it(self, whose, project):
        if whose == "the page's":
            (project / "langgraph.json").write_text(LANGGRAPH_JSON)
        for command in commands("langgraph"):
            done = run(command, project)
            assert done.returncode == 0, done.stdout + done.stderr
        dockerfile = (project / "Dockerfile").read_text()
        assert dockerfile.startswith("FROM langchain/langgraph-api:3.12")
        for name in json.loads(LANGGRAPH_JSON)["graphs"]:
            assert f"/graphs/{name}.py" in dockerfile

    def test_the_server_reads_the_named_variables(self):
        spec = find_spec("langgraph_api")
        if spec is None or spec.origin is None:
            pytest.skip("langgraph-api is not installed")
        source = (Path(spec.origin).parent / "config" / "__init__.py").read_text()
        named = set(yaml.safe_load(FILES["compose.yaml"])["services"]["server"]["environment"])
        named |= set(re.findall(r"`((?:N|BG)_[A-Z_]+|LANGGRAPH_AES_KEY)`", TEXT))
        assert {name for name in named if f'"{name}"' not in source} == set()


def test_the_compose_file_is_complete_and_has_no_secret():
    services = yaml.safe_load(FILES["compose.yaml"])["services"]
    server = services["server"]
    assert set(server["depends_on"]) == set(services) - {"server"}
    assert all("healthcheck" in services[name] for name in server["depends_on"])
    grace = int(server["environment"]["BG_JOB_SHUTDOWN_GRACE_PERIOD_SECS"])
    assert int(server["stop_grace_period"].removesuffix("s")) > grace
    for service in services.values():
        for name, value in service.get("environment", {}).items():
            if name.endswith(("PASSWORD", "KEY")):
                assert value.startswith("${"), name


def test_the_server_answers_and_stops_on_sigterm(workplace, server):
    if not (find_spec("starlette") and find_spec("prometheus_client")):
        pytest.skip("the packages of lightrouter-graph[serve] are not installed")
    address = workplace / "socket"
    (command,) = commands("uvicorn")
    command = command.replace("--host 0.0.0.0 --port 8000", f"--uds {address}")
    assert str(address) in command
    ask = {"model": "lightrouter", "messages": [{"role": "user", "content": QUESTION}]}
    with (
        started(command, workplace, LIGHTROUTER_API_KEY="sesame") as process,
        httpx.Client(transport=httpx.HTTPTransport(uds=str(address)), base_url="http://here") as client,
    ):
        wait_until(lambda: listening(address))
        assert client.get("/healthz").status_code == 200
        assert client.post("/v1/chat/completions", json=ask).status_code == 401
        reply = client.post("/v1/chat/completions", json=ask, headers={"authorization": "Bearer sesame"}).json()
        process.terminate()
        assert process.wait() in {0, -signal.SIGTERM}  # uvicorn dies of the signal after it has closed everything
    assert "391" in reply["choices"][0]["message"]["content"]


def test_the_named_subcommands_exist():
    text = run("lightrouter --help", ROOT).stdout
    assert all(f" {name} " in text for name in re.findall(r"`lightrouter (\w+)", TEXT))


@pytest.mark.postgres
def test_the_database_is_prepared_and_the_worker_answers(workplace, empty_database):
    for command in commands("python"):
        done = run(command, workplace, DATABASE_URI=empty_database)
        assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("The answer is 391.\n")


@pytest.mark.postgres
def test_a_worker_on_sigterm_requeues_its_job_without_repeated_calls(workplace, server, database):
    prepare, worker = commands("python")
    assert "prepare.py" in prepare
    server.timings.update(dict.fromkeys(NAMES, Timing(ttft_s=1.0)))
    with started(worker, workplace, DATABASE_URI=database) as first:
        wait_until(lambda: len(server.requests) == len(NAMES))
        first.terminate()
        assert first.wait() == 75
    stopped_after = len(server.requests)
    assert server.total().cancelled == 0
    server.timings.clear()

    done = run(worker, workplace, DATABASE_URI=database)
    assert done.stdout.endswith("The answer is 391.\n"), done.stderr
    bodies = [json.dumps(request.body, sort_keys=True) for request in server.requests]
    assert stopped_after == len(NAMES)
    assert len(set(bodies)) == len(bodies)


@pytest.mark.redis
@pytest.mark.skipif(
    "boot_cache" not in inspect.signature(create_lightrouter).parameters,
    reason="create_lightrouter(boot_cache=...) is not there yet",
)
def test_a_second_process_finds_the_boots_of_the_first(workplace, server, redis_uri):
    for _ in range(2):
        done = run([sys.executable, "cached.py", QUESTION], workplace, REDIS_URI=redis_uri)
        assert done.stdout.endswith("The answer is 391.\n"), done.stderr
    boots = [json.dumps(request.body, sort_keys=True) for request in server.requests]
    assert len(boots) < 2 * len(set(boots))


@pytest.mark.redis
def test_the_cache_client_has_the_named_settings(redis_uri, monkeypatch):
    monkeypatch.setenv("REDIS_URI", redis_uri)
    names: dict[str, object] = {}
    setup, _, _ = FILES["cached.py"].partition("router =")
    exec(compile(setup, "cached.py", "exec"), names)
    cache = names["cache"]
    cache.set({(("boot",), "1"): ("text", None)})
    assert cache.get([(("boot",), "1")]) == {(("boot",), "1"): "text"}
    names["client"].close()

"""`lightrouter serve` as a process: Ctrl-C, budget, API key and invalid options."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import openai
import pytest
from cli.team import PENS, TEXTS, command

from lightrouter_graph.cli import main
from lightrouter_graph.testing import Fail, Stall

KEY = "corp-4711-very-long-and-secret"
ASKED = [{"role": "user", "content": PENS}]


@contextmanager
def serving(*args: object, **env: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Start the command on a free port; yields the process and its base URL."""
    started = command("serve", "--port", 0, *args)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(started, env=os.environ | env, **pipes) as process:
        try:
            line = process.stdout.readline()
            found = re.fullmatch(r"serving (.+) at (http://\S+:\d+/v1)\n", line)
            assert found, line + process.stderr.read()
            assert found[1] == "lightrouter, lightrouter-paper, ada, bob, cyd"
            yield process, found[2]
        finally:
            process.kill()


def interrupted(process: "subprocess.Popen[str]") -> str:
    """Send Ctrl-C and return stderr."""
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == 130
    return errors


def test_the_server_runs_until_ctrl_c(pool_file):
    with serving("--pool", pool_file, LIGHTROUTER_API_KEY=KEY) as (process, base_url):
        http = openai.DefaultHttpxClient(trust_env=False)
        with openai.OpenAI(base_url=base_url, api_key=KEY, http_client=http) as sdk:
            answer = sdk.chat.completions.create(model="lightrouter", messages=ASKED)
            assert answer.choices[0].message.content == TEXTS[PENS]["ada"]
            with pytest.raises(openai.AuthenticationError):
                sdk.with_options(api_key="wrong").models.list()
        assert interrupted(process) == "lightrouter: interrupted\n"


def test_each_request_is_held_to_the_budget(server, pool_file):
    body = {"model": "lightrouter", "messages": ASKED, "lightrouter": {"budget": {"calls": 99}}}
    with (
        serving("--pool", pool_file, "--budget", "calls=1") as (_, base_url),
        httpx.Client(trust_env=False, base_url=base_url, timeout=30) as outside,
    ):
        answers = [outside.post("chat/completions", json=body) for _ in range(2)]
    assert [answer.headers["x-lightrouter-calls"] for answer in answers] == ["1", "1"]
    assert len(server.requests) == 2


def test_a_second_ctrl_c_does_not_wait_for_answers(server, pool_file):
    server.failures["ada"] = Fail(hang=True)
    told = []

    def ask(base_url):
        with httpx.Client(trust_env=False, base_url=base_url, timeout=30) as outside:
            told.append(outside.post("chat/completions", json={"model": "ada", "messages": ASKED}))

    with serving("--pool", pool_file) as (process, base_url):
        asking = threading.Thread(target=ask, args=(base_url,))
        asking.start()
        while not server.requests:
            time.sleep(0.001)
        process.send_signal(signal.SIGINT)
        while listening(base_url):
            time.sleep(0.001)
        assert "Traceback" not in interrupted(process)
        asking.join()
    assert told[0].status_code == 503
    assert told[0].json()["error"]["message"] == "the server is shutting down"


def listening(base_url: str) -> bool:
    """Whether new connections are taken."""
    url = httpx.URL(base_url)
    with socket.socket() as trying:
        return trying.connect_ex((url.host, url.port)) == 0


def test_an_open_address_without_a_key_is_a_warning(pool_file):
    with serving("--pool", pool_file, "--host", "0.0.0.0") as (process, _):
        assert (
            "no API key: every client that reaches 0.0.0.0 spends your money; set LIGHTROUTER_API_KEY"
            in interrupted(process)
        )


def test_missing_packages_are_an_error_that_names_the_extra():
    script = """
import sys
sys.modules["starlette"] = None
from lightrouter_graph.cli import main
sys.exit(main(["serve"]))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "pip install 'lightrouter-graph[serve]'" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (["--api-key-env", "DESK_KEY"], "the environment variable DESK_KEY is not set or empty"),
        (["--port", "70000"], "--port"),
        (["--budget", "dollars=1"], "--budget = 'dollars=1': write limits such as usd=0.01,calls=9"),
        (["--max-concurrency", "0"], "--max-concurrency"),
        (["--request-timeout", "0"], "--request-timeout"),
        (["--allowed-host", "http://pc", "-m", "pocket:general"], "allowed host 'http://pc': write a host name"),
        (["--cors-origin", "app.example", "-m", "pocket:general"], "CORS origin 'app.example': write scheme"),
        (["--pool", "nowhere.toml"], "nowhere.toml: cannot be read"),
    ],
)
def test_wrong_use_is_one_line_and_code_2(capsys, args, complaint):
    assert main(["serve", *args]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert complaint in said.err
    assert said.err.count("\n") == 1


def test_a_port_that_is_taken(capsys, pool_file):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["serve", "--pool", str(pool_file), "--port", str(port)]) == 2
    said = capsys.readouterr()
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in said.err


def test_only_local_names_may_be_used_without_a_key(pool_file):
    with (
        serving("--pool", pool_file, "--allowed-host", "router.example") as (_, base_url),
        httpx.Client(trust_env=False, base_url=base_url, timeout=30) as outside,
    ):
        statuses = {
            host: outside.get("models", headers={"host": host}).status_code
            for host in ("localhost:1", "[::1]", "Router.Example.:80", "evil.example")
        }
    assert statuses == {"localhost:1": 200, "[::1]": 200, "Router.Example.:80": 200, "evil.example": 421}


def test_with_a_key_any_name_may_be_used(pool_file):
    headers = {"host": "evil.example", "authorization": f"Bearer {KEY}"}
    with (
        serving("--pool", pool_file, LIGHTROUTER_API_KEY=KEY) as (_, base_url),
        httpx.Client(trust_env=False, base_url=base_url, timeout=30) as outside,
    ):
        assert outside.get("models", headers=headers).status_code == 200


def test_an_allowed_page_may_call_the_server(pool_file):
    asked = {"origin": "https://app.example", "access-control-request-method": "POST"}
    with (
        serving("--pool", pool_file, "--cors-origin", "https://app.example") as (_, base_url),
        httpx.Client(trust_env=False, base_url=base_url, timeout=30) as outside,
    ):
        answer = outside.options("chat/completions", headers=asked)
    assert answer.headers["access-control-allow-origin"] == "https://app.example"


def test_a_request_cannot_raise_the_options(pool_file):
    raised = {"decision": True, "deadline_s": None, "top_k": 20, "layers": 8, "calls": {"timeout_s": 999}}
    body = {"model": "lightrouter", "messages": ASKED, "lightrouter": raised}
    limits = ["--deadline", 20, "--top-k", 2, "--layers", 1, "--timeout", 15, "--max-retries", 0]
    with (
        serving("--pool", pool_file, *limits) as (_, base_url),
        httpx.Client(trust_env=False, base_url=base_url, timeout=30) as outside,
    ):
        settings = outside.post("chat/completions", json=body).json()["lightrouter"]["settings"]
    assert [settings[name] for name in ("deadline_s", "top_k", "layers")] == [20, 2, 1]
    assert (settings["calls"]["timeout_s"], settings["calls"]["max_retries"]) == (15, 0)


def test_half_a_request_is_closed(pool_file):
    with serving("--pool", pool_file, "--request-timeout", 0.2) as (_, base_url):
        url = httpx.URL(base_url)
        head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        told = []
        for sent in (head, head + b"content-length: 99\r\n\r\n{"):
            with socket.create_connection((url.host, url.port), timeout=10) as half:
                half.sendall(sent)
                told.append(half.recv(4096))
    assert told[0] == b""
    assert told[1].startswith(b"HTTP/1.1 408 ")


def test_sigterm_ends_a_stream_with_an_error_and_the_process_with_code_0(server, pool_file):
    server.failures["bob"] = Stall(after=20)
    body = {"model": "bob", "messages": ASKED, "stream": True}
    with serving("--pool", pool_file) as (process, base_url):
        with (
            httpx.Client(trust_env=False, base_url=base_url, timeout=30) as outside,
            outside.stream("POST", "chat/completions", json=body) as answer,
        ):
            lines = filter(None, answer.iter_lines())
            first = next(lines)
            process.send_signal(signal.SIGTERM)
            *_, last, done = lines
        process.wait(timeout=20)
    assert "assistant" in first
    assert "the server is shutting down" in last
    assert done == "data: [DONE]"
    assert process.returncode == 0


def test_sigterm_without_requests_is_code_0(pool_file):
    with serving("--pool", pool_file) as (process, _):
        process.terminate()
        assert process.wait(timeout=20) == 0
        assert process.stderr.read() == ""

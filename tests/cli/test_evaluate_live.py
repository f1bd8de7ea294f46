"""`lightrouter eval` with models on a loopback server: kills, budgets, failures and replays."""

import json
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli.team import command

from lightrouter_graph.cli import main
from lightrouter_graph.testing import Fail, RecordedModelServer, Timing

NAMES = ("ada", "bob", "cyd")
COUNT = 10
KEY = "corp-4711-very-long-and-secret"
METHODS = ("single:ada", "majority", "lightrouter:width=3,top_k=3,agree=none,boot_tokens=8", "moa-1")
PROBLEMS = [f"Tom has {n} pens and buys {n + 3} more. How many pens has he?" for n in range(COUNT)]


def says(name: str, number: int) -> str:
    right = 2 * number + 3
    answer = right + (name == "cyd") + (name == "bob" and number % 3 == 0)
    return f"{name} adds {number} and {number + 3} in some words, step by step. The answer is {answer}."


def merges(body: Any) -> str:
    return "Put together by one of them. The answer is 5."


RECORDS = [
    {"question": text, "outputs": {name: {"text": says(name, number)} for name in NAMES}}
    for number, text in enumerate(PROBLEMS)
]


@pytest.fixture
def server() -> Iterator[RecordedModelServer]:
    with RecordedModelServer(RECORDS, responders={"writer": merges}, api_key=KEY) as running:
        yield running


@pytest.fixture
def world(server: RecordedModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write the questions, a pool file of the three, and go there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VLLM_API_KEY", KEY)
    monkeypatch.setenv("COLUMNS", "150")
    rows = [
        {"id": f"q{n}", "question": text, "answer": str(2 * n + 3), "category": "pens"}
        for n, text in enumerate(PROBLEMS)
    ]
    (tmp_path / "pens.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    members = [
        f'[[candidate]]\nname = "{name}"\nmodel = "vllm:{name}@{server.base_url}"\n'
        "price = { input = 10.0, output = 20.0 }\n"
        for name in NAMES
    ]
    (tmp_path / "team.toml").write_text("\n".join(members))
    return tmp_path


def args(
    server: RecordedModelServer, out: str, *more: str, methods: tuple[str, ...] = METHODS, writer: str = ""
) -> list[str]:
    chosen = [word for method in methods for word in ("--method", method)]
    models = ["--pool", "team.toml", "--writer", writer or f"vllm:writer@{server.base_url}"]
    return [
        "eval",
        "run",
        "pens.jsonl",
        *chosen,
        *models,
        "--scoring",
        "number",
        "--max-tokens",
        "60",
        "-q",
        "--out",
        out,
        *more,
    ]


TIMES = {"first_token_s", "seconds", "spent", "route"}


def results(folder: Path) -> dict[tuple[str, str], dict[str, Any]]:
    rows = [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]
    return {(r["method"], r["question"]): {k: v for k, v in r.items() if k not in TIMES} for r in rows}


def asked_of(server: RecordedModelServer) -> Counter[str]:
    """Count requests by model, messages and token limit."""
    return Counter(
        json.dumps(
            [r.body["model"], r.body["messages"], r.body.get("max_tokens") or r.body.get("max_completion_tokens")]
        )
        for r in server.requests
    )


def test_a_live_run_pays_once_and_is_replayed_without_a_key(
    server: RecordedModelServer, world: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    assert main(args(server, "live")) == 0, capsys.readouterr().err
    first, paid = results(world / "live"), server.total()
    assert len(first) == len(METHODS) * COUNT
    assert set(asked_of(server).values()) == {1}
    assert main(args(server, "live")) == 0
    monkeypatch.delenv("VLLM_API_KEY")
    assert main(["eval", "again", "live", "-q"]) == 0, capsys.readouterr().err
    assert server.total() == paid
    assert results(world / "live-again") == first
    quality = {row["method"]: row["quality"]["value"] for row in summary(world / "live")["methods"]}
    assert quality["single:ada"] == 1.0
    assert quality["majority"] == 0.6  # every third time the two others are wrong together
    for folder in ("live", "live-again"):
        for path in (world / folder).iterdir():
            assert KEY.encode() not in path.read_bytes(), path
    assert (world / "live" / "recording.jsonl").is_file()
    assert (
        main(["eval", "run", "live/recording.jsonl", "--method", "majority", "-q", "--jobs", "1", "--out", "replay"])
        == 0
    )
    replayed = results(world / "replay")
    for number in range(COUNT):
        one, other = replayed["majority", f"q{number}"], first["majority", f"q{number}"]
        assert {k: one[k] for k in one if k != "usd"} == {k: other[k] for k in other if k != "usd"}


def summary(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "summary.json").read_text())


@pytest.mark.slow
def test_a_budget_stops_a_run_and_a_larger_one_resumes_it(
    server: RecordedModelServer, world: Path, capsys: pytest.CaptureFixture
) -> None:
    assert main(args(server, "live", "--budget", "0.01")) == 2
    assert "needs the price of every model, and the price of writer (writer) is unknown" in capsys.readouterr().err
    assert not server.total().calls  # before anything is paid for
    assert main(args(server, "live", "--budget", "0.01", writer="ada")) == 4
    said = capsys.readouterr().err
    assert "the budget of 0.01 USD has 0.00" in said
    assert "completed calls are kept" in said
    bill = server.total()
    assert 0 < bill.input_tokens * 10e-6 + bill.output_tokens * 20e-6 <= 0.01
    assert main(args(server, "live", "--budget", "1", writer="ada")) == 0
    assert set(asked_of(server).values()) == {1}
    assert len(results(world / "live")) == len(METHODS) * COUNT


@pytest.mark.slow
def test_a_failed_model_is_recorded_and_replayed_as_failed(
    server: RecordedModelServer, world: Path, capsys: pytest.CaptureFixture
) -> None:
    server.failures["bob"] = Fail(400, "this model is broken")
    chosen = ("single:bob", "majority", METHODS[2])
    assert main(args(server, "live", methods=chosen)) == 0, capsys.readouterr().err
    first = results(world / "live")
    assert all(first["single:bob", f"q{n}"]["error"] for n in range(COUNT))
    assert all(first["majority", f"q{n}"]["error"] == "" for n in range(COUNT))
    figures = {row["method"]: row for row in summary(world / "live")["methods"]}
    assert figures["single:bob"]["failed"] == COUNT
    assert figures["single:bob"]["quality"]["value"] == 0
    assert main(["eval", "again", "live", "-q"]) == 0
    again = results(world / "live-again")
    keys = ("score", "chosen", "usd", "output_tokens", "input_tokens", "calls")
    assert {p: [r[k] for k in keys] for p, r in again.items()} == {p: [r[k] for k in keys] for p, r in first.items()}


@pytest.mark.parametrize("after", [17, *(pytest.param(n, marks=pytest.mark.slow) for n in (3, 34, 70))])
def test_a_killed_run_resumes_without_repeated_calls(
    server: RecordedModelServer, world: Path, after: int, capsys: pytest.CaptureFixture
) -> None:
    for name in (*NAMES, "writer"):
        server.timings[name] = Timing(0.03, 500)
    env = os.environ | {"VLLM_API_KEY": KEY}
    # Two at once: what a kill interrupts is at most a boot or an answer of three models to each of them.
    with subprocess.Popen(command(*args(server, "killed", "--concurrency", "2")), cwd=world, env=env) as process:
        until = time.monotonic() + 40
        while len(server.requests) < after and time.monotonic() < until and process.poll() is None:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    server.wait_until_idle()
    killed = asked_of(server)
    assert len(killed) >= after
    kept = (
        (world / "killed" / "calls.jsonl").read_bytes().count(b"\n")
        if (world / "killed" / "calls.jsonl").exists()
        else 0
    )
    assert main(args(server, "killed")) == 0, capsys.readouterr().err
    twice = sum(times - 1 for times in asked_of(server).values())
    assert twice == len(killed) - kept <= 6  # those in flight
    whole = results(world / "killed")
    server.reset()
    assert main(args(server, "whole")) == 0
    assert results(world / "whole") == whole
    assert set(asked_of(server).values()) == {1}


@pytest.mark.slow
def test_demo_models_are_replayed(world: Path, capsys: pytest.CaptureFixture) -> None:
    told = ["--method", "majority", "--method", "lightrouter:agree=none,top_k=3", "-q"]
    models = ["-m", "pocket:general", "-m", "pocket:shares", "-m", "pocket:products"]
    assert main(["eval", "run", "pocket:6", *models, *told, "--out", "pocket"]) == 0, capsys.readouterr().err
    assert main(["eval", "again", "pocket", "-q"]) == 0, capsys.readouterr().err
    assert results(world / "pocket") == results(world / "pocket-again")
    assert len(results(world / "pocket")) == 12

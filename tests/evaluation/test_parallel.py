"""Replays over several processes, and a file of results that a stopped run goes on from."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from evaluation.toys import random_questions

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.datasets.recordings import write_recording
from lightrouter_graph.evaluation.parallel import Plan, run_replay
from lightrouter_graph.evaluation.questions import DataSet
from lightrouter_graph.evaluation.replay_runner import Models
from lightrouter_graph.evaluation.results import ResultsFile

METHODS = ("lightrouter:boot_tokens=16", "random-2", "majority")
IDS = tuple(f"q{number}" for number in range(24))


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    path = tmp_path / "toy.jsonl"
    write_recording(path, DataSet("toy", tuple(random_questions(3, "abc", 24)), "recorded"))
    return Plan(str(path), Models(("a", "b", "c"), {"a": (1, 2)}), IDS, seed=5)


def by_place(results: ResultsFile) -> dict:
    return {(result["method"], result["question"]): result for result in results.results}


@pytest.mark.slow
def test_several_processes_bring_what_one_brings(plan: Plan, tmp_path: Path) -> None:
    told: list[int] = []
    alone, together = ResultsFile(tmp_path / "one.jsonl"), ResultsFile(tmp_path / "two.jsonl")
    run_replay(plan, METHODS, alone)
    run_replay(plan, METHODS[::-1], together, jobs=2, done=lambda new: told.append(len(new)))
    assert by_place(alone) == by_place(together)
    assert len(alone.results) == sum(told) == 72
    assert by_place(ResultsFile(tmp_path / "two.jsonl")) == by_place(alone)


def test_what_is_there_is_not_run_again(plan: Plan, tmp_path: Path) -> None:
    results = ResultsFile(tmp_path / "results.jsonl")
    run_replay(plan, METHODS[:2], results)
    before = results.path.read_bytes()
    run_replay(plan, METHODS[:2], ResultsFile(results.path))
    assert results.path.read_bytes() == before
    results.path.write_bytes(b"".join(before.splitlines(keepends=True)[:30])[:-20])  # killed within the 30th line
    told: list[int] = []
    run_replay(plan, METHODS[:2], ResultsFile(results.path), done=lambda new: told.append(len(new)))
    assert sum(told) == 48 - 29
    assert results.path.read_bytes() == before


def test_the_last_result_of_a_place_counts_and_a_failure_is_run_again(plan: Plan, tmp_path: Path) -> None:
    results = ResultsFile(tmp_path / "results.jsonl")
    run_replay(plan, ("majority",), results)
    first = results.results[0]
    results.append([{**first, "error": "it broke"}])
    again = ResultsFile(results.path)
    assert ("majority", "q0") not in again.done
    assert len(again.results) == 24
    assert again.results[0]["error"] == "it broke"
    run_replay(plan, ("majority",), again)
    assert ResultsFile(results.path).results[0] == first


def test_a_line_that_is_no_result_is_named(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    path.write_text('{"question": "q"}\n')
    with pytest.raises(EvaluationError, match=r"results\.jsonl, line 1: not a result"):
        ResultsFile(path)


CHILD = """
import sys
from pathlib import Path
from lightrouter_graph.evaluation.replay_runner import Models
from lightrouter_graph.evaluation.results import ResultsFile
from lightrouter_graph.evaluation.parallel import Plan, run_replay
if __name__ == "__main__":
    plan = Plan(sys.argv[1], Models(("a", "b", "c")), tuple(f"q{i}" for i in range(24)))
    methods = tuple(f"lightrouter:boot_tokens={i + 1}" for i in range(400))
    run_replay(plan, methods, ResultsFile(Path(sys.argv[2])), jobs=2, done=lambda new: print(len(new), flush=True))
"""


def children_of(process: int) -> list[int]:
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    pairs = [tuple(map(int, line.split())) for line in listed.splitlines()]
    return [child for child, parent in pairs if parent == process]


def alive(process: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except OSError:
        return False


@pytest.mark.slow
@pytest.mark.parametrize("end", ["interrupt all", "interrupt one", "kill"])
def test_an_interrupted_replay_leaves_results_and_no_process(plan: Plan, tmp_path: Path, end: str) -> None:
    script, path = tmp_path / "child.py", tmp_path / "results.jsonl"
    script.write_text(CHILD)
    shell = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.default_int_handler), "start_new_session": True}
    told = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, script, plan.data, path], **told, **shell) as process:
        assert process.stdout is not None
        process.stdout.readline()
        family = children_of(process.pid)
        assert len(family) >= 2
        sent = time.monotonic()
        if end == "interrupt all":  # as a terminal does
            os.killpg(process.pid, signal.SIGINT)
        else:
            process.send_signal(signal.SIGINT if end == "interrupt one" else signal.SIGKILL)
        try:
            process.wait(20)
        finally:
            process.kill()
        while any(map(alive, family)) and time.monotonic() - sent < 20:
            time.sleep(0.05)
        assert time.monotonic() - sent < 15
        assert process.stderr is not None
        said = process.stderr.read()
    assert said.count("Traceback") == (0 if end == "kill" else 1), said
    kept = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(kept) >= 4

"""Every example runs, and every example in a docstring."""

import doctest
import importlib.util
import json
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import lightrouter_graph
from lightrouter_graph.testing import RecordedModelServer

EXAMPLES = Path(__file__).parents[1] / "examples"
MODULES = [
    found.name
    for found in pkgutil.walk_packages(lightrouter_graph.__path__, "lightrouter_graph.")
    if ">>>" in Path(importlib.util.find_spec(found.name).origin or "").read_text()
]


def load(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_no_example_is_left_out():
    tested = {"quickstart", "custom_parts", "demo", "replay"}
    assert {path.stem for path in EXAMPLES.glob("*.py")} == tested


def test_the_demo_answers_twice_and_bills_each(capsys):
    assert load("demo").main(["--fast"]) == 0
    printed = capsys.readouterr()
    assert printed.out.count("The answer is 12.") == 2
    assert "written by hand" in printed.out
    assert printed.err.count("bill:") == 2


def test_quickstart(tmp_path, capsys, monkeypatch):
    demo = EXAMPLES / "data" / "demo.jsonl"
    question = json.loads(demo.read_text().splitlines()[1])["question"]
    with RecordedModelServer(demo) as server:
        rows = [f'[[candidate]]\nname = "{n}"\nmodel = "vllm:{n}@{server.base_url}"' for n in ("oak", "elm", "fir")]
        (tmp_path / "lightrouter.toml").write_text("\n".join(rows))
        monkeypatch.chdir(tmp_path)
        load("quickstart").main([question])
    printed = capsys.readouterr().out
    assert "The answer is 160." in printed
    assert "price unknown" in printed


def test_custom_parts_keeps_what_names_the_product(capsys):
    done = subprocess.run(
        [sys.executable, EXAMPLES / "custom_parts.py"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("The lantern needs two batteries.")
    assert "vague    dropped" in done.stdout


def test_replay_measures_every_policy_against_the_baselines(capsys):
    replay = load("replay")
    rows = replay.main([str(EXAMPLES / "data" / "demo.jsonl"), "--models", "elm,oak,fir"])
    by_name = {row.name: row for row in rows}
    assert by_name["majority of all 3 in full"].accuracy == 1
    assert by_name["adaptive (the default)"].accuracy == 1
    assert by_name["first of the pool: elm"].accuracy == 0
    assert len(rows) == 4 + len(replay.POLICIES)
    assert replay.against(by_name["first of the pool: elm"], by_name["majority of all 3 in full"]).startswith("-100.0")


@pytest.mark.replay
@pytest.mark.skipif(
    not (EXAMPLES.parents[1] / "shared" / "replay" / "math_l5.jsonl.gz").exists(),
    reason="the recorded model outputs in ../shared/replay are not there",
)
def test_on_recorded_models_the_default_beats_the_best_single_for_less_than_half_of_all():
    data = EXAMPLES.parents[1] / "shared" / "replay" / "math_l5.jsonl.gz"
    rows = load("replay").main([str(data), "--questions", "150", "--policies", "adaptive (the default)"])
    single, _, everybody, _, adaptive = rows
    assert adaptive.accuracy >= single.accuracy
    assert adaptive.accuracy >= everybody.accuracy - 0.03
    assert adaptive.output_tokens <= 0.55 * everybody.output_tokens


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples(name):
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert not result.failed


def test_the_examples_folder_needs_no_key():
    assert not [name for name in os.environ if name.endswith("_API_KEY")]

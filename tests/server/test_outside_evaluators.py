"""`inspect-ai` and `lm-eval` at our address: what they score is what was answered, and nothing leaves the machine."""

import ast
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from server.apps import model, served

from lightrouter_graph.server import create_app

MISSING = [name for name in ("inspect_ai", "lm_eval") if importlib.util.find_spec(name) is None]
PROBE = Path(__file__).with_name("outside.py")
PAGE = Path(__file__).parents[2] / "examples" / "outside_evaluators.py"
LOCAL_TASK = """
from inspect_ai import Task, task
from inspect_ai.dataset import Sample
from inspect_ai.scorer import includes

@task
def apples():
    return Task(dataset=[Sample("How many?", target="four"), Sample("How few?", target="none")], scorer=includes())
"""
LOCAL_YAML = """
task: apples
dataset_path: json
dataset_kwargs: {data_files: {test: apples.jsonl}}
test_split: test
doc_to_text: "{{question}}"
doc_to_target: "{{answer}}"
generation_kwargs: {until: []}
metric_list: [{metric: exact_match}]
"""

pytestmark = [
    pytest.mark.outside,
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
    pytest.mark.timeout(240),
    pytest.mark.xdist_group("outside"),
]


def environment(home: Path) -> dict[str, str]:
    """Return an environment without settings, with an empty home and the commands of this environment."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "XDG_", "INSPECT_"))}
    return bare | {"HOME": str(home), "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


@pytest.fixture(scope="module")
def probed(tmp_path_factory) -> dict[str, Any]:
    home = tmp_path_factory.mktemp("home")
    done = subprocess.run(
        [sys.executable, PROBE, PAGE], env=environment(home), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout) | {"left": [path.name for path in home.rglob("*")]}


def test_both_score_the_router_as_the_votes_of_its_candidates_fall(probed):
    assert probed["scripted"]["rows"]["lightrouter"] == [[pytest.approx(4 / 6), 6]] * 2


def test_both_score_a_candidate_by_itself(probed):
    assert probed["scripted"]["rows"]["oak"] == [[pytest.approx(3 / 6), 6]] * 2


def test_the_server_counts_as_many_answers_as_they_do(probed):
    assert probed["scripted"]["given"] == 4 * 6


def test_nothing_leaves_the_machine_and_nothing_is_left_on_it(probed):
    assert probed["abroad"] == []
    assert probed["left"] == []


def test_what_cannot_be_honoured_is_refused_by_name(probed):
    assert "400 - n is not supported" in probed["refused"]["n"]
    assert "400 - logprobs is not supported" in probed["refused"]["logprobs"]
    assert probed["refused"]["responses"].endswith("there is no such address: POST /v1/responses")


def test_the_example_evaluates_real_models(probed):
    head, *rows, counts = probed["pocket"].splitlines()
    assert head.split() == ["6", "questions", "inspect-ai", "lm-eval"]
    scores = {name: [int(score.rstrip("%")) for score in found] for name, *found in map(str.split, rows)}
    assert set(scores) == {"lightrouter", "general"}
    assert all(0 < score <= 100 for row in scores.values() for score in row)
    assert counts == "answers: 24 counted by the evaluators, 24 given by the server"


def commands() -> dict[str, str]:
    """Return the commands of the page by the program they call, those of several lines joined."""
    page = ast.get_docstring(ast.parse(PAGE.read_text())) or ""
    lines = [line.strip() for line in page.replace("\\\n", " ").splitlines() if line.startswith("    ")]
    return {name: line for line in lines for name in ("inspect eval", "lm-eval run") if name in line}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "result"), [("inspect eval", r"accuracy  0.500"), ("lm-eval run", "|exact_match|↑  |  0.5|")]
)
def test_the_commands_of_the_page_work_as_they_are_written(command, result, tmp_path):
    (tmp_path / "task.py").write_text(LOCAL_TASK)
    (tmp_path / "apples.yaml").write_text(LOCAL_YAML)
    (tmp_path / "apples.jsonl").write_text('{"question": "1?", "answer": "four"}\n{"question": "2?", "answer": "two"}')
    with served(create_app(models={"lightrouter": model("four")})) as url:
        line = commands()[command].replace("http://localhost:8000/v1", url)
        line = line.replace("--tasks gsm8k", "--tasks apples --include_path .")
        offline = environment(tmp_path / "home") | {"HF_HUB_OFFLINE": "1", "NO_COLOR": "1"}
        done = subprocess.run(
            line, shell=True, cwd=tmp_path, env=offline, capture_output=True, text=True, check=False, timeout=120
        )
    assert done.returncode == 0, done.stderr[-2000:]
    assert result in done.stdout + done.stderr

"""The README stays true: what is made from the code is fresh, what is claimed is computed, what is shown runs."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import readme_parts
from obliging import obliging

from lightrouter_graph import Pool
from lightrouter_graph.testing import RecordedModelServer

TEXT = readme_parts.README.read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", TEXT, re.DOTALL)
PYTHON = [body for kind, body in BLOCKS if kind == "python"]
CLIENT = next(body for body in PYTHON if "OpenAI(" in body)
POOL_FILE = next(body for kind, body in BLOCKS if kind == "toml")
MODELS = ("gpt-5.4-mini", "openai/gpt-oss-20b", "Qwen/Qwen3-8B")


def respond(body):
    """Play a model that can multiply, with a tool, as an object or in words."""
    if body.get("tools") or body.get("response_format"):
        return obliging(body)
    return "17 * 23 = 391. The answer is 391."


def test_graph_settings_and_tree_are_those_of_the_code():
    assert readme_parts.filled(TEXT) == TEXT, "run: python tests/readme_parts.py"


@pytest.fixture
def workplace(tmp_path: Path):
    """A folder with the README's pool file, its addresses led to a recorded-model server."""
    with RecordedModelServer(responders=dict.fromkeys(MODELS, respond)) as server:
        local = POOL_FILE.replace("@http://localhost:8000/v1", "")
        local = re.sub(r'^(model = ".*")$', rf'\1\nbase_url = "{server.base_url}"', local, flags=re.MULTILINE)
        (tmp_path / "lightrouter.toml").write_text(local)
        yield tmp_path


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    monkeypatch.setenv("GROQ_API_KEY", "none")


@pytest.mark.usefixtures("keys")
def test_the_pool_file_is_valid_as_it_stands(tmp_path):
    file = tmp_path / "lightrouter.toml"
    file.write_text(POOL_FILE)
    pool = Pool.from_toml(file)
    assert pool.names == ("mini", "oss", "mine")
    assert all(candidate.price is not None for candidate in pool)


@pytest.mark.usefixtures("keys")
def test_every_python_snippet_runs_in_the_order_it_stands(workplace):
    source = "\n".join(body for body in PYTHON if body != CLIENT)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", source],
        cwd=workplace,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("17 * 23 = 391. The answer is 391.\n")
    assert "factors=[17, 23]" in done.stdout


@pytest.mark.usefixtures("keys")
def test_every_command_runs(workplace):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    commands = [line for kind, body in BLOCKS if kind == "bash" for line in body.splitlines() if "lightrouter " in line]
    commands.remove("lightrouter serve --port 8000")  # see below
    assert len(commands) == 4
    for command in commands:
        done = subprocess.run(
            command,
            shell=True,
            cwd=workplace,
            capture_output=True,
            text=True,
            timeout=60,
            env=os.environ | {"PATH": path},
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout


@pytest.mark.usefixtures("keys")
def test_the_server_answers_the_openai_client(workplace):
    serve = [Path(sys.executable).parent / "lightrouter", "serve", "--port", "0"]
    with subprocess.Popen(serve, cwd=workplace, stdout=subprocess.PIPE, text=True) as server:
        try:
            url = re.search(r"http://127.0.0.1:\d+/v1", server.stdout.readline())[0]
            done = subprocess.run(
                [sys.executable, "-c", CLIENT.replace("http://127.0.0.1:8000/v1", url)],
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
        finally:
            server.terminate()
    assert done.stdout.startswith("17 * 23 = 391. The answer is 391. "), done.stderr


def test_files_that_are_linked_exist():
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", TEXT):
        assert (readme_parts.ROOT / target).exists(), target


PROMPT, BOOT, POOL_SIZE, OUTPUT_PRICE, VERDICT = 500, 200, 6, 4, 100


def one(answer):
    return PROMPT + OUTPUT_PRICE * answer


def merge(answer, read):
    return PROMPT + read + OUTPUT_PRICE * answer


def boots(number, answer):
    return number * one(min(answer, BOOT))


def judge(answer):
    """Two askings, in both orders."""
    return 2 * (PROMPT + POOL_SIZE * min(answer, BOOT) + OUTPUT_PRICE * VERDICT)


def continued(answer):
    return PROMPT + BOOT + OUTPUT_PRICE * (answer - BOOT) if answer > BOOT else 0


def regenerated(answer):
    """With the two chosen boots in the prompt; a boot that finished is not written again."""
    return PROMPT + 2 * BOOT + OUTPUT_PRICE * answer if answer > BOOT else 0


def ensemble(answer):
    return POOL_SIZE * one(answer) + merge(answer, POOL_SIZE * answer)


def paper(answer, layers=2):
    """An inner layer's draft is counted as one boot long; later prompts carry it."""
    inner = boots(POOL_SIZE, answer) + judge(answer) + merge(min(answer, BOOT), 2 * min(answer, BOOT))
    carried = (layers - 1) * POOL_SIZE * min(answer, BOOT)
    last = boots(POOL_SIZE, answer) + judge(answer) + 2 * regenerated(answer) + merge(answer, 2 * answer)
    return (layers - 1) * inner + carried + last


def best_two_continued(answer):
    return boots(POOL_SIZE, answer) + 2 * continued(answer) + merge(answer, 2 * answer)


def default(answer):
    return boots(3, answer) + 2 * continued(answer)


@pytest.mark.parametrize(
    ("row", "cost"),
    [
        ("Mixture-of-Agents", ensemble),
        ("`Context.paper()`", paper),
        ("`Context.paper(layers=1)`", lambda answer: paper(answer, layers=1)),
        ("all boot, best 2 are continued", best_two_continued),
        ("`Context()`, when", default),
    ],
)
def test_the_token_arithmetic_is_right(row, cost):
    line = next(line for line in TEXT.splitlines() if line.startswith(f"| {row}"))
    claimed = [float(cell) for cell in line.split("|")[2:6]]
    assert claimed == [round(cost(answer) / one(answer), 1) for answer in (150, 300, 600, 1500)]

"""Help, version and the modules they import."""

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from cli.team import command

from lightrouter_graph.cli import main
from lightrouter_graph.cli.app import _report
from lightrouter_graph.cli.options import CHOICES
from lightrouter_graph.graph import create_lightrouter

HEAVY = {"langgraph", "langchain_core", "langchain_openai", "openai", "numpy", "httpx"}


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"lightrouter {version('lightrouter-graph')}\n"


def test_help_documents_commands_examples_and_exit_codes(capsys):
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    for part in ("ask", "pool", "serve", "Examples", "0  success", "2  invalid usage", "3  no candidate answered"):
        assert part in shown
    for part in ("4  the budget", "130  interrupted"):
        assert part in shown


def test_no_arguments_show_the_help_without_a_complaint(capsys):
    assert main([]) == 2
    said = capsys.readouterr()
    assert "Usage: lightrouter" in said.out + said.err
    assert "lightrouter:" not in said.err


@pytest.mark.parametrize("name", ["selector", "aggregator"])
def test_choices_are_those_of_the_graph(capsys, name):
    main(["ask", "--help"])
    shown = " ".join(capsys.readouterr().out.replace("│", "").split())
    assert f"One of: {', '.join(CHOICES[name])}." in shown
    schema = create_lightrouter(["pocket:general"]).context_schema.model_json_schema()
    assert tuple(schema["properties"][name]["enum"]) == CHOICES[name]


@pytest.mark.parametrize("command", ["ask", "serve"])
def test_help_names_options_not_settings(capsys, command):
    main([command, "--help"])
    shown = " ".join(capsys.readouterr().out.replace("│", "").split())
    assert "usd=0.01,calls=9" in shown
    for word in ("`", "_s ", " empty ", " Empty ", "--boot-timeout"):
        assert word not in shown


@pytest.mark.parametrize("args", [["--help"], ["ask", "--help"], ["serve", "--help"]])
def test_help_loads_nothing_heavy(args):
    # The package's own __init__ is kept out: this is about what the command line adds to it.
    script = f"""
import importlib.util, sys, types
spec = importlib.util.find_spec("lightrouter_graph")
package = sys.modules["lightrouter_graph"] = types.ModuleType("lightrouter_graph")
package.__path__ = spec.submodule_search_locations
from lightrouter_graph.cli import main
main({args!r})
print(sorted({HEAVY!r} & set(sys.modules)), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == "[]\n"


def test_the_shell_completes_options():
    env = os.environ | {
        "_LIGHTROUTER_COMPLETE": "complete_bash",
        "COMP_WORDS": "lightrouter ask --to",
        "COMP_CWORD": "2",
    }
    done = subprocess.run(command(), env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.split() == ["--top-k"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is full")
@pytest.mark.parametrize("args", [["pool", "--no-check", "-m", "pocket:general"], ["eval", "methods"]])
def test_a_full_disk_is_one_clear_line(args):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command(*args), stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "lightrouter: the output cannot be written: No space left on device\n"


@pytest.mark.parametrize(
    ("exc", "line"),
    [
        (PermissionError(13, "Permission denied", "out/run.json"), "Permission denied: 'out/run.json'"),
        (OSError(28, "No space left on device", "out/report.md"), "No space left on device: 'out/report.md'"),
        (OSError(28, "No space left on device"), "the output cannot be written: No space left on device"),
        (OSError("odd"), "odd"),
        (TimeoutError(), "TimeoutError"),
    ],
)
def test_an_error_of_the_system_is_one_clear_line(capsys, exc, line):
    assert _report(exc) == 1
    assert capsys.readouterr().err == f"lightrouter: {line}\n"

"""Control characters of untrusted text; every log line of the package."""

import ast
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lightrouter_graph
from lightrouter_graph.redaction.printable import CONTROLS, log_line

PACKAGE = Path(lightrouter_graph.__file__).parent
CALLS = {f"logger.{level}" for level in ("debug", "info", "warning", "error", "exception", "critical", "log")}
NUMBERS_AND_IDS = {"cap", "ceiling", "request_id"}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("plain, ключ, 答案 🎉", "plain, ключ, 答案 🎉"),
        ("a\nCRITICAL forged\r\n", r"a\nCRITICAL forged\r\n"),
        ("\x1b[2J\x9b2J\x00", r"\u001b[2J\u009b2J\u0000"),
        ("a\u202eb\u2028c\u2029d\u2066", r"a\u202eb\u2028c\u2029d\u2066"),
        ("back\\slash\t", r"back\\slash\t"),
        ("\ud800", r"\ud800"),
    ],
)
def test_a_log_line(text, line):
    assert log_line(text) == line


@given(st.text())
def test_a_log_line_is_one_line_that_can_be_read_back(text):
    line = log_line(text)
    assert len(line.splitlines()) <= 1
    assert not CONTROLS.search(line)
    assert json.loads('"' + line.replace('"', '\\"') + '"') == text


def test_a_log_line_is_bounded():
    assert len(log_line("\x1b" * 10**6)) < 130_000


def log_calls():
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in CALLS:
                yield path, node


def is_safe(argument: ast.expr, names: set[str]) -> bool:
    if isinstance(argument, ast.Name):
        return argument.id in names or argument.id.isupper()  # a constant of the module
    written = ast.unparse(argument)
    return written.startswith("log_line(") or (written.startswith("type(") and written.endswith(".__name__"))


def test_every_argument_of_a_log_call_is_made_one_line():
    found = list(log_calls())
    assert len(found) >= 10
    for path, node in found:
        assert isinstance(node.args[0], ast.Constant), f"{path}:{node.lineno}: the format is no constant"
        text = path.read_text("utf-8")
        names = {*re.findall(r"(\w+) = log_line\(", text), *NUMBERS_AND_IDS}
        for argument in node.args[1:]:
            assert is_safe(argument, names), f"{path}:{node.lineno}: log_line({ast.unparse(argument)})"

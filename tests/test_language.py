"""Docstrings are plain technical English: the worst words of version 0.1 stay out."""

import ast
import re
from pathlib import Path

import pytest

import lightrouter_graph

ROOT = Path(lightrouter_graph.__file__).parent
WORDS = (
    r"nobody|anybody|everybody|somebody|whom|whoever|whosever|aloud|anew|dear|dearer|dearest|heard|hears|told|spoken|"
    r"at hand|under way|up next|for want of|once more|besides|beforehand|meanwhile|stands where|goes on|as it came"
)
ROOMS = sorted(path.name for path in ROOT.iterdir() if path.is_dir() and (path / "__init__.py").exists())


def docstrings(path):
    """Yield the docstrings of a module with the line of the object that they belong to."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        documented = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        if documented and (text := ast.get_docstring(node)):
            yield getattr(node, "lineno", 1), re.sub(r"`[^`]*`|\"[^\"]*\"|```.*?```", "", text, flags=re.DOTALL)


def found_in(paths):
    return [
        f"{path.relative_to(ROOT)}:{line}: {word[0]}"
        for path in paths
        for line, text in docstrings(path)
        for word in re.finditer(rf"\b(?:{WORDS})\b", text, re.IGNORECASE)
    ]


@pytest.mark.parametrize("room", ["", *ROOMS])
def test_no_docstring_has_a_word_of_the_old_idiom(room):
    paths = ROOT.glob("*.py") if not room else (ROOT / room).rglob("*.py")
    assert found_in(paths) == []


def test_the_check_finds_such_a_word(tmp_path):
    module = ROOT / "graph.py"
    (tmp_path / "bad.py").write_text('"""Nobody is told."""\n')
    assert [text for _, text in docstrings(tmp_path / "bad.py")] == ["Nobody is told."]
    assert list(docstrings(module))

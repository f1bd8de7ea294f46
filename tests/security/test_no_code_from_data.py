"""Nothing the package reads becomes code: no pickle, no eval, no loader that runs what it loads."""

import ast
import pickle
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from helpers import calls, decision, long, run, scripted
from langgraph.cache.sqlite import SqliteCache

import lightrouter_graph
from lightrouter_graph import Context

PACKAGE = Path(lightrouter_graph.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))

UNPICKLING = {
    "cloudpickle",
    "dill",
    "imp",
    "joblib",
    "jsonpickle",
    "marshal",
    "pickle",
    "runpy",
    "shelve",
    "torch",
    "yaml",
}
RUNNING = {"__import__", "compile", "eval", "exec"}
LOADING = {"allow_dangerous_deserialization", "deserialize_from_bytes", "load_local", "read_pickle"}
IMPORTING = {"lightrouter_graph/runtime/event_loops.py"}
"""Where modules are imported by name, which is written down there."""


def forbidden_in(module):
    """Yield line and name of what could unpickle, or run what was read."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=names):
                found = {alias.name.partition(".")[0] for alias in names} & UNPICKLING
            case ast.ImportFrom(module=source, names=names, level=0):
                found = {str(source).partition(".")[0]} & UNPICKLING | {alias.name for alias in names} & RUNNING
            case ast.Call(func=ast.Name(id=name)) | ast.Attribute(value=ast.Name(id="builtins"), attr=name):
                found = {name} & RUNNING
            case ast.Attribute(attr=name) | ast.keyword(arg=name):
                found = {name} & LOADING
            case _:
                continue
        yield from ((node.lineno, name) for name in found)


def calls_in(module, name):
    """Yield the calls of a method of that name."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == name:
            yield node


def test_the_package_is_looked_through():
    assert len(MODULES) > 100
    assert PACKAGE / "pocket" / "model.py" in MODULES


def test_no_module_unpickles_or_runs_what_it_reads():
    """More than ruff's S rules: those allow `compile`, `torch`, and loaders that a keyword turns into unpicklers."""
    assert not [(module.name, line, name) for module in MODULES for line, name in forbidden_in(module)]


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from pickle import loads",
        "import torch.serialization",
        "eval('1')",
        "exec('')",
        "compile('', '', 'exec')",
        "builtins.eval('1')",
        "FAISS.load_local('x', allow_dangerous_deserialization=True)",
        "from yaml import load",
    ],
)
def test_what_is_looked_for_would_be_found(code, tmp_path):
    module = tmp_path / "module.py"
    module.write_text(code)
    assert list(forbidden_in(module))


def test_modules_are_imported_by_name_only_where_the_name_is_written_down():
    for module in MODULES:
        for call in calls_in(module, "import_module"):
            assert str(module.relative_to(PACKAGE.parent)) in IMPORTING
            assert isinstance(call.args[0], ast.Constant)


def test_arrays_are_never_loaded_as_objects():
    found = [call for module in MODULES for call in calls_in(module, "load") if "np" in ast.unparse(call.func)]
    assert found
    for call in found:
        told = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        assert told == {"allow_pickle": "False"}


@pytest.mark.parametrize("weights", sorted(PACKAGE.rglob("*.npz")), ids=lambda path: path.name)
def test_the_shipped_weights_are_plain_numbers(weights):
    with np.load(weights, allow_pickle=False) as stored:
        assert {stored[name].dtype.kind for name in stored.files} <= set("fiuU")


class Harmful:
    """Makes a file when it is unpickled."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return Path.touch, (self.file,)


async def test_a_pickle_in_a_cache_is_no_boot(tmp_path):
    cache, settings = SqliteCache(path=str(tmp_path / "boots.sqlite")), Context(boot_tokens=5, agree=None, top_k=1)
    first, again = (scripted(a=long("1"), b=long("2")) for _ in range(2))
    await run(first, settings, boot_cache=cache)
    with closing(sqlite3.connect(tmp_path / "boots.sqlite")) as file, file:
        poison = pickle.dumps(Harmful(tmp_path / "harmed"))
        changed = file.execute("UPDATE cache SET encoding = 'pickle', val = ?", (poison,)).rowcount
    assert changed == 2
    message = await run(again, settings, boot_cache=cache)
    cache._conn.close()  # LangGraph's cache has no way to close it
    assert not (tmp_path / "harmed").exists()
    assert calls(again) == calls(first)
    assert decision(message)["bill"]["cached"] == 0


def test_the_poison_would_have_worked(tmp_path):
    pickle.loads(pickle.dumps(Harmful(tmp_path / "harmed")))
    assert (tmp_path / "harmed").exists()

"""Writes the parts of the pages that come from the code: tables, the module tree and the pictures.

    python docs/mkdocs/generate.py            # writes the tables and the tree; `make docs` runs it
    python docs/mkdocs/generate.py --check    # writes nothing; fails if a table differs from the code
    python docs/mkdocs/generate.py pictures   # also records docs/assets/ask.svg and draws docs/assets/graph.svg

A generated part stands between `<!-- generated: NAME -->` and `<!-- end of NAME -->`. tests/test_docs.py checks that
the parts are those of the code.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import typer
from pydantic import BaseModel

from lightrouter_graph import Context
from lightrouter_graph.cli.app import app
from lightrouter_graph.pool.toml_file import POOL_KEYS
from lightrouter_graph.providers.table import PROVIDERS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def pages() -> list[Path]:
    """Return the README and every page of docs/."""
    return [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]


def filled(text: str) -> str:
    """Return a page with its generated parts renewed.

    Raises:
        KeyError: If a marker names a part that does not exist.
    """
    marked = re.compile(r"(<!-- generated: ([\w -]+) -->\n).*?(<!-- end of \2 -->)", re.DOTALL)
    return marked.sub(lambda found: f"{found[1]}{PARTS[found[2]]().strip()}\n{found[3]}", text)


def settings() -> str:
    """Return one row for each field of `Context`."""
    return _table(("setting", "default", "meaning"), _settings_of(Context))


def _settings_of(model: Any, prefix: str = "") -> Iterator[tuple[str, str, str]]:
    for name, field in model.model_fields.items():
        default = field.get_default(call_default_factory=True)
        if isinstance(default, BaseModel):  # a nested group
            yield from _settings_of(type(default), f"{prefix}{name}.")
            continue
        long = isinstance(default, str) and len(default) > 40
        yield f"`{prefix}{name}`", "built in" if long else f"`{default}`", field.description or ""


def pool_keys() -> str:
    """Return one row for each key of a `[[candidate]]`."""
    rows = [(f"`{key.name}`", key.type, key.default, key.meaning) for key in POOL_KEYS]
    return _table(("key", "value", "default", "meaning"), rows)


def providers() -> str:
    """Return one row for each provider with a table entry of its own."""
    rows = []
    for name, row in PROVIDERS.items():
        key = f"`{row.api_key_env}`" if row.api_key_env else "none"
        address = f"`{row.base_url}`" if row.base_url else "given in the spec"
        variable = f" (`{row.base_url_env}`)" if row.base_url_env else ""
        rows.append((f"`{name}:`", key if row.key_required else f"{key}, optional", f"{address}{variable}",
                     f"`{row.limit_parameter}`", f"`{row.continuation}`" if row.continuation else "no",
                     f"`{row.json_mode}`" if row.json_mode else "no"))  # fmt: skip
    return _table(("prefix", "key", "address", "output limit", "continues a boot", "JSON mode"), rows)


def command_line(*commands: str) -> str:
    """Return the options of some commands."""
    return "\n\n".join(f"### lightrouter {name}\n\n{_options_of(name)}" for name in commands)


def _options_of(name: str) -> str:
    command: Any = typer.main.get_command(app)
    for word in name.split():
        command = command.commands[word]
    rows = [
        (", ".join(f"`{flag}`" for flag in (*option.opts, *option.secondary_opts)), _one_line(option.help or ""))
        for option in command.params
        if option.param_type_name == "option" and "--help" not in option.opts
    ]
    return f"{_one_line(command.help)}\n\n{_table(('option', 'meaning'), rows)}"


def tree() -> str:
    """Return the packages and modules, each with the first line of its docstring."""
    lines = []
    for path in _sources():
        depth = len(path.relative_to(ROOT).parts) - 1
        name = f"{'  ' * depth}{path.name}{'/' if path.is_dir() else ''}"
        lines.append(f"{name:<28} {_first_line(path)}".rstrip())
    return "```text\n" + "\n".join(lines) + "\n```"


def _sources() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "lightrouter_graph"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    modules = {ROOT / name for name in listed.stdout.split() if name.endswith(".py") and (ROOT / name).exists()}
    packages = {path.parent for path in modules}
    shown = {path for path in modules if path.name != "__init__.py"} | packages
    return sorted(shown, key=lambda path: [(part.endswith(".py"), part) for part in path.parts])


def _first_line(path: Path) -> str:
    source = path / "__init__.py" if path.is_dir() else path
    doc = ast.get_docstring(ast.parse(source.read_text())) or ""
    return doc.splitlines()[0].replace("`", "") if doc else ""


WALK = (
    ("graph.py", "build_graph", "Wires the six nodes and their edges. A run enters at `open`."),
    (
        "nodes/open.py",
        "OpenNode.__call__",
        "Resolves the settings, scores the candidates by the prior, plans the budget.",
    ),
    (
        "runtime/node_runnable.py",
        "FanOutRunnable.query_all",
        "Queries the candidates of a node in parallel, a task for each.",
    ),
    (
        "nodes/boot.py",
        "BootFanOut.query",
        "Makes the call of one candidate from the settings; returns its boot as a record.",
    ),
    ("llm/client.py", "complete", "The one way to a model. Records the cost, stops early when others have agreed."),
    (
        "llm/attempts.py",
        "CallAttempts.run",
        "Per attempt: permit of the endpoint, budget reservation, timeout; then a retry.",
    ),
    ("llm/send.py", "call_model", "`ainvoke` or `astream` of the LangChain chat model: the HTTP call."),
    (
        "llm/reply_reader.py",
        "SentCall.read",
        "Reads text, finish reason, usage, tool calls or the failure; then back to stop 4.",
    ),
    ("nodes/select.py", "SelectNode.__call__", "The selector ranks the boots; the best go on, the others are dropped."),
    (
        "nodes/aggregate.py",
        "AggregateNode.__call__",
        "Merges the answers and appends the message with record and bill.",
    ),
)
"""Stops of one query: file, definition, and what happens there."""


def walk() -> str:
    """Return the stops of one query as a numbered list, each with the line of its definition."""
    return "\n".join(
        f"{number}. `lightrouter_graph/{file}:{line_of(file, name)}` `{name}`: {what}"
        for number, (file, name, what) in enumerate(WALK, start=1)
    )


def line_of(file: str, name: str) -> int:
    """Return the line of a definition.

    Args:
        file: Module, relative to the package.
        name: Function, class or `Class.method`.

    Raises:
        StopIteration: If the module does not define it.
    """
    found: Any = ast.parse((ROOT / "lightrouter_graph" / file).read_text())
    for part in name.split("."):
        found = next(node for node in found.body if getattr(node, "name", None) == part)
    line: int = found.lineno
    return line


def _table(head: tuple[str, ...], rows: Any) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(_one_line(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def _one_line(text: str) -> str:
    return " ".join(text.split())


PARTS: Mapping[str, Callable[[], str]] = {
    "command line": partial(command_line, "ask", "pool", "serve"),
    "eval command line": partial(command_line, "eval run", "eval compare", "eval again"),
    "pool keys": pool_keys,
    "providers": providers,
    "settings": settings,
    "tree": tree,
    "walk": walk,
}


def main() -> None:
    """Write the generated parts, and the pictures when asked for; with `--check` write nothing, fail if one is old."""
    renewed = {page: filled(page.read_text()) for page in pages()}
    old = [str(page.relative_to(ROOT)) for page, text in renewed.items() if page.read_text() != text]
    if "--check" in sys.argv[1:]:
        sys.exit(f"run python docs/mkdocs/generate.py: {', '.join(old)} differ from the code" if old else 0)
    for page, text in renewed.items():
        page.write_text(text)
    if "pictures" in sys.argv[1:]:
        import pictures  # noqa: PLC0415 - runs models

        pictures.write(DOCS / "assets")


if __name__ == "__main__":
    main()

"""The parts of the README that are made from the code.

python tests/readme_parts.py      writes them into README.md; tests/test_readme.py checks them
"""

import ast
import re
import subprocess
from pathlib import Path

from langchain_core.runnables.graph import CurveStyle

from lightrouter_graph import Candidate, Context, Pool, create_lightrouter
from lightrouter_graph.testing import ScriptedChatModel

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
SHOWN = ("lightrouter_graph", "examples", "tests")


def mermaid() -> str:
    """Draw the graph as it is wired."""
    pool = Pool([Candidate("a", ScriptedChatModel(responses="hello"))])
    drawn = create_lightrouter(pool).compile().get_graph().draw_mermaid(curve_style=CurveStyle.BASIS)
    # GitHub renders the front matter's theme badly in dark mode: keep the edges, drop the styling.
    return re.sub(r"^---.*?---\n|^\s*classDef.*\n|[\t ]+$", "", drawn, flags=re.MULTILINE | re.DOTALL).strip()


def settings() -> str:
    """One row for each field of `Context`."""
    rows = []
    for name, field in Context.model_fields.items():
        is_prompt = name.endswith("_prompt")
        default = "its own" if is_prompt else f"`{field.default}`"
        rows.append(f"| `{name}` | {default} | {field.description} |")
    return "\n".join(rows)


def tree() -> str:
    """The package's folders and modules, each with the first line of its docstring."""
    lines = []
    for path in _paths():
        depth = len(path.relative_to(ROOT).parts) - 1
        name = f"{'  ' * depth}{path.name}{'/' if path.is_dir() else ''}"
        lines.append(f"{name:<26} {_first_line(path)}".rstrip())
    return "\n".join(lines)


def _paths() -> list[Path]:
    told = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "lightrouter_graph"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    modules = {ROOT / name for name in told.stdout.split() if name.endswith(".py")}
    rooms = {path.parent for path in modules}
    listed = {path for path in modules if path.name != "__init__.py"} | rooms
    return sorted(listed, key=lambda path: [(part.endswith(".py"), part) for part in path.parts])


def _first_line(path: Path) -> str:
    source = path / "__init__.py" if path.is_dir() else path
    doc = ast.get_docstring(ast.parse(source.read_text())) or ""
    return doc.splitlines()[0].replace("`", "") if doc else ""


def filled(text: str) -> str:
    """Put the made parts into the README's text."""
    text = _between(text, "```mermaid\n", "\n```", mermaid())
    text = _between(text, "| setting | default | what it means |\n|---|---|---|\n", "\n\n", settings())
    return _between(text, "```text\n", "\n```", tree())


def _between(text: str, begin: str, end: str, part: str) -> str:
    start = text.index(begin) + len(begin)
    stop = text.index(end, start - 1)
    return text[:start] + part + text[max(stop, start) :]


if __name__ == "__main__":
    README.write_text(filled(README.read_text()))

"""The two pictures of the README: a real run of `lightrouter ask`, and the graph as it is wired."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from lightrouter_graph import Candidate, Pool, create_lightrouter
from lightrouter_graph.testing import ScriptedChatModel

QUESTION = "Ana has 3 boxes of 4 toys each and 3 boxes of 9 stones each. How many is that together?"
OPTIONS = ["--width", "0", "--agree", "0", "--top-k", "3", "--boot-tokens", "16", "--svg", "run.svg"]


def write(folder: Path) -> None:
    """Write ask.svg and graph.svg."""
    (folder / "ask.svg").write_text(recorded_run())
    (folder / "graph.svg").write_text(drawn_graph())


def recorded_run() -> str:
    """Run `lightrouter ask` on the pocket models, as where no key is set, and return its screen."""
    with tempfile.TemporaryDirectory() as place:
        command = [sys.executable, "-c", "from lightrouter_graph.cli import main; main()", "ask", *OPTIONS, QUESTION]
        nothing_set = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
        subprocess.run(command, cwd=place, env={**nothing_set, "OLLAMA_HOST": "http://127.0.0.1:9"}, check=True)
        svg = (Path(place) / "run.svg").read_text()
    # The picture loads no font from another host.
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    return svg.replace("Fira Code", "ui-monospace, Menlo, Consolas")


BOXES = {
    "open": ("read the query,", "order the candidates"),
    "boot": ("each candidate writes", "its first ~200 tokens"),
    "select": ("rank the boots,", "keep the top k"),
    "generate": ("complete the", "selected answers"),
    "tally": ("compare the answers:", "enough agreement?"),
    "aggregate": ("vote or synthesis:", "one answer"),
}
"""The nodes from left to right, each with two lines of text."""

LABELS = {
    ("open", "generate"): "a single candidate",
    ("select", "tally"): "finished boots agree",
    ("select", "aggregate"): "inner layer",
    ("tally", "generate"): "next in rank",
    ("aggregate", "generate"): "one candidate left",
    ("aggregate", "boot"): "next layer",
}
"""What the edges between nodes that are no neighbours are taken for."""

_WIDTH, _HEIGHT, _GAP, _TOP = 150, 74, 34, 120


def drawn_graph() -> str:
    """Draw the graph as SVG: its nodes in a row, straight edges between neighbours, arcs for the others."""
    pool = Pool([Candidate("a", ScriptedChatModel(responses="hello"))])
    graph = create_lightrouter(pool).compile().get_graph()
    nodes = {name for name in graph.nodes if not name.startswith("__")}
    if nodes != set(BOXES):
        msg = f"the graph has the nodes {sorted(nodes)}, the picture {sorted(BOXES)}"
        raise ValueError(msg)
    edges = [_edge(edge.source, edge.target) for edge in graph.edges if {edge.source, edge.target} <= nodes]
    width = len(BOXES) * (_WIDTH + _GAP) - _GAP + 20
    return _SVG.format(width=width, height=_TOP + _HEIGHT + 140, body="\n".join([*edges, *map(_box, BOXES)]))


def _left(name: str) -> int:
    return 10 + list(BOXES).index(name) * (_WIDTH + _GAP)


def _box(name: str) -> str:
    x, lines = _left(name), BOXES[name]
    texts = [f'<text class="name" x="{x + _WIDTH // 2}" y="{_TOP + 24}">{name}</text>']
    texts += [f'<text x="{x + _WIDTH // 2}" y="{_TOP + 44 + 16 * i}">{line}</text>' for i, line in enumerate(lines)]
    return f'<rect x="{x}" y="{_TOP}" width="{_WIDTH}" height="{_HEIGHT}" rx="8"/>' + "".join(texts)


def _edge(source: str, target: str) -> str:
    span = list(BOXES).index(target) - list(BOXES).index(source)
    if span == 1:
        x, y = _left(source) + _WIDTH, _TOP + _HEIGHT // 2
        return f'<path d="M {x} {y} H {x + _GAP - 7}"/>'
    forward = span > 0
    y, bend = (
        (_TOP, _TOP - (34 if span > 2 else 18) * abs(span))
        if forward
        else (_TOP + _HEIGHT, _TOP + _HEIGHT + 44 * abs(span) - 18)
    )
    shift = 30 if forward else -30
    start, end = _left(source) + _WIDTH // 2 + shift, _left(target) + _WIDTH // 2 - shift
    label = LABELS[source, target]
    middle, above = (start + end) // 2, y + (bend - y) * 3 // 4 + (-6 if forward else 14)
    text = f'<text x="{middle}" y="{above}">{label}</text>'
    return f'{text}<path d="M {start} {y} C {start} {bend}, {end} {bend}, {end} {y - 7 if forward else y + 7}"/>'


_SVG = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-label="The graph">
<style>
  rect {{ fill: #eef1fb; stroke: #3f51b5; stroke-width: 1.5 }}
  text {{ font: 12px system-ui, sans-serif; fill: #333; text-anchor: middle }}
  .name {{ font-weight: 600; font-size: 15px; fill: #1a237e }}
  path {{ fill: none; stroke: #7986cb; stroke-width: 1.8; marker-end: url(#tip) }}
</style>
<defs><marker id="tip" viewBox="0 0 10 10" refX="5" refY="5" markerWidth="6" markerHeight="6" orient="auto">
<path d="M 0 0 L 10 5 L 0 10 z" style="fill:#7986cb;stroke:none;marker-end:none"/></marker></defs>
{body}
</svg>
"""

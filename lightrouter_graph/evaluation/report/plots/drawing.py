"""Draw every picture a summary has figures for, as PNG for `report.md` and as SVG for the page."""

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

from lightrouter_graph.evaluation.records import Summary
from lightrouter_graph.evaluation.report.method_families import plain_name
from lightrouter_graph.evaluation.report.plots.categories import draw_categories
from lightrouter_graph.evaluation.report.plots.curves import draw_curves, groups
from lightrouter_graph.evaluation.report.plots.frontier import draw_frontier
from lightrouter_graph.evaluation.report.plots.latency import draw_latency
from lightrouter_graph.evaluation.report.plots.reliability import draw_reliability
from lightrouter_graph.evaluation.report.plots.style import DPI, house_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_NAMED = 12
"""With more settings of LightRouter the frontiers are left out: curves tell it, a heap of names does not."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of a report.

    Attributes:
        name: Of its file, without the ending.
        title: What it shows, for those who cannot see it and for headings.
        png: For `report.md`.
        svg: For the page.
    """

    name: str
    title: str
    png: bytes
    svg: str


def pictures(summary: Summary) -> list[Picture]:
    """Draw what a summary has figures for.

    Raises:
        EvaluationError: If matplotlib is not installed.
    """
    with house_style():
        return [_printed(name, title, figure) for name, title, figure in _figures(summary) if figure is not None]


def _figures(summary: Summary) -> "Iterator[tuple[str, str, Figure | None]]":
    ours = [row for row in summary["methods"] if plain_name(row["method"]).startswith("lightrouter")]
    if len(ours) <= _MOST_NAMED:
        yield "frontier_usd", "Quality against USD, every method named", draw_frontier(summary, "usd")
        tokens = draw_frontier(summary, "output_tokens")
        yield "frontier_tokens", "Quality against output tokens, every method named", tokens
    for number, (title, curves) in enumerate(groups(summary).items(), 1):
        yield f"curve_{number}_{_file_name(title)}", title, draw_curves(title, curves)
    yield "categories", "Quality by method and category", draw_categories(summary)
    yield "latency", "Median and 95th percentile of the seconds of each method", draw_latency(summary)
    yield "reliability", "Confidence against share right", draw_reliability(summary)


def _file_name(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")[:60]


def _printed(name: str, title: str, figure: "Figure") -> Picture:
    png, svg = BytesIO(), BytesIO()
    with warnings.catch_warnings():
        # A name in a script the font lacks is drawn as boxes; the table beside the picture has it right.
        warnings.filterwarnings("ignore", message="Glyph .* missing", category=UserWarning)
        figure.savefig(png, format="png", dpi=DPI, metadata={"Software": None})
        figure.savefig(svg, format="svg", transparent=True, metadata={"Date": None})
    return Picture(name, title, png.getvalue(), svg.getvalue().decode())

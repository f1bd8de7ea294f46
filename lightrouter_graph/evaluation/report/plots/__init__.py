"""Plots of a report, drawn with matplotlib (extra `eval`): as PNG for `report.md` and as SVG for the page."""

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
from lightrouter_graph.evaluation.report.plots.style import DPI, report_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MAX_NAMED = 12
"""Maximum number of LightRouter methods on a frontier; with more of them, only curves are legible."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A plot: file name without extension, description for screen readers, PNG for `report.md`, SVG for the page."""

    name: str
    title: str
    png: bytes
    svg: str


def pictures(summary: Summary) -> list[Picture]:
    """Return the plots of a summary; raise an `EvaluationError` without matplotlib."""
    with report_style():
        return [_picture(name, title, figure) for name, title, figure in _figures(summary) if figure is not None]


def _figures(summary: Summary) -> "Iterator[tuple[str, str, Figure | None]]":
    ours = [row for row in summary["methods"] if plain_name(row["method"]).startswith("lightrouter")]
    if len(ours) <= _MAX_NAMED:
        yield "frontier_usd", "Quality and USD of every method", draw_frontier(summary, "usd")
        yield "frontier_tokens", "Quality and output tokens of every method", draw_frontier(summary, "output_tokens")
    for number, (title, curves) in enumerate(groups(summary).items(), 1):
        name = re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")[:60]
        yield f"curve_{number}_{name}", title, draw_curves(title, curves)
    yield "categories", "Quality by method and category", draw_categories(summary)
    yield "latency", "Median and 95th percentile of the latency of each method", draw_latency(summary)
    yield "reliability", "Confidence and share of right answers", draw_reliability(summary)


def _picture(name: str, title: str, figure: "Figure") -> Picture:
    png, svg = BytesIO(), BytesIO()
    with warnings.catch_warnings():
        # A glyph that the font lacks is drawn as a box; the table beside the plot has the text.
        warnings.filterwarnings("ignore", message="Glyph .* missing", category=UserWarning)
        figure.savefig(png, format="png", dpi=DPI, metadata={"Software": None})
        figure.savefig(svg, format="svg", transparent=True, metadata={"Date": None})
    return Picture(name, title, png.getvalue(), svg.getvalue().decode())

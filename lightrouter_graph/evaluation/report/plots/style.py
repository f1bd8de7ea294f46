"""Style of the plots: colour-blind safe colours and shared axes.

Colours: M. Okabe and K. Ito, "Color Universal Design" (2008).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import as_file, files
from types import MappingProxyType
from typing import TYPE_CHECKING

from lightrouter_graph.evaluation.optional_dependencies import need
from lightrouter_graph.evaluation.records import MethodStats, Summary
from lightrouter_graph.evaluation.report.formatting import label
from lightrouter_graph.evaluation.report.method_families import Kind, kinds

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#1f2328"
CELL_INK = "#1e2227"
"""Text on a coloured cell, which keeps its colour in the dark theme of the page."""
FAINT = "#6a737d"
HAIR = "#d5dae0"
PAPER = "#ffffff"
ACCENT = "#c24a00"
"""Colour of LightRouter: vermilion, darkened for legible text on white."""
RIVAL = "#0072b2"
SERIES = ("#c24a00", "#0072b2", "#00805f", "#a8568a", "#8a6d00", "#3d8ec9", "#6a737d", "#1f2328")
"""Colours of curves, in order; `MARKERS` distinguishes them as well."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")

COLOURS = MappingProxyType[Kind, str]({"lightrouter": ACCENT, "rival": RIVAL, "single": FAINT, "bound": FAINT})
SHAPES = MappingProxyType[Kind, str]({"lightrouter": "o", "rival": "s", "single": "D", "bound": "^"})
NAMES = MappingProxyType[Kind, str](
    {
        "lightrouter": "LightRouter",
        "rival": "other multi-model methods",
        "single": "single candidate",
        "bound": "upper bound (reads the scores)",
    }
)

DPI = 160


@contextmanager
def report_style() -> Iterator[None]:
    """Apply the style of the reports to plots drawn inside; raise an `EvaluationError` without matplotlib."""
    mpl = need("matplotlib", extra="eval", what="a plot")
    with as_file(files(__package__) / "report.mplstyle") as path, mpl.rc_context(fname=path):
        yield


def new_figure(width: float, height: float) -> "Figure":
    """Return an empty figure of a size in inches with a constrained layout."""
    from matplotlib.figure import Figure  # noqa: PLC0415

    return Figure(figsize=(width, height), layout="constrained")


def percent_axis(axes: "Axes") -> None:
    """Format the y axis as percentages of shares, 0 to 1."""
    from matplotlib.ticker import PercentFormatter  # noqa: PLC0415

    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=None, symbol=" %"))


def number_axis(axes: "Axes", *, log: bool) -> None:
    """Format the x axis with plain numbers instead of powers of ten; a logarithmic one has ticks at 1, 2 and 5."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter  # noqa: PLC0415

    if log:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(base=10, subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))


def method_axis(axes: "Axes", rows: Sequence[MethodStats], summary: Summary, offset: float = 0.0) -> None:
    """Write the labels of the methods along the y axis, LightRouter in bold; `offset` is the position of the first."""
    by_name = kinds(summary)
    axes.set_yticks([index + offset for index in range(len(rows))], [label(row) for row in rows], size=9)
    for tick, row in zip(axes.get_yticklabels(), rows, strict=True):
        ours, bound = (by_name[row["method"]] == kind for kind in ("lightrouter", "bound"))
        tick.set(color=ACCENT if ours else INK, weight="bold" if ours else "normal")
        tick.set_fontstyle("italic" if bound else "normal")


def wants_log(values: Sequence[float]) -> bool:
    """Return True if positive numbers span a factor of eight or more, so that a logarithmic axis is more legible."""
    return bool(values) and min(values) > 0 and max(values) / min(values) >= 8

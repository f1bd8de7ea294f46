"""How pictures look: a few colours that the colour-blind can tell apart, thin lines, legible words.

The colours are of the palette of M. Okabe and K. Ito, "Color Universal Design" (2008).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.report.method_families import Kind

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#1f2328"
CELL_INK = "#1e2227"
"""For words on a coloured ground, which stays as it is where a page turns dark."""
FAINT = "#6a737d"
HAIR = "#d5dae0"
PAPER = "#ffffff"
ACCENT = "#c24a00"
"""LightRouter's colour: the palette's vermilion, a shade darker so that words in it can be read on white."""
RIVAL = "#0072b2"
SERIES = ("#c24a00", "#0072b2", "#00805f", "#a8568a", "#8a6d00", "#3d8ec9", "#6a737d", "#1f2328")
"""For curves, in order; each has a marker of its own too."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")

COLOURS = MappingProxyType[Kind, str]({"lightrouter": ACCENT, "rival": RIVAL, "single": FAINT, "bound": FAINT})
SHAPES = MappingProxyType[Kind, str]({"lightrouter": "o", "rival": "s", "single": "D", "bound": "^"})
NAMES = MappingProxyType[Kind, str](
    {
        "lightrouter": "LightRouter",
        "rival": "other ways to use several models",
        "single": "one candidate alone",
        "bound": "upper bound (looks at the scores)",
    }
)

DPI = 160

_SETTINGS: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10,
    "text.color": INK,
    "text.parse_math": False,  # a name with dollar signs is a name
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "grid.color": HAIR,
    "grid.linewidth": 0.6,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "figure.facecolor": PAPER,
    "axes.facecolor": "none",
    "savefig.facecolor": PAPER,
    "svg.fonttype": "path",
    "svg.hashsalt": "lightrouter",
}


@contextmanager
def house_style() -> Iterator[None]:
    """Draw inside in the style of the reports.

    Raises:
        EvaluationError: If matplotlib is not installed.
    """
    try:
        import matplotlib as mpl  # noqa: PLC0415 - an extra, and slow to load
    except ImportError as exc:
        msg = "the pictures of a report need matplotlib: pip install 'lightrouter-graph[eval]'"
        raise EvaluationError(msg) from exc
    settings: Any = _SETTINGS  # its keys are a closed list to a type checker, longer with every version
    with mpl.rc_context(settings):
        yield


def new_figure(width: float, height: float, **kwargs: Any) -> "Figure":
    """Make an empty figure of that size in inches, laid out so that nothing is cut off."""
    from matplotlib.figure import Figure  # noqa: PLC0415

    return Figure(figsize=(width, height), layout=kwargs.pop("layout", "constrained"), **kwargs)


def percent_axis(axes: "Axes", which: str = "y") -> None:
    """Write shares of 0 to 1 as percentages along an axis."""
    from matplotlib.ticker import PercentFormatter  # noqa: PLC0415

    axis = axes.yaxis if which == "y" else axes.xaxis
    axis.set_major_formatter(PercentFormatter(1.0, decimals=None, symbol=" %"))


def number_axis(axes: "Axes", *, log: bool, which: str = "x") -> None:
    """Write plain numbers along an axis, not powers of ten: every 1, 2 and 5 where it is logarithmic."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter  # noqa: PLC0415

    axis = axes.xaxis if which == "x" else axes.yaxis
    if log:
        (axes.set_xscale if which == "x" else axes.set_yscale)("log")
        axis.set_major_locator(LogLocator(base=10, subs=(1.0, 2.0, 5.0)))
        axis.set_minor_formatter(NullFormatter())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))


def wants_log(values: list[float]) -> bool:
    """Whether numbers span so much that a logarithmic axis shows them better: a factor of eight or more, none zero."""
    return bool(values) and min(values) > 0 and max(values) / min(values) >= 8

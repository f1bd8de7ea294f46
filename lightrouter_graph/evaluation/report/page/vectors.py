"""Pictures inside the page: matplotlib's SVG with the page's own colours, so that they are light or dark as it is."""

import re
from dataclasses import dataclass
from types import MappingProxyType

from lightrouter_graph.evaluation.report.plots import style
from lightrouter_graph.evaluation.report.plots.drawing import Picture

VARIABLES = MappingProxyType(
    {
        style.INK: "var(--ink)",
        style.FAINT: "var(--faint)",
        style.HAIR: "var(--hair)",
        style.PAPER: "var(--paper)",
        style.ACCENT: "var(--accent)",
        style.RIVAL: "var(--rival)",
    }
)
"""What the page paints instead of the colours of print."""


@dataclass(frozen=True, slots=True)
class Vector:
    """A picture as an element of the page.

    Attributes:
        title: What it shows.
        svg: The element; it has classes where matplotlib wrote styles, which the page's policy forbids.
        rules: What the classes mean, for the page's style sheet.
    """

    title: str
    svg: str
    rules: str


def themed(picture: Picture) -> Vector:
    """Make a picture fit to stand in the page, its names made its own so that two pictures never share one."""
    body = picture.svg[picture.svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>|<style[^>]*>.*?</style>|<!--.*?-->", "", body, flags=re.DOTALL)
    body = re.sub(r'(?<= id=")([^"]+)', rf"{picture.name}-\1", body)
    body = re.sub(r'(?<=href="#)|(?<=url\(#)', f"{picture.name}-", body)
    classes: dict[str, str] = {}

    def named(found: re.Match[str]) -> str:
        return f'class="{classes.setdefault(found[1], f"{picture.name}-s{len(classes)}")}"'

    body = re.sub(r'style="([^"]*)"', named, body)
    opening = f'<svg class="drawn" role="img" aria-label="{_attribute(picture.title)}"'
    rules = "".join(f"\n.{name}{{{_coloured(what)}}}" for what, name in classes.items())
    return Vector(picture.title, body.replace("<svg", opening, 1), rules)


def _coloured(rule: str) -> str:
    for printed, shown in VARIABLES.items():
        rule = rule.replace(printed, shown)
    return rule


def _attribute(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")

"""Plots inside the page: the SVG of matplotlib with CSS variables as colours, for the light and the dark theme."""

import re
from dataclasses import dataclass
from html import escape
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
"""CSS variable of each colour in a plot."""


@dataclass(frozen=True, slots=True)
class Vector:
    """A plot as an SVG element with CSS classes; the policy of the page forbids inline styles."""

    title: str
    svg: str
    rules: str


def themed(picture: Picture) -> Vector:
    """Return a plot for the page; its ids and classes get the name of the plot, so that they are unique."""
    body = picture.svg[picture.svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>|<style[^>]*>.*?</style>|<!--.*?-->", "", body, flags=re.DOTALL)
    body = re.sub(r'(?<= id=")([^"]+)', rf"{picture.name}-\1", body)
    body = re.sub(r'(?<=href="#)|(?<=url\(#)', f"{picture.name}-", body)
    classes: dict[str, str] = {}

    def class_of(style_attribute: re.Match[str]) -> str:
        return f'class="{classes.setdefault(style_attribute[1], f"{picture.name}-s{len(classes)}")}"'

    body = re.sub(r'style="([^"]*)"', class_of, body)
    opening = f'<svg class="drawn" role="img" aria-label="{escape(picture.title)}"'
    rules = "".join(f"\n.{name}{{{_with_variables(rule)}}}" for rule, name in classes.items())
    return Vector(picture.title, body.replace("<svg", opening, 1), rules)


def _with_variables(rule: str) -> str:
    for colour, variable in VARIABLES.items():
        rule = rule.replace(colour, variable)
    return rule

"""Writes `index.html`: a self-contained interactive page that loads no other file."""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from lightrouter_graph.evaluation.optional_dependencies import need
from lightrouter_graph.evaluation.questions import RIGHT
from lightrouter_graph.evaluation.records import Summary
from lightrouter_graph.evaluation.report.examples import Examples
from lightrouter_graph.evaluation.report.markdown import prices_of, report_parts
from lightrouter_graph.evaluation.report.method_families import kinds
from lightrouter_graph.evaluation.report.plots import Picture, style
from lightrouter_graph.evaluation.report.tables import COLUMNS, MAIN_COLUMNS
from lightrouter_graph.evaluation.report.where_it_loses import where_it_loses

_VARIABLES = MappingProxyType(
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


def page(summary: Summary, data: dict[str, Any], examples: Examples, drawn: Sequence[Picture]) -> str:
    """Return the page as HTML.

    Texts of models and users are escaped by the template, or are JSON without any character that ends a script
    element. The content security policy in the page forbids every other script and every request.

    Args:
        summary: Statistics of the run.
        data: JSON data of the single questions.
        examples: The selected questions.
        drawn: The plots.
    """
    jinja2 = need("jinja2", extra="eval", what="a report")
    trusted: Callable[[str], str] = need("markupsafe", extra="eval", what="a report").Markup
    vectors = [_themed(picture) for picture in drawn]
    script, style = _file("page.js"), _file("page.css") + "".join(vector.rules for vector in vectors)
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    by_name = kinds(summary)
    columns = [COLUMNS[name] for name in MAIN_COLUMNS]
    html: str = environment.from_string(_file("page.html")).render(
        **report_parts(summary),
        policy=_policy(script, style),
        style=trusted(style),
        script=trusted(script),
        data=trusted(script_json(data)),
        pictures=[(vector.title, trusted(vector.svg)) for vector in vectors],
        prices=prices_of(summary),
        header=[column.header for column in columns],
        rows=[
            {"kind": by_name[row["method"]], "cells": [(column.write(row), column.order(row)) for column in columns]}
            for row in summary["methods"]
        ],
        losses=where_it_loses(summary),
        chosen=examples.description,
        right_from=RIGHT,
    )
    return html


def script_json(value: Any) -> str:
    """Return JSON for a script element: ASCII only, without any character that HTML interprets."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _policy(script: str, style: str) -> str:
    allowed = f"script-src {_digest(script)}; style-src {_digest(style)}"
    return f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _file(name: str) -> str:
    return files(__name__).joinpath(name).read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class _Vector:
    """A plot as an SVG element with the rules of its CSS classes; the policy of the page forbids inline styles."""

    title: str
    svg: str
    rules: str


def _themed(picture: Picture) -> _Vector:
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
    rules = "".join(f"\n.{name}{{{rule}}}" for rule, name in classes.items())
    for colour, variable in _VARIABLES.items():
        rules = rules.replace(colour, variable)
    return _Vector(picture.title, body.replace("<svg", opening, 1), rules)

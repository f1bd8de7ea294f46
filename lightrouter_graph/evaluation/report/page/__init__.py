"""`index.html`: one page that needs nothing else, neither files nor a network."""

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from importlib.resources import files
from typing import Any

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.records import MethodFigures, Summary
from lightrouter_graph.evaluation.report.definitions import DEFINITIONS
from lightrouter_graph.evaluation.report.examples import RIGHT_FROM, Chosen
from lightrouter_graph.evaluation.report.markdown import facts_of, prices_of
from lightrouter_graph.evaluation.report.method_families import kinds
from lightrouter_graph.evaluation.report.page.vectors import themed
from lightrouter_graph.evaluation.report.plots.drawing import Picture
from lightrouter_graph.evaluation.report.tables import COLUMNS, MAIN_COLUMNS, caption
from lightrouter_graph.evaluation.report.where_it_loses import RULE, where_it_loses


def page(summary: Summary, data: dict[str, Any], chosen: Chosen, drawn: Sequence[Picture]) -> str:
    """Put the page together.

    What models and users wrote goes in either escaped by the template or as JSON in which no character can end the
    script that holds it; the policy in the page's head lets no other script run and nothing be fetched.

    Args:
        summary: The figures.
        data: What single questions are shown from, JSON values.
        chosen: Which questions those are.
        drawn: The pictures.

    Raises:
        EvaluationError: If jinja2 is not installed.
    """
    try:
        from jinja2 import Environment, StrictUndefined  # noqa: PLC0415 - an extra
        from markupsafe import Markup  # noqa: PLC0415
    except ImportError as exc:
        msg = "the page of a report needs jinja2: pip install 'lightrouter-graph[eval]'"
        raise EvaluationError(msg) from exc
    vectors = [themed(picture) for picture in drawn]
    script = _file("page.js")
    style = _file("page.css") + "".join(vector.rules for vector in vectors)
    template = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    trusted: Callable[[str], str] = Markup  # our own files, drawings of our own, and JSON without a character of HTML
    return template.from_string(_file("page.html")).render(
        policy=_policy(script, style),
        style=trusted(style),
        script=trusted(script),
        data=trusted(script_json(data)),
        pictures=[(vector.title, trusted(vector.svg)) for vector in vectors],
        title=summary["facts"]["title"],
        command=summary["facts"]["command"],
        notes=summary["facts"]["notes"],
        findings=summary.get("findings", []),
        facts=facts_of(summary),
        prices=prices_of(summary),
        header=[COLUMNS[name].header for name in MAIN_COLUMNS],
        rows=_rows(summary),
        caption=caption(summary),
        losses=where_it_loses(summary),
        rule=RULE,
        definitions=DEFINITIONS,
        chosen=chosen.said,
        right_from=RIGHT_FROM,
        questions=len(chosen.questions),
    )


def script_json(value: Any) -> str:
    """Write JSON that can stand in a script element: pure ASCII, and without a character that HTML reads."""
    written = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return written.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _rows(summary: Summary) -> list[dict[str, Any]]:
    sorts = kinds(summary)
    return [{"kind": sorts[row["method"]], "cells": _cells(row)} for row in summary["methods"]]


def _cells(row: MethodFigures) -> list[tuple[str, float | None]]:
    return [(COLUMNS[name].write(row), COLUMNS[name].order(row)) for name in MAIN_COLUMNS]


def _policy(script: str, style: str) -> str:
    """Allow this script and this style, and nothing else at all."""
    allowed = f"script-src {_digest(script)}; style-src {_digest(style)}"
    return f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _file(name: str) -> str:
    return files(__name__).joinpath(name).read_text(encoding="utf-8")

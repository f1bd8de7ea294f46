"""Writes `report.md` from a template."""

import json
from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import Any

from lightrouter_graph.evaluation.optional_dependencies import need
from lightrouter_graph.evaluation.records import Summary
from lightrouter_graph.evaluation.report.formatting import NOTHING, label, number, percent
from lightrouter_graph.evaluation.report.method_families import of_kind
from lightrouter_graph.evaluation.report.plots import Picture
from lightrouter_graph.evaluation.report.plots.categories import categories
from lightrouter_graph.evaluation.report.plots.reliability import calibrated
from lightrouter_graph.evaluation.report.tables import caption, cell, grid, markdown_table
from lightrouter_graph.evaluation.report.where_it_loses import RULE, lead_of, where_it_loses

_SELECTION: dict[str, str] = {
    "wrong_drop": "wrong-drop %",
    "regret": "regret, points",
    "wrong_drop_pool": "none right answered %",
    "regret_pool": "regret to the pool, points",
    "agreed_wrong": "agreed but wrong %",
    "wrong_when_agreed": "wrong when agreed %",
}


def markdown_report(summary: Summary, drawn: Sequence[Picture]) -> str:
    """Return the whole report as Markdown; `drawn` are the plots in its directory."""
    jinja2 = need("jinja2", extra="eval", what="a report")
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters["cell"] = cell
    template = environment.from_string(_file("report.md.jinja"))
    text: str = template.render(
        **report_parts(summary),
        table=markdown_table(summary),
        losses=where_it_loses(summary, cell),
        sections=dict(_sections(summary)),
        price_table=grid(["candidate", "USD per 1M tokens in", "out"], prices_of(summary)),
        pictures=drawn,
    )
    return text


def report_parts(summary: Summary) -> dict[str, Any]:
    """Return the variables that the templates of `report.md` and `index.html` have in common."""
    return {
        "title": summary["facts"]["title"],
        "command": summary["facts"]["command"],
        "notes": summary["facts"]["notes"],
        "findings": summary.get("findings", []),
        "facts": _facts(summary),
        "caption": caption(summary),
        "rule": RULE,
        "definitions": json.loads(_file("definitions.json")),
    }


def prices_of(summary: Summary) -> list[tuple[str, str, str]]:
    """Return name, input price and output price of each candidate; "-" for an unknown price."""
    prices = summary["facts"]["prices"]
    known = ((name, prices.get(name)) for name in summary["facts"]["candidates"])
    return [(name, *((f"{p[0]:g}", f"{p[1]:g}") if p else (NOTHING, NOTHING))) for name, p in known]


def _facts(summary: Summary) -> dict[str, str]:
    facts = summary["facts"]
    mode = "recorded outputs replayed in virtual time" if facts["mode"] == "replay" else "live models"
    folds = f"{facts['folds']} (a method learns from the other folds)" if facts["folds"] > 1 else "none"
    return {
        "Experiment": facts["experiment"],
        "Data": f"{facts['data']}, {facts['questions']:,} questions",
        "Models": f"{len(facts['candidates'])} candidates, {mode}",
        "Scoring": facts["scoring"],
        "Seed": str(facts["seed"]),
        "Folds": folds,
        "Version": f"lightrouter-graph {facts['version']}",
    }


def _sections(summary: Summary) -> Iterator[tuple[str, str]]:
    methods = summary["methods"]
    for ours in of_kind(summary, "lightrouter")[:1]:
        leads = [(row, lead_of(ours, row)) for row in methods if row is not ours]
        if rows := [(label(row), percent(lead, signed=True)) for row, lead in leads if lead is not None]:
            yield f"{label(ours)} against each other method", grid(["method", "difference, points"], rows)
    if selected := [(row, row["selection"]) for row in methods if row["selection"]]:
        cells = [[label(row), *(percent(s[name]) for name in _SELECTION)] for row, s in selected if s]  # type: ignore[literal-required]
        yield "Selection", grid(["method", *_SELECTION.values()], cells)
    confident = [(label(row), row["calibration"]) for row in calibrated(summary)]
    if errors := [(name, number(c["ece"], ends=True), f"{c['count']:,}") for name, c in confident if c]:
        yield "Calibration", grid(["method", "ECE", "answers"], errors)
    if len(names := categories(summary)) > 1:
        values = [(label(row), [row["by_category"].get(name) for name in names]) for row in methods]
        shares = [[name, *(NOTHING if v is None else f"{100 * v['value']:.1f}" for v in row)] for name, row in values]
        table = grid(["method", *map(cell, names)], shares)
        yield "Quality by category", f"{table}\n\nPercent; intervals in `summary.json`."


def _file(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")

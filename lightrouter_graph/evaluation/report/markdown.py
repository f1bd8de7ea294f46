"""`report.md`: what was run, what came out, where it loses, and what every figure means."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from lightrouter_graph.evaluation.records import MethodFigures, Selection, Summary
from lightrouter_graph.evaluation.report.definitions import DEFINITIONS
from lightrouter_graph.evaluation.report.formatting import NOTHING, label, number, percent
from lightrouter_graph.evaluation.report.method_families import main_method
from lightrouter_graph.evaluation.report.plots.categories import categories
from lightrouter_graph.evaluation.report.plots.drawing import Picture
from lightrouter_graph.evaluation.report.plots.reliability import calibrated
from lightrouter_graph.evaluation.report.tables import caption, cell, markdown_table
from lightrouter_graph.evaluation.report.where_it_loses import RULE, lead_of, where_it_loses

_SELECTION: tuple[tuple[str, str], ...] = (
    ("wrong_drop", "wrong-drop %"),
    ("regret", "regret, points"),
    ("wrong_drop_pool", "none right answered %"),
    ("regret_pool", "regret to the pool, points"),
    ("agreed_wrong", "agreed but wrong %"),
    ("wrong_when_agreed", "wrong when agreed %"),
)


def markdown_report(summary: Summary, drawn: Sequence[Picture]) -> str:
    """Write the whole report.

    Args:
        summary: The figures.
        drawn: The pictures that lie beside it.
    """
    parts = chain(
        _head(summary),
        ["## What was run", *_facts(summary)],
        _findings(summary),
        ["## Figures", markdown_table(summary), caption(summary)],
        _losses(summary),
        _differences(summary),
        _selection(summary),
        _calibration(summary),
        _by_category(summary),
        _pictures(drawn),
        ["## What the figures mean", "\n".join(f"- **{name}**: {what}" for name, what in DEFINITIONS.items())],
    )
    return "\n\n".join(parts) + "\n"


def grid(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a Markdown table whose first column is text and whose others are figures."""
    lines = [header, ["---", *("---:" for _ in header[1:])], *([cell(first), *figures] for first, *figures in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def facts_of(summary: Summary) -> dict[str, str]:
    """Return what was run, in words, by what it is."""
    facts = summary["facts"]
    mode = "recorded outputs played back in virtual time" if facts["mode"] == "replay" else "live models"
    folds = f"{facts['folds']} (what a method learns, it learns on the others)" if facts["folds"] > 1 else "none"
    return {
        "Experiment": facts["experiment"],
        "Data": f"{facts['data']}, {facts['questions']:,} questions",
        "Models": f"{len(facts['candidates'])} candidates, {mode}",
        "Scoring": facts["scoring"],
        "Seed": str(facts["seed"]),
        "Folds": folds,
        "Version": f"lightrouter-graph {facts['version']}",
    }


def prices_of(summary: Summary) -> list[tuple[str, str, str]]:
    """Return each candidate with its prices of input and output, "-" where they are not known."""
    prices = summary["facts"]["prices"]
    known = ((name, prices.get(name)) for name in summary["facts"]["candidates"])
    return [(name, *((f"{p[0]:g}", f"{p[1]:g}") if p else (NOTHING, NOTHING))) for name, p in known]


def _head(summary: Summary) -> list[str]:
    return [f"# {cell(summary['facts']['title'])}", "[The same to click through](index.html)"]


def _facts(summary: Summary) -> Iterator[str]:
    yield f"```sh\n{summary['facts']['command'].replace('```', '` ` `')}\n```"
    yield "\n".join(f"- **{name}**: {cell(what)}" for name, what in facts_of(summary).items())
    yield grid(["candidate", "USD per 1M tokens in", "out"], prices_of(summary))
    if summary["facts"]["notes"]:
        yield "To bear in mind:"
        yield "\n".join(f"- {cell(note)}" for note in summary["facts"]["notes"])


def _findings(summary: Summary) -> list[str]:
    found = summary.get("findings", [])
    return ["## What was found", "\n".join(f"- {cell(sentence)}" for sentence in found)] if found else []


def _losses(summary: Summary) -> list[str]:
    sentences = where_it_loses(summary, cell)
    if not sentences:
        return []
    return ["## Where LightRouter loses", "\n".join(f"- {sentence}" for sentence in sentences), RULE]


def _differences(summary: Summary) -> list[str]:
    """Compare the first LightRouter method of the table with every other, question by question."""
    main = main_method(summary)
    ours = next((row for row in summary["methods"] if row["method"] == main), None)
    if ours is None:
        return []
    others = [row for row in summary["methods"] if row is not ours]
    leads = [(row, lead_of(ours, row)) for row in others]
    rows = [(label(row), percent(lead, signed=True)) for row, lead in leads if lead is not None]
    if not rows:
        return []
    return [f"## {cell(label(ours))} against each other method", grid(["method", "difference, points"], rows)]


def _selection(summary: Summary) -> list[str]:
    rows = [(row, row["selection"]) for row in summary["methods"] if row["selection"]]
    if not rows:
        return []
    header = ["method", *(title for _, title in _SELECTION)]
    return ["## What selection cost", grid(header, [_selected(row, figures) for row, figures in rows if figures])]


def _selected(row: MethodFigures, figures: Selection) -> list[str]:
    return [label(row), *(percent(figures[field]) for field, _ in _SELECTION)]  # type: ignore[literal-required]


def _calibration(summary: Summary) -> list[str]:
    rows = [(label(row), row["calibration"]) for row in calibrated(summary)]
    said = [(name, number(c["ece"], ends=True), f"{c['count']:,}") for name, c in rows if c]
    return ["## Calibration", grid(["method", "ECE", "answers"], said)] if said else []


def _by_category(summary: Summary) -> list[str]:
    names = categories(summary)
    if len(names) < 2:
        return []
    rows = [[label(row), *(_whole(row, name) for name in names)] for row in summary["methods"]]
    return [
        "## Quality by category",
        grid(["method", *map(cell, names)], rows),
        "Percent; intervals in `summary.json`.",
    ]


def _whole(row: MethodFigures, category: str) -> str:
    interval = row["by_category"].get(category)
    return NOTHING if interval is None else f"{100 * interval['value']:.1f}"


def _pictures(drawn: Sequence[Picture]) -> list[str]:
    shown = [f"![{cell(picture.title)}]({picture.name}.png)" for picture in drawn]
    return ["## Pictures", *shown] if shown else []

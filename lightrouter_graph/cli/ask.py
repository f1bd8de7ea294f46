"""`lightrouter ask`: runs the graph on one message and prints the answer."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lightrouter_graph.cli import options
from lightrouter_graph.cli.pool_options import PoolFile, Specs, open_pool
from lightrouter_graph.errors import QueryError

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage, AnyMessage

    from lightrouter_graph.cli.run import RunView
    from lightrouter_graph.context import Context

_OUTPUT = "Output"

EXAMPLE = "Mia has 47 apples and gets 38 more. How many has she now?"
"""A question that the bundled demo models can answer."""

EPILOG = f"""
In a terminal, ask shows the boots, the ranking, the answer and the bill.
In a pipe, it prints the answer to stdout and one line per event to stderr.

[bold]Examples[/bold]
  lightrouter ask "{EXAMPLE}"
  lightrouter ask --agree 0 --aggregator llm "Compare TCP and QUIC." > a.txt
  lightrouter ask --budget usd=0.01 --deadline 20 "Is 221 prime?"
  lightrouter ask --json --quiet - < question.txt | jq -r .answer
  lightrouter ask --svg run.svg "Is 221 prime?"
"""


def ask(
    *,
    question: Annotated[
        str | None, typer.Argument(metavar="QUESTION", help="The question; - or none = read stdin.")
    ] = None,
    pool: PoolFile = None,
    candidate: Specs = None,
    system: Annotated[
        str | None, typer.Option(metavar="TEXT", rich_help_panel="Models", help="System message sent to every model.")
    ] = None,
    paper: Annotated[
        bool,
        typer.Option(
            "--paper",
            metavar="",
            rich_help_panel=options.PANEL,
            help="Start from the paper's settings: all models boot, top-k 2, two layers, shared boots, LLM selector, "
            "LLM aggregator.",
        ),
    ] = False,
    top_k: options.TopK = None,
    agree: options.Agree = None,
    width: options.Width = None,
    boot_tokens: options.BootTokens = None,
    layers: options.Layers = None,
    selector: options.SelectorName = None,
    aggregator: options.AggregatorName = None,
    max_tokens: options.MaxTokens = None,
    timeout: options.Timeout = None,
    deadline: options.Deadline = None,
    budget: options.Limits = None,
    boot_quorum: options.BootQuorum = None,
    boot_grace: options.BootGrace = None,
    max_retries: options.MaxRetries = None,
    seed: options.Seed = None,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json", metavar="", rich_help_panel=_OUTPUT, help="Print one JSON object: answer, usage, decision."
        ),
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", metavar="", rich_help_panel=_OUTPUT, help="Print only the answer.")
    ] = False,
    svg: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel=_OUTPUT,
            help="Write the terminal view as an SVG file; print only the answer.",
        ),
    ] = None,
) -> None:
    """Boot the models, complete the best boots in full, and print one answer."""
    context = options.settings_from(locals())
    on_screen = sys.stdout.isatty() and os.environ.get("TERM") != "dumb" and not (as_json or quiet or svg)
    messages = _conversation(question, system)
    view = _view(on_screen=on_screen, quiet=quiet, svg=svg, title=f'lightrouter ask "{messages[-1].text}"')
    message = _answer(messages, pool, candidate, context, view)
    if not on_screen:
        print(_as_json(message) if as_json else _plain(message))


def _conversation(question: str | None, system: str | None) -> "list[AnyMessage]":
    from langchain_core.messages import HumanMessage, SystemMessage  # noqa: PLC0415 - half a second

    text = _read_question() if question in {None, "-"} else str(question)
    if not text.strip():
        msg = f'the question is empty: write lightrouter ask "{EXAMPLE}"'
        raise QueryError(msg)
    return [*([SystemMessage(system)] if system else []), HumanMessage(text)]


def _read_question() -> str:
    if sys.stdin.isatty():
        print("Type the question, then press Ctrl-D:", file=sys.stderr)
    return sys.stdin.read().rstrip("\r\n")


def _view(*, on_screen: bool, quiet: bool, svg: Path | None, title: str) -> "RunView":
    from lightrouter_graph.cli.live_view import LiveView  # noqa: PLC0415 - Rich, which --help needs not
    from lightrouter_graph.cli.plain_view import PlainView, QuietView  # noqa: PLC0415
    from lightrouter_graph.cli.svg_view import SvgView  # noqa: PLC0415

    if svg:
        return SvgView(svg, title)
    return LiveView() if on_screen else QuietView() if quiet else PlainView()


def _answer(
    messages: "list[AnyMessage]", file: Path | None, specs: list[str] | None, context: "Context", view: "RunView"
) -> "AIMessage":
    with view:
        from lightrouter_graph.cli.run import run_query  # noqa: PLC0415 - seconds, during which the view is shown

        source = open_pool(file, specs)
        view.on_line(source.announcement)
        return asyncio.run(run_query(source.pool, messages, context, view, source.aggregator))


def _plain(message: "AIMessage") -> str:
    """Return the answer, without control characters if stdout is a terminal."""
    from lightrouter_graph.cli.formatting import safe  # noqa: PLC0415

    return safe(str(message.text)) if sys.stdout.isatty() else str(message.text)


def _as_json(message: "AIMessage") -> str:
    from lightrouter_graph.cli.formatting import escaped  # noqa: PLC0415

    record = {
        "answer": str(message.text),
        "usage": message.usage_metadata,
        "decision": message.response_metadata["lightrouter"],
    }
    return escaped(json.dumps(record, ensure_ascii=False, indent=2))

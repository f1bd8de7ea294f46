"""`lightrouter ask`: one question, one answer."""

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

    from lightrouter_graph.cli.run import Watcher
    from lightrouter_graph.context import Context

_OUTPUT = "Output"

EPILOG = """
In a terminal: the race of the boots, who was dropped and why, the answer, the bill.
Into a pipe: nothing but the answer's plain text; what happens is told on stderr.

[bold]Examples[/bold]
  lightrouter ask "What is 17 * 23?"
  lightrouter ask --agree 0 --aggregator llm "Compare TCP and QUIC." > quic.txt
  lightrouter ask --budget usd=0.01 --deadline 20 "Is 221 prime?"
  lightrouter ask --json --quiet - < question.txt | jq -r .answer
  lightrouter ask --svg run.svg "Is 221 prime?"
"""


def ask(
    *,
    question: Annotated[
        str | None, typer.Argument(metavar="QUESTION", help="What to answer; left out or -: read from stdin.")
    ] = None,
    pool: PoolFile = None,
    candidate: Specs = None,
    system: Annotated[
        str | None, typer.Option(metavar="TEXT", rich_help_panel="Models", help="A system message for every model.")
    ] = None,
    paper: Annotated[
        bool,
        typer.Option(
            "--paper",
            metavar="",
            rich_help_panel=options.PANEL,
            help="Begin with the paper's settings: all boot, top-k 2, two layers, shared boots, and an LLM that "
            "selects and one that merges.",
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
        bool, typer.Option("--quiet", "-q", metavar="", rich_help_panel=_OUTPUT, help="Print nothing but the answer.")
    ] = False,
    svg: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel=_OUTPUT,
            help="Draw the screen of the run to an SVG file; print the answer only.",
        ),
    ] = None,
) -> None:
    """Ask every model a little, the best ones in full, and print one answer."""
    context = options.settings_from(
        paper=paper,
        top_k=top_k,
        agree=agree,
        width=width,
        boot_tokens=boot_tokens,
        layers=layers,
        selector=selector,
        aggregator=aggregator,
        max_tokens=max_tokens,
        timeout_s=timeout,
        boot_timeout_s=options.boot_timeout(timeout),
        deadline_s=deadline,
        budget=options.budget_from(budget),
        boot_quorum=boot_quorum,
        boot_grace_s=boot_grace,
        max_retries=max_retries,
        seed=seed,
    )
    on_screen = sys.stdout.isatty() and os.environ.get("TERM") != "dumb" and not (as_json or quiet or svg)
    messages = _conversation(question, system)
    watcher = _watcher(on_screen=on_screen, quiet=quiet, svg=svg, title=f'lightrouter ask "{messages[-1].text}"')
    message = _answer(messages, pool, candidate, context, watcher)
    if not on_screen:
        print(_as_json(message) if as_json else _plain(message))


def _conversation(question: str | None, system: str | None) -> "list[AnyMessage]":
    from langchain_core.messages import HumanMessage, SystemMessage  # noqa: PLC0415 - half a second

    text = _read_question() if question in {None, "-"} else str(question)
    if not text.strip():
        msg = 'there is no question: write lightrouter ask "What is 17 * 23?"'
        raise QueryError(msg)
    return [*([SystemMessage(system)] if system else []), HumanMessage(text)]


def _read_question() -> str:
    if sys.stdin.isatty():
        print("Your question, then Ctrl-D:", file=sys.stderr)
    return sys.stdin.read().rstrip("\r\n")


def _watcher(*, on_screen: bool, quiet: bool, svg: Path | None, title: str) -> "Watcher":
    if on_screen or svg:
        from lightrouter_graph.cli.screen import Picture, Screen  # noqa: PLC0415

        return Picture(svg, title) if svg else Screen()
    from lightrouter_graph.cli.plain_view import Lines, Silence  # noqa: PLC0415

    return Silence() if quiet else Lines()


def _answer(
    messages: "list[AnyMessage]", file: Path | None, specs: list[str] | None, context: "Context", watcher: "Watcher"
) -> "AIMessage":
    with watcher:
        from lightrouter_graph.cli.run import follow  # noqa: PLC0415 - seconds, and the watcher shows them

        source = open_pool(file, specs)
        watcher.say(source.announcement)
        return asyncio.run(follow(source.pool, messages, context, watcher, source.aggregator))


def _plain(message: "AIMessage") -> str:
    """Return the answer as it is for a pipe, and without what would rule it for a terminal."""
    from lightrouter_graph.cli.formatting import safe  # noqa: PLC0415

    return safe(str(message.text)) if sys.stdout.isatty() else str(message.text)


def _as_json(message: "AIMessage") -> str:
    record = {
        "answer": str(message.text),
        "usage": message.usage_metadata,
        "decision": message.response_metadata["lightrouter"],
    }
    return json.dumps(record, ensure_ascii=False, indent=2)

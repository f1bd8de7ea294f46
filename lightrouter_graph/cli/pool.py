"""`lightrouter pool`: lists the models of the pool, sends each a test request, or writes a pool file."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lightrouter_graph.cli.formatting import count, escaped, failure_text, one_line, safe, seconds, usd
from lightrouter_graph.cli.pool_options import DEFAULT_FILE, PoolFile, Specs, open_pool
from lightrouter_graph.errors import PoolError

if TYPE_CHECKING:
    from rich.table import Table

    from lightrouter_graph.llm.completion import Completion
    from lightrouter_graph.pool import Candidate

CHECK_TIMEOUT_S = 20.0
CHECK_TOKENS = 64
CHECK_QUESTION = "Answer with one word: ready"

_CHECK_FAILED = 1
_PIPE_WIDTH = 160

EPILOG = f"""
The check sends one short question to each model.
The exit code is 1 if a model does not respond within --timeout ({CHECK_TIMEOUT_S:g} s).

[bold]Examples[/bold]
  lightrouter pool
  lightrouter pool --init
  lightrouter pool --init team.toml --force
  lightrouter pool --pool team.toml --no-check
  lightrouter pool --timeout 120
  lightrouter pool -m vllm:Qwen/Qwen3-8B@http://localhost:8000/v1 --json
"""


@dataclass(frozen=True, slots=True)
class Checked:
    """A candidate with the response to its test request; None if no request was sent."""

    candidate: Candidate
    completion: Completion | None

    @property
    def failed(self) -> bool:
        """Whether the test request failed."""
        return self.completion is not None and self.completion.failure is not None


def pool(
    *,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help=f"File that --init writes; - = stdout. Default: {DEFAULT_FILE}."),
    ] = None,
    pool: PoolFile = None,
    candidate: Specs = None,
    check: Annotated[
        bool,
        typer.Option(
            metavar="", help="Send each model one short question; --no-check sends nothing and costs nothing."
        ),
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", metavar="", help="Print one JSON object.")] = False,
    init: Annotated[
        bool, typer.Option("--init", metavar="", help="Write a commented pool file with the models of the environment.")
    ] = False,
    timeout: Annotated[
        float,
        typer.Option(metavar="SECONDS", min=0.1, help="Time limit of the check of each model."),
    ] = CHECK_TIMEOUT_S,
    force: Annotated[bool, typer.Option("--force", metavar="", help="Let --init overwrite an existing file.")] = False,
) -> None:
    """List the models with prices and capabilities, and check that each one responds."""
    if init:
        _write_pool_file(file or DEFAULT_FILE, force=force)
        return
    if file is not None:
        msg = f"FILE is for --init; to list the models of a pool file write lightrouter pool --pool {file}"
        raise typer.BadParameter(msg)
    source = open_pool(pool, candidate)
    if source.announcement:
        print(one_line(source.announcement), file=sys.stderr)
    rows = (
        asyncio.run(_check(list(source.pool), timeout)) if check else [Checked(member, None) for member in source.pool]
    )
    if as_json:
        print(escaped(json.dumps({"candidates": [_record(row) for row in rows]}, ensure_ascii=False, indent=2)))
    else:
        _show(rows)
    if any(row.failed for row in rows):
        raise typer.Exit(_CHECK_FAILED)


def _write_pool_file(file: Path, *, force: bool) -> None:
    from lightrouter_graph.pool.template import pool_file_template  # noqa: PLC0415 - slow import

    text = pool_file_template(os.environ)
    if str(file) == "-":
        print(safe(text), end="")
        return
    try:
        with file.open("w" if force else "x", encoding="utf-8") as opened:
            opened.write(text)
    except FileExistsError:
        msg = f"{file} exists: add --force to overwrite it, or name another file"
        raise PoolError(msg) from None
    print(one_line(f"wrote {file}; check its models: lightrouter pool --pool {file}"), file=sys.stderr)


async def _check(candidates: Sequence[Candidate], timeout_s: float) -> list[Checked]:
    """Send one test request to each model concurrently."""
    from langchain_core.messages import HumanMessage  # noqa: PLC0415 - half a second

    from lightrouter_graph.llm.call import Call  # noqa: PLC0415
    from lightrouter_graph.llm.client import complete  # noqa: PLC0415

    call = Call(stage="boot", layer=1, timeout_s=timeout_s, max_tokens=CHECK_TOKENS)
    calls = [complete(candidate, [HumanMessage(CHECK_QUESTION)], call) for candidate in candidates]
    return [Checked(*pair) for pair in zip(candidates, await asyncio.gather(*calls), strict=True)]


def _record(row: Checked) -> dict[str, Any]:
    """Return one row as a JSON object."""
    candidate, completion = row.candidate, row.completion
    price = candidate.price
    listed = None if price is None else {"input": price.input, "output": price.output}
    return {
        "name": candidate.name,
        "model": candidate.model_name,
        "provider": candidate.provider,
        "usd_per_million_tokens": listed,
        "continuation": candidate.continuation,
        "json_mode": candidate.json_mode,
        "tags": list(candidate.tags),
        "answers": None if completion is None else not row.failed,
        "seconds": None if completion is None else completion.call_cost["seconds"],
        "failure": None if completion is None else completion.failure,
    }


def _show(rows: Sequence[Checked]) -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    console = Console(highlight=False, width=None if sys.stdout.isatty() else _PIPE_WIDTH)
    console.print(_table(rows), markup=False)
    for row in rows:
        if row.completion is not None and row.completion.failure is not None:
            console.print(
                Text(f"{one_line(row.candidate.name)}: {failure_text(row.completion.failure)}"),
                style="red",
                soft_wrap=True,
            )
    console.print(Text(_summary(rows)), style="dim", soft_wrap=True)


def _table(rows: Sequence[Checked]) -> Table:
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim")
    named = any(row.candidate.name != _model(row.candidate) for row in rows)
    if named:
        longest = max(len("name"), *(len(row.candidate.name) for row in rows))
        table.add_column("name", overflow="fold", width=min(longest, 22))
    table.add_column("model", overflow="fold")
    for title in ("$/1M in", "out"):
        table.add_column(title, justify="right", no_wrap=True)
    for title in ("continues boots", "JSON", "check"):
        table.add_column(title, no_wrap=True)
    for row in rows:
        table.add_row(*([Text(one_line(row.candidate.name))] if named else []), *_cells(row))
    return table


def _cells(row: Checked) -> list[Any]:
    from rich.text import Text  # noqa: PLC0415

    candidate, price = row.candidate, row.candidate.price
    prices = ("unknown", "") if price is None else (_mtok(price.input), _mtok(price.output))
    continues = "yes" if candidate.continuation else "no"
    return [
        Text(_model(candidate)),
        *prices,
        continues,
        (candidate.json_mode or "no").removeprefix("json_"),
        _check_cell(row),
    ]


def _model(candidate: Candidate) -> str:
    provider = f"{candidate.provider}:" if candidate.provider else ""
    return one_line(provider + candidate.model_name)


def _check_cell(row: Checked) -> str:
    if row.completion is None:
        return "not checked"
    return "✗ failed" if row.failed else f"✓ {seconds(row.completion.call_cost['seconds'])}"


def _mtok(price: float) -> str:
    return f"{price:.2f}" if price >= 0.1 or price == 0 else f"{price:.4g}"


def _summary(rows: Sequence[Checked]) -> str:
    costs = [row.completion.call_cost["usd"] for row in rows if row.completion is not None]
    if not costs:
        return f"{count(len(rows), 'model')}, not checked"
    responding = sum(not row.failed for row in rows)
    total = usd(sum(cost for cost in costs if cost is not None) if None not in costs else None)
    return f"{responding} of {count(len(rows), 'model')} responded; cost of the check: {total}"

"""`lightrouter serve`: serves the pool over an OpenAI-compatible HTTP API."""

import ipaddress
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lightrouter_graph.cli import options
from lightrouter_graph.cli.formatting import one_line
from lightrouter_graph.cli.pool_options import PoolFile, Specs, open_pool

if TYPE_CHECKING:
    import socket

    from starlette.applications import Starlette

KEY_VARIABLE = "LIGHTROUTER_API_KEY"
_PANEL = "Server"

EPILOG = """
Served models: lightrouter, lightrouter-paper and each candidate by its name.
Needs lightrouter-graph\\[serve].

[bold]Examples[/bold]
  lightrouter serve
  lightrouter serve --pool team.toml --port 9000
  lightrouter serve --budget usd=0.02
  LIGHTROUTER_API_KEY=... lightrouter serve --host 0.0.0.0
  curl localhost:8000/v1/models
"""


def serve(
    *,
    pool: PoolFile = None,
    candidate: Specs = None,
    host: Annotated[
        str, typer.Option(metavar="HOST", rich_help_panel=_PANEL, help="Address to listen on.")
    ] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option(
            metavar="N", min=0, max=65535, rich_help_panel=_PANEL, help="Port to listen on; 0 = any free port."
        ),
    ] = 8000,
    api_key_env: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=_PANEL,
            help="Environment variable with the API key that clients must send. Default: "
            f"{KEY_VARIABLE} if set; else no key is required.",
        ),
    ] = None,
    max_concurrency: Annotated[
        int,
        typer.Option(metavar="N", min=1, rich_help_panel=_PANEL, help="Concurrent requests; more get status 429."),
    ] = 64,
    top_k: options.TopK = None,
    agree: options.Agree = None,
    width: options.Width = None,
    boot_tokens: options.BootTokens = None,
    layers: options.Layers = None,
    selector: options.SelectorName = None,
    aggregator: options.AggregatorName = None,
    deadline: options.Deadline = None,
    budget: options.Limits = None,
) -> None:
    """Serve the models over an OpenAI-compatible HTTP API until Ctrl-C.

    A request may change any setting. It can lower the budget, not raise it.
    """
    context, key = options.settings_from(locals()), _key(api_key_env)
    names, app = _prepare(pool, candidate, context=context, api_key=key, max_concurrency=max_concurrency)
    with _listen(host, port) as listening:
        address, bound_port, *_ = listening.getsockname()
        if key is None and not ipaddress.ip_address(address.partition("%")[0]).is_loopback:
            print(
                f"lightrouter: no API key: every client that reaches {host} spends your money; set {KEY_VARIABLE}",
                file=sys.stderr,
            )
        shown = f"[{host}]" if ":" in host else host
        print(f"serving {', '.join(names)} at http://{shown}:{bound_port}/v1", flush=True)
        _run(app, listening)


def _key(variable: str | None) -> str | None:
    key = os.environ.get(variable or KEY_VARIABLE, "").strip()
    if variable is not None and not key:
        msg = f"the environment variable {variable} is not set or empty: export {variable}=..."
        raise typer.BadParameter(msg, param_hint="--api-key-env")
    return key or None


def _prepare(file: Path | None, specs: list[str] | None, **serving: Any) -> "tuple[list[str], Starlette]":
    """Return the served model names and the ASGI app."""
    try:
        from lightrouter_graph.server import create_app, names_of  # noqa: PLC0415 - slow import, not needed by --help
    except ImportError as exc:
        raise typer.TyperException(str(exc)) from exc
    source = open_pool(file, specs)
    if source.announcement:
        print(one_line(source.announcement), file=sys.stderr)
    return names_of(source.pool), create_app(source.pool, **serving)


def _listen(host: str, port: int) -> "socket.socket":
    from lightrouter_graph.server import listen  # noqa: PLC0415

    try:
        return listen(host, port)
    except OSError as exc:
        msg = f"cannot listen on {host}:{port}: {exc.strerror or exc}"
        raise typer.BadParameter(msg, param_hint="--host, --port") from exc


def _run(app: "Starlette", listening: "socket.socket") -> None:
    from lightrouter_graph.server import run  # noqa: PLC0415

    run(app, listening)

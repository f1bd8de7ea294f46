"""`lightrouter serve`: serves the pool over an OpenAI-compatible HTTP API."""

import ipaddress
import os
import sys
from collections.abc import Sequence
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
  lightrouter serve --budget usd=0.02 --deadline 30
  lightrouter serve --cors-origin https://app.example
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
    allowed_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=_PANEL,
            help="Host name or address by which clients may call the server; repeatable, * = any. Without an API key "
            "only localhost, 127.0.0.1, [::1] and --host are allowed: otherwise a web page could use the server. "
            "Others get status 421.",
        ),
    ] = None,
    cors_origin: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ORIGIN",
            rich_help_panel=_PANEL,
            help="Origin of a web page that may call the server, e.g. https://app.example; repeatable, * = any. "
            "Default: none.",
        ),
    ] = None,
    max_concurrency: Annotated[
        int,
        typer.Option(metavar="N", min=1, rich_help_panel=_PANEL, help="Concurrent requests; more get status 429."),
    ] = 64,
    request_timeout: Annotated[
        float,
        typer.Option(
            metavar="SECONDS",
            min=0.1,
            rich_help_panel=_PANEL,
            help="Time limit for receiving the header of a request, and again for its body (status 408). A client "
            "that does not read its response for as long is disconnected.",
        ),
    ] = 30.0,
    top_k: options.TopK = None,
    agree: options.Agree = None,
    width: options.Width = None,
    boot_tokens: options.BootTokens = None,
    layers: options.Layers = None,
    selector: options.SelectorName = None,
    aggregator: options.AggregatorName = None,
    max_tokens: options.MaxTokens = None,
    timeout: options.Timeout = None,
    max_retries: options.MaxRetries = None,
    deadline: options.Deadline = None,
    budget: options.Limits = None,
) -> None:
    """Serve the models over an OpenAI-compatible HTTP API until Ctrl-C.

    A request may change any setting, but it cannot raise a limit that is given here (budget, deadline, timeout,
    retries, layers, top-k, width, tokens).
    """
    context, key = options.settings_from(locals()), _key(api_key_env)
    names, app = _prepare(
        pool,
        candidate,
        hosts=None if key is not None and not allowed_host else [host, *(allowed_host or ())],
        context=context,
        api_key=key,
        cors_origins=cors_origin or (),
        max_concurrency=max_concurrency,
        body_timeout_s=request_timeout,
    )
    with _listen(host, port) as listening:
        address, bound_port, *_ = listening.getsockname()
        if key is None and not ipaddress.ip_address(address.partition("%")[0]).is_loopback:
            print(
                f"lightrouter: no API key: every client that reaches {host} spends your money; set {KEY_VARIABLE}",
                file=sys.stderr,
            )
        shown = f"[{host}]" if ":" in host else host
        print(f"serving {', '.join(names)} at http://{shown}:{bound_port}/v1", flush=True)
        _run(app, listening, request_timeout)


def _key(variable: str | None) -> str | None:
    key = os.environ.get(variable or KEY_VARIABLE, "").strip()
    if variable is not None and not key:
        msg = f"the environment variable {variable} is not set or empty: export {variable}=..."
        raise typer.BadParameter(msg, param_hint="--api-key-env")
    return key or None


def _prepare(
    file: Path | None, specs: list[str] | None, *, hosts: Sequence[str] | None, **serving: Any
) -> "tuple[list[str], Starlette]":
    """Return the served model names and the ASGI app; `hosts` are allowed beside those of this machine, None = any."""
    try:
        from lightrouter_graph.server import LOOPBACK_HOSTS, create_app, names_of  # noqa: PLC0415 - slow import, not needed by --help
    except ImportError as exc:
        raise typer.TyperException(str(exc)) from exc
    source = open_pool(file, specs)
    if source.announcement:
        print(one_line(source.announcement), file=sys.stderr)
    allowed = None if hosts is None else [*LOOPBACK_HOSTS, *hosts]
    return names_of(source.pool), create_app(source.pool, allowed_hosts=allowed, **serving)


def _listen(host: str, port: int) -> "socket.socket":
    from lightrouter_graph.server import listen  # noqa: PLC0415

    try:
        return listen(host, port)
    except OSError as exc:
        msg = f"cannot listen on {host}:{port}: {exc.strerror or exc}"
        raise typer.BadParameter(msg, param_hint="--host, --port") from exc


def _run(app: "Starlette", listening: "socket.socket", timeout_s: float) -> None:
    from lightrouter_graph.server import run  # noqa: PLC0415

    run(app, listening, request_timeout_s=timeout_s)

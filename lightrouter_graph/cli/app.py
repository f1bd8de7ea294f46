"""The typer app, and the one place where an error becomes a line and an exit code."""

import contextlib
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated, cast

import typer

from lightrouter_graph.cli import ask, evaluate, pool, serve
from lightrouter_graph.errors import BudgetError, LightRouterError, NoSurvivorError

if TYPE_CHECKING:
    from lightrouter_graph.telemetry.bill import Bill

USAGE, NOBODY_ANSWERED, OVER_BUDGET, INTERRUPTED, BROKEN_PIPE = 2, 3, 4, 130, 141

_LONGEST_ERROR = 1000

_EPILOG = """
[bold]Examples[/bold]
  lightrouter ask "What is 17 * 23?"
  lightrouter ask --paper --top-k 3 "Why is the sky blue?"
  lightrouter ask -m openai:gpt-5.4-mini -m groq:openai/gpt-oss-20b < ask.txt
  lightrouter ask --json "Is 221 prime?" | jq .decision.bill
  lightrouter pool --pool lightrouter.toml
  lightrouter serve --port 8000
  lightrouter eval run pocket:200

[bold]Exit codes[/bold]
    0  answered
    1  a model of the pool does not answer (pool), or something unforeseen
    2  wrong usage or configuration
    3  nobody answered
    4  the budget is too small for any answer; nothing was spent (eval: it is used up; what was paid for is kept)
  130  interrupted

With LIGHTROUTER_DEBUG=1 an error shows its traceback.
"""

app = typer.Typer(
    name="lightrouter",
    help="Many models start, the best go on, one answer comes out (LightRouter, arXiv 2505.16221).",
    epilog=_EPILOG,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("ask", epilog=ask.EPILOG)(ask.ask)
app.command("pool", epilog=pool.EPILOG)(pool.pool)
app.command("serve", epilog=serve.EPILOG)(serve.serve)
app.add_typer(evaluate.app, name="eval")


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"lightrouter {version('lightrouter-graph')}")
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[
        bool,
        typer.Option("--version", metavar="", callback=_show_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    pass


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        args: The arguments; None = the process's own.

    Returns:
        The exit code; see `lightrouter --help`.
    """
    with _gentle_streams():
        try:
            code = app(args=args, prog_name="lightrouter", standalone_mode=False)
            sys.stdout.flush()
        except BrokenPipeError:
            _close_stdout()
            return BROKEN_PIPE
        except (KeyboardInterrupt, typer.Abort):
            code = INTERRUPTED
        except Exception as exc:  # noqa: BLE001 - the last line of defence: a user never sees a traceback
            return _report(exc)
        if code == INTERRUPTED:
            _complain("interrupted")
        return code or 0


def _report(exc: Exception) -> int:
    """Say in one line what went wrong, and return the exit code for it."""
    if _debugging():
        print(_without_secrets("".join(traceback.format_exception(exc))), file=sys.stderr)
    if isinstance(exc, LightRouterError):
        _complain(str(exc))
        return _code_of(exc)
    if hasattr(exc, "format_message"):  # typer's own: wrong usage
        if str(exc.format_message()):  # empty where the help was shown instead
            _complain(f"{exc.format_message()} (see --help)")
        return USAGE
    _complain(f"a bug, or a model's package: {type(exc).__name__}: {exc} (LIGHTROUTER_DEBUG=1 shows more)")
    return 1


def _code_of(exc: LightRouterError) -> int:
    if isinstance(exc, NoSurvivorError):
        _complain_of_cost(exc)
        return NOBODY_ANSWERED
    return OVER_BUDGET if isinstance(exc, BudgetError) else USAGE


def _complain_of_cost(exc: NoSurvivorError) -> None:
    """Say what was spent in vain; a line of its own, since the causes may be long. Refused calls cost nothing."""
    from lightrouter_graph.cli.bill_view import spent_line  # noqa: PLC0415 - errors only

    if exc.bill and (spent := spent_line(cast("Bill", exc.bill))):
        _complain(f"spent in vain: {spent}")


def _complain(what: str) -> None:
    from lightrouter_graph.cli.formatting import clipped  # noqa: PLC0415 - errors only

    print(f"lightrouter: {clipped(_without_secrets(what), _LONGEST_ERROR)}", file=sys.stderr)


def _without_secrets(text: str) -> str:
    """Strike what looks like a key and the value of every variable that should hold one."""
    from lightrouter_graph.redaction import redact  # noqa: PLC0415 - errors only

    held = [value for name, value in os.environ.items() if name.upper().endswith(("KEY", "TOKEN", "SECRET"))]
    return redact(text, tuple(value.strip() for value in held if len(value.strip()) >= 8))


def _debugging() -> bool:
    return os.environ.get("LIGHTROUTER_DEBUG", "") not in {"", "0"}


@contextlib.contextmanager
def _gentle_streams() -> Iterator[None]:
    """Never fail for a character the terminal lacks; say warnings of ours in one line, keep others' to debugging."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("lightrouter: %(message)s"))
    logger = logging.getLogger("lightrouter_graph")
    logger.addHandler(handler)
    try:
        with warnings.catch_warnings():
            if not _debugging():
                warnings.simplefilter("ignore")
            yield
    finally:
        logger.removeHandler(handler)


def _close_stdout() -> None:
    """Nobody reads on: give Python's last flush somewhere to go."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

"""The typer app; converts exceptions to one line on stderr and an exit code."""

import contextlib
import errno
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

USAGE, NO_ANSWER, OVER_BUDGET, INTERRUPTED, BROKEN_PIPE = 2, 3, 4, 130, 141

_MAX_ERROR_CHARS = 1000

_EPILOG = f"""
[bold]Examples[/bold]
  lightrouter ask "{ask.EXAMPLE}"
  lightrouter ask --paper --top-k 3 "Why is the sky blue?"
  lightrouter ask -m openai:gpt-5.4-mini -m groq:openai/gpt-oss-20b < ask.txt
  lightrouter ask --json "Is 221 prime?" | jq .decision.bill
  lightrouter pool --pool lightrouter.toml
  lightrouter serve --port 8000
  lightrouter eval run pocket:200

[bold]Exit codes[/bold]
    0  success
    1  a model failed the check (pool), or an unexpected error
    2  invalid usage or configuration
    3  no candidate answered
    4  the budget is too small for any answer (eval: it is used up)
  130  interrupted

LIGHTROUTER_DEBUG=1 shows the traceback of an error.
"""

app = typer.Typer(
    name="lightrouter",
    help="Query many models at low cost: each writes a short boot, the best boots become full answers, these are "
    "merged into one (LightRouter, arXiv 2505.16221).",
    epilog=_EPILOG,
    no_args_is_help=True,
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
        typer.Option(
            "--version", metavar="", callback=_show_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    pass


def main(args: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        args: List of command-line arguments; default: those of the process.

    Returns:
        The exit code, as listed in `lightrouter --help`.
    """
    with _terminal_streams():
        try:
            code = app(args=args, prog_name="lightrouter", standalone_mode=False)
            sys.stdout.flush()
        except BrokenPipeError:
            _close_stdout()
            return BROKEN_PIPE
        except (KeyboardInterrupt, typer.Abort):
            code = INTERRUPTED
        except Exception as exc:  # noqa: BLE001 - a user sees one line, no traceback
            return _report(exc)
        if code == INTERRUPTED:
            _print_error("interrupted")
        return code or 0


def _report(exc: Exception) -> int:
    """Print an exception as one line and return its exit code."""
    from lightrouter_graph.cli.formatting import safe  # noqa: PLC0415 - errors only

    if _debugging():
        print(safe(_without_secrets("".join(traceback.format_exception(exc)))), file=sys.stderr)
    if isinstance(exc, LightRouterError):
        _print_error(str(exc))
        return _exit_code(exc)
    if hasattr(exc, "format_message"):  # typer: invalid usage
        if str(exc.format_message()):  # empty if the help was printed instead
            _print_error(f"{exc.format_message()} (see --help)")
        return USAGE
    if isinstance(exc, OSError):
        _print_error(_os_error(exc))
    elif isinstance(exc, RecursionError) and "JSON" in str(exc):
        _print_error("a file holds JSON that is nested too deep to be read")
    else:
        _print_error(f"unexpected error: {type(exc).__name__}: {exc} (LIGHTROUTER_DEBUG=1 shows the traceback)")
    return 1


def _os_error(exc: OSError) -> str:
    """Format as `what is wrong: file`, such as `No space left on device: 'report.md'`."""
    what = exc.strerror or str(exc) or type(exc).__name__
    if exc.filename is None and exc.errno in {errno.ENOSPC, errno.EDQUOT, errno.EIO}:
        return f"the output cannot be written: {what}"
    return what if exc.filename is None else f"{what}: {str(exc.filename)!r}"


def _exit_code(exc: LightRouterError) -> int:
    if isinstance(exc, NoSurvivorError):
        _print_cost(exc)
        return NO_ANSWER
    return OVER_BUDGET if isinstance(exc, BudgetError) else USAGE


def _print_cost(exc: NoSurvivorError) -> None:
    """Print the cost of the failed run, if it has one, on a line of its own: the causes may be long."""
    from lightrouter_graph.cli.bill_view import spent_line  # noqa: PLC0415 - errors only

    if exc.bill and (spent := spent_line(cast("Bill", exc.bill))):
        _print_error(f"cost of the failed run: {spent}")


def _print_error(message: str) -> None:
    from lightrouter_graph.cli.formatting import clipped  # noqa: PLC0415 - errors only

    print(f"lightrouter: {clipped(_without_secrets(message), _MAX_ERROR_CHARS)}", file=sys.stderr)


def _without_secrets(text: str) -> str:
    """Redact everything that looks like a key, and the value of each environment variable that may hold one."""
    from lightrouter_graph.redaction import redact  # noqa: PLC0415 - errors only

    values = [value for name, value in os.environ.items() if name.upper().endswith(("KEY", "TOKEN", "SECRET"))]
    return redact(text, tuple(value.strip() for value in values if len(value.strip()) >= 8))


def _debugging() -> bool:
    return os.environ.get("LIGHTROUTER_DEBUG", "") not in {"", "0"}


@contextlib.contextmanager
def _terminal_streams() -> Iterator[None]:
    """Replace characters that the terminal lacks, log warnings of this package, ignore others unless debugging."""
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
    """Redirect stdout to /dev/null: Python flushes it again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

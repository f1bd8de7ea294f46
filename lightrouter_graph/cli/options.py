"""Options of `ask` and `serve` that are settings of a run; help, ranges and choices come from `Context`."""

import re
from collections.abc import Sequence
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer

from lightrouter_graph.context import Budget, Context
from lightrouter_graph.errors import ContextError

PANEL = "Settings"


def choices_of(name: str) -> tuple[str, ...]:
    """Return the allowed values of a setting; empty for a number."""
    annotation = Context.model_fields[name].annotation
    return get_args(annotation) if get_origin(annotation) is Literal else ()


def zero_is_none(name: str) -> bool:
    """Return whether 0 on the command line means None: the setting may be None and cannot be 0."""
    field = Context.model_fields[name]
    return get_origin(field.annotation) in {Union, UnionType} and _bounds(name) != (0, None)


def settings_from(*, paper: bool, **options: Any) -> Context:
    """Build the settings: the default or the paper's, changed by the options that were given.

    Args:
        paper: Start from `Context.paper()`.
        options: Value by setting name; None = the option was not given.

    Returns:
        The settings of the run.

    Raises:
        ContextError: If a value is not allowed; the message names the option.
    """
    given = {name: value for name, value in options.items() if value is not None}
    none = {name: None for name, value in given.items() if value == 0 and zero_is_none(name)}
    try:
        return (Context.paper if paper else Context)(**(given | none))
    except ContextError as exc:
        raise ContextError(_in_options(str(exc), Context.model_fields)) from None


def boot_timeout(timeout_s: float | None) -> float | None:
    """Return the timeout of a boot in seconds: its default, or `--timeout` if that is shorter."""
    default: float = Context.model_fields["boot_timeout_s"].default
    return None if timeout_s is None else min(default, timeout_s)


def budget_from(values: Sequence[str] | None) -> Budget | None:
    """Parse budget options such as `usd=0.01,calls=9`.

    Args:
        values: Values of all --budget options; None = not given.

    Returns:
        One budget with all limits; None if there is no option.

    Raises:
        ContextError: If a limit is unknown, given twice or not a number.
    """
    if not values:
        return None
    pairs = [pair.partition("=") for pair in ",".join(values).split(",")]
    limits = {name.strip(): value.strip() for name, _, value in pairs}
    if len(limits) < len(pairs) or not all(limits.values()) or limits.keys() - Budget.model_fields.keys():
        known = ", ".join(Budget.model_fields)
        msg = f"--budget = {','.join(values)!r}: write limits such as usd=0.01,calls=9, each of {known} at most once"
        raise ContextError(msg)
    try:
        return Budget(**limits)  # type: ignore[arg-type]  # pydantic reads numbers
    except ContextError as exc:
        msg = str(exc).replace("Budget ", "--budget ").replace(", or None", "")
        raise ContextError(msg) from None


def _option(name: str, help_text: str = "") -> Any:
    return typer.Option(
        _flag(name),
        help=help_text or _help(name),
        metavar="NAME" if choices_of(name) else "N",
        show_default=False,
        rich_help_panel=PANEL,
    )


def _help(name: str) -> str:
    field, zero = Context.model_fields[name], "0" if zero_is_none(name) or name == "top_k" else "not given"
    words = re.sub(r"`(\w+)`", lambda found: _flag(found[1]), str(field.description))
    words = re.sub(r"\b[Ee]mpty\b", zero, words)
    if isinstance(field.default, int | float):
        words += f" Default: {field.default:g}."
    return f"{words} One of: {', '.join(choices_of(name))}." if choices_of(name) else words


def _bounds(name: str) -> tuple[Any, Any]:
    rules = Context.model_fields[name].metadata
    low = next((rule.ge for rule in rules if hasattr(rule, "ge")), None)
    return low, next((rule.le for rule in rules if hasattr(rule, "le")), None)


def _flag(name: str) -> str:
    name = "timeout_s" if name == "boot_timeout_s" else name  # one option sets both
    return "--" + name.removesuffix("_s").replace("_", "-")


def _in_options(message: str, names: Any) -> str:
    renamed = re.sub(rf"\b({'|'.join(names)})\b", lambda found: _flag(found[1]), message)
    return "; ".join(dict.fromkeys(renamed.split("; ")))


TopK = Annotated[int | None, _option("top_k")]
Agree = Annotated[int | None, _option("agree")]
Width = Annotated[int | None, _option("width")]
BootTokens = Annotated[int | None, _option("boot_tokens")]
Layers = Annotated[int | None, _option("layers")]
SelectorName = Annotated[str | None, _option("selector")]
AggregatorName = Annotated[str | None, _option("aggregator")]
MaxTokens = Annotated[int | None, _option("max_tokens")]
Timeout = Annotated[float | None, _option("timeout_s", "Timeout of one model call in seconds.")]
BootQuorum = Annotated[int | None, _option("boot_quorum")]
BootGrace = Annotated[float | None, _option("boot_grace_s")]
MaxRetries = Annotated[int | None, _option("max_retries")]
Limits = Annotated[
    list[str] | None,
    typer.Option(
        "--budget",
        metavar="LIMITS",
        show_default=False,
        rich_help_panel=PANEL,
        help="Hard limits of one run: usd, tokens, calls, seconds, e.g. usd=0.01,calls=9. A smaller budget reduces "
        "the run, which is reported; a budget too small for any answer sends no request.",
    ),
]
Deadline = Annotated[float | None, _option("deadline_s")]
Seed = Annotated[int | None, _option("seed")]

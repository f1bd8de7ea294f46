"""Options of `ask` that are settings of a run: words, ranges and choices are those of `Context`'s fields."""

import re
from collections.abc import Sequence
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer

from lightrouter_graph.context import Context
from lightrouter_graph.errors import ContextError
from lightrouter_graph.limits import Budget

PANEL = "Settings (default: adaptive; only what you give changes)"


def choices_of(name: str) -> tuple[str, ...]:
    """Return the words a setting takes; none for a number."""
    annotation = Context.model_fields[name].annotation
    return get_args(annotation) if get_origin(annotation) is Literal else ()


def takes_nothing(name: str) -> bool:
    """Whether 0 on the command line means None: a setting that may be empty and cannot be 0."""
    field = Context.model_fields[name]
    return get_origin(field.annotation) in {Union, UnionType} and _bounds(name) != (0, None)


def settings_from(*, paper: bool, **given: Any) -> Context:
    """Lay the options that were given over the default or the paper's settings.

    Args:
        paper: Whether to begin with `Context.paper()`.
        given: By name of the setting; None where the option was not given.

    Raises:
        ContextError: If a value is not allowed; settings are named as options.
    """
    chosen = {name: value for name, value in given.items() if value is not None}
    emptied = {name: None for name, value in chosen.items() if value == 0 and takes_nothing(name)}
    try:
        return (Context.paper if paper else Context)(**(chosen | emptied))
    except ContextError as exc:
        raise ContextError(_in_options(str(exc), Context.model_fields)) from None


def boot_timeout(timeout_s: float | None) -> float | None:
    """Return the time limit of a boot under `--timeout`: never longer than that of any other call."""
    usual: float = Context.model_fields["boot_timeout_s"].default
    return None if timeout_s is None else min(usual, timeout_s)


def budget_from(given: Sequence[str] | None) -> Budget | None:
    """Read `usd=0.01,calls=9`; where it was given several times, all of it holds.

    Raises:
        ContextError: If it is anything else; the message says what is allowed.
    """
    if not given:
        return None
    pairs = [pair.partition("=") for pair in ",".join(given).split(",")]
    limits = {name.strip(): value.strip() for name, _, value in pairs}
    if len(limits) < len(pairs) or not all(limits.values()) or limits.keys() - Budget.model_fields.keys():
        raise ContextError(_unreadable(given))
    try:
        return Budget(**limits)  # type: ignore[arg-type]  # pydantic reads numbers
    except ContextError as exc:
        msg = str(exc).replace("Budget ", "--budget ").replace(", or None", "")
        raise ContextError(msg) from None


def _unreadable(given: Sequence[str]) -> str:
    known = ", ".join(Budget.model_fields)
    return f"--budget = {','.join(given)!r}: write limits such as usd=0.01,calls=9, each of {known} at most once"


def _option(name: str, help_text: str = "") -> Any:
    return typer.Option(
        _flag(name),
        help=help_text or _help(name),
        metavar="WORD" if choices_of(name) else "N",
        show_default=False,
        rich_help_panel=PANEL,
    )


def _help(name: str) -> str:
    field, zero = Context.model_fields[name], "0" if takes_nothing(name) or name == "top_k" else "not given"
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
    worded = re.sub(rf"\b({'|'.join(names)})\b", lambda found: _flag(found[1]), message)
    return "; ".join(dict.fromkeys(worded.split("; ")))


TopK = Annotated[int | None, _option("top_k")]
Agree = Annotated[int | None, _option("agree")]
Width = Annotated[int | None, _option("width")]
BootTokens = Annotated[int | None, _option("boot_tokens")]
Layers = Annotated[int | None, _option("layers")]
SelectorName = Annotated[str | None, _option("selector")]
AggregatorName = Annotated[str | None, _option("aggregator")]
MaxTokens = Annotated[int | None, _option("max_tokens")]
Timeout = Annotated[float | None, _option("timeout_s", "Seconds after which one model call counts as failed.")]
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
        help="What one run may take at most, in the worst case: usd, tokens, calls or seconds, as in "
        "usd=0.01,calls=9. Where that is too little, less is done, and said; where it is too little for any answer, "
        "nothing is.",
    ),
]
Deadline = Annotated[float | None, _option("deadline_s")]
Seed = Annotated[int | None, _option("seed")]

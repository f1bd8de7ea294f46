"""Options of `ask` and `serve` that are settings of a run; help, ranges and defaults come from `Context`."""

import re
from collections.abc import Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, Union, get_origin

import typer
from pydantic.fields import FieldInfo

from lightrouter_graph.context import Budget, Calls, Context
from lightrouter_graph.errors import ContextError, did_you_mean

PANEL = "Settings"
CHOICES = {
    "selector": ("default", "consistency", "llm", "hybrid", "random"),
    "aggregator": ("default", "auto", "llm", "vote", "top_ranked"),
}
"""Built-in parts by setting; listed here because `--help` does not import the graph."""

_FIELDS = {**Context.model_fields, **Calls.model_fields}


def zero_is_none(name: str) -> bool:
    """Return whether 0 on the command line means None: the setting may be None and cannot be 0.

    Args:
        name: Field of `Context` or `Calls`.
    """
    field = _FIELDS[name]
    return get_origin(field.annotation) in {Union, UnionType} and _minimum(field) != 0


def settings_from(options: Mapping[str, Any]) -> Context:
    """Build the settings: the default or, with `paper`, the paper's, changed by the options that were given.

    Args:
        options: Arguments of a command by parameter name; None = not given. Other parameters are ignored.

    Returns:
        The settings of the run.

    Raises:
        ContextError: If a value is not allowed; the message names the option.
    """
    named = {name if name in _FIELDS else f"{name}_s": value for name, value in options.items() if value is not None}
    given = {name: value for name, value in named.items() if name in _FIELDS}
    for name in given.keys() & CHOICES.keys():
        _check_choice(name, given[name])
    if "timeout_s" in given:
        given["boot_timeout_s"] = min(Calls().boot_timeout_s, given["timeout_s"])
    if "budget" in given:
        given["budget"] = _parse_budget(given["budget"])
    given |= {name: None for name, value in given.items() if value == 0 and zero_is_none(name)}
    calls = {name: given.pop(name) for name in list(given) if name in Calls.model_fields}
    try:
        return (Context.paper if options.get("paper") else Context)(**given, calls=Calls(**calls))
    except ContextError as exc:
        raise ContextError(_in_options(str(exc))) from None


def _parse_budget(values: Sequence[str]) -> Budget:
    """Parse the values of all --budget options, such as `usd=0.01,calls=9`."""
    pairs = [pair.partition("=") for pair in ",".join(values).split(",")]
    limits = {name.strip(): value.strip() for name, _, value in pairs}
    if len(limits) < len(pairs) or not all(limits.values()) or limits.keys() - Budget.model_fields.keys():
        known = ", ".join(Budget.model_fields)
        msg = f"--budget = {','.join(values)!r}: write limits such as usd=0.01,calls=9, each of {known} at most once"
        raise ContextError(msg)
    try:
        return Budget(**limits)  # type: ignore[arg-type]  # pydantic parses numbers
    except ContextError as exc:
        msg = str(exc).replace("Budget ", "--budget ").replace(", or None", "")
        raise ContextError(msg) from None


def _check_choice(name: str, value: str) -> None:
    if value not in CHOICES[name] and value != "best":  # the old name of top_ranked
        msg = f"{_flag(name)} = {value!r}{did_you_mean(value, CHOICES[name])}: choose {', '.join(CHOICES[name])}"
        raise ContextError(msg)


def _option(name: str, help_text: str = "") -> Any:
    return typer.Option(
        _flag(name),
        help=_help(name, help_text),
        metavar="NAME" if name in CHOICES else "N",
        show_default=False,
        rich_help_panel=PANEL,
    )


def _help(name: str, text: str) -> str:
    if text:
        return f"{text} One of: {', '.join(CHOICES[name])}." if name in CHOICES else text
    field, none = _FIELDS[name], "0" if zero_is_none(name) or name == "top_k" else "not given"
    text = re.sub(r"`(\w+)`", lambda found: _flag(found[1]), str(field.description))
    text = re.sub(r"\b[Ee]mpty\b", none, text)
    if isinstance(field.default, int | float):
        text += f" Default: {field.default:g}."
    return text


def _minimum(field: FieldInfo) -> Any:
    return next((rule.ge for rule in field.metadata if hasattr(rule, "ge")), None)


def _flag(name: str) -> str:
    name = "timeout_s" if name == "boot_timeout_s" else name  # one option sets both
    return "--" + name.removesuffix("_s").replace("_", "-")


def _in_options(message: str) -> str:
    names = "|".join(name for name in _FIELDS if name not in {"calls", "prompts"})
    renamed = re.sub(rf"\b(?:calls\.)?({names})\b", lambda found: _flag(found[1]), message)
    return "; ".join(dict.fromkeys(renamed.split("; ")))


TopK = Annotated[int | None, _option("top_k")]
Agree = Annotated[int | None, _option("agree")]
Width = Annotated[int | None, _option("width")]
BootTokens = Annotated[int | None, _option("boot_tokens")]
Layers = Annotated[int | None, _option("layers")]
SelectorName = Annotated[str | None, _option("selector", "Selector that ranks the boots.")]
AggregatorName = Annotated[str | None, _option("aggregator", "Aggregator that merges the answers.")]
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

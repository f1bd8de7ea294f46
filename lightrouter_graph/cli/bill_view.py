"""The bill: what the run cost, against one model alone and against everybody in full."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from lightrouter_graph.cli.formatting import compared, count, one_line, seconds, usd

if TYPE_CHECKING:
    from lightrouter_graph.nodes.decision_record import Decision
    from lightrouter_graph.records import Usage
    from lightrouter_graph.telemetry.bill import Bill, Estimate

_BUDGET = "budget: "


def bill_table(bill: Bill) -> Table:
    """Draw the bill: this run and the two ways it is compared with; estimates are marked."""
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("bill", overflow="fold", min_width=16)
    for title in ("tokens in", "out", "cost", "this run costs"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_row(f"this run, {count(bill['calls'], 'call')}", *_tokens(bill["usage"]), paid(bill), "", style="bold")
    for other in others(bill):
        table.add_row(Text(one_line(other["what"])), *_tokens(other["usage"]), _price(other), against(bill, other))
    return table


def bill_line(bill: Bill) -> str:
    """Tell the bill in one line."""
    told = [f"against {other['what']}: {against(bill, other)}" for other in others(bill)]
    unknown = [f"price unknown: {', '.join(bill['unpriced'])}"] if bill["usd_known"] and bill["unpriced"] else []
    return " | ".join([f"bill: {_spent(bill)}, {seconds(bill['seconds'])}", *unknown, *told])


def spent_line(bill: Bill) -> str:
    """Tell what was spent, without comparisons; empty where no token was."""
    return _spent(bill) if _total(bill["usage"]) else ""


def caveats(decision: Decision) -> list[str]:
    """Say what is not as it was asked for; nothing where all is."""
    late = ["late: the deadline ended the run"] if decision["late"] else []
    cut = [] if decision["complete"] else ["incomplete: the answer was cut off, or is a draft"]
    return [*late, *cut, *in_one(decision["budget"])]


def others(bill: Bill) -> list[Estimate]:
    """Return the ways to compare with; with a pool of one there is no other."""
    return [] if bill["full_ensemble"]["calls"] <= 2 else [bill["one_model"], bill["full_ensemble"]]


def paid(bill: Bill) -> str:
    """Say what the run cost: a number, at least a number, or that nothing is known."""
    if bill["usd"] is None and bill["usd_known"] > 0:
        return f"> {usd(bill['usd_known'])}"
    return _about(usd(bill["usd"]), estimated=bill["usage"]["estimated"] and bill["usd"] is not None)


def against(bill: Bill, other: Estimate) -> str:
    """Compare the run with another way, in USD where both are known, else in tokens."""
    estimated = other["estimated"] or bill["usage"]["estimated"]
    if bill["usd"] is not None and other["usd"]:
        return _about(compared(bill["usd"] / other["usd"]), estimated=estimated)
    tokens = _total(other["usage"])
    if not tokens:
        return ""
    ratio = _total(bill["usage"]) / tokens
    return _about(compared(ratio, less="fewer tokens", more="more tokens"), estimated=estimated)


def in_one(notes: Iterable[str]) -> list[str]:
    """Join the notes on what the budget changed into one line, if there are any."""
    told = "; ".join(note.removeprefix(_BUDGET) for note in dict.fromkeys(notes))
    return [_BUDGET + told] if told else []


def _spent(bill: Bill) -> str:
    usage = bill["usage"]
    tokens = f"{usage['input_tokens']:,} + {usage['output_tokens']:,} tokens"
    return f"{count(bill['calls'], 'call')}, {_about(tokens, estimated=usage['estimated'])}, {paid(bill)}"


def _price(other: Estimate) -> str:
    return _about(usd(other["usd"]), estimated=other["estimated"] and other["usd"] is not None)


def _tokens(usage: Usage) -> tuple[str, str]:
    about = usage["estimated"]
    return (
        _about(f"{usage['input_tokens']:,}", estimated=about),
        _about(f"{usage['output_tokens']:,}", estimated=about),
    )


def _about(number: str, *, estimated: bool) -> str:
    return f"≈ {number}" if estimated else number


def _total(usage: Usage) -> int:
    return usage["input_tokens"] + usage["output_tokens"]

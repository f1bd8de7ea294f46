"""Formats the bill: cost of the run, compared with the first model alone and with all models in full."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lightrouter_graph.cli.formatting import count, one_line, ratio, seconds, usd

if TYPE_CHECKING:
    from lightrouter_graph.nodes.decision_record import Decision
    from lightrouter_graph.records import Usage
    from lightrouter_graph.telemetry.bill import Bill, Estimate

_BUDGET = "budget: "
_TABLE_WIDTH = 70
_MERGED = {
    "passthrough": "answer of {}",
    "agreement": "answer of {}; the other answers agree",
    "top_ranked": "answer of {}, ranked first",
    "vote": "answer of {}, chosen by vote",
    "synthesis": "synthesis by {} from all answers",
}


def print_bill(console: Console, decision: Decision) -> None:
    """Print the bill, how the answer was merged, and the caveats.

    Args:
        console: Rich console; the bill is a table from 70 columns up, else one figure per line.
        decision: Decision record of the answer.
    """
    bill = decision["bill"]
    narrow = console.width < _TABLE_WIDTH
    console.print(Text(bill_line(bill).replace(" | ", "\n")) if narrow else _bill_table(bill))
    console.print(Text(one_line(_merge_line(decision)), style="dim"))
    for caveat in caveats(decision):
        console.print(Text(one_line(caveat), style="yellow"))


def bill_line(bill: Bill) -> str:
    """Format the bill as one line.

    Args:
        bill: Bill of a run; estimates are marked with ≈.
    """
    compared = [f"compared with {other['what']}: {_against(bill, other)}" for other in _others(bill)]
    unknown = [f"price unknown: {', '.join(bill['unpriced'])}"] if bill["usd_known"] and bill["unpriced"] else []
    return one_line(" | ".join([f"bill: {_spent(bill)}, {seconds(bill['seconds'])}", *unknown, *compared]))


def spent_line(bill: Bill) -> str:
    """Format model calls, tokens and cost without comparisons.

    Args:
        bill: Bill of a run.

    Returns:
        One line; empty if the run used no tokens.
    """
    return _spent(bill) if _total(bill["usage"]) else ""


def caveats(decision: Decision) -> list[str]:
    """Return one line for each way in which the run differs from its settings.

    Args:
        decision: Decision record of the answer.

    Returns:
        Lines on deadline, truncation, refused forms of requests and budget; an empty list if there are none.
    """
    deadline = ["deadline: the run was stopped at its deadline"] if decision["deadline_exceeded"] else []
    partial = [] if decision["complete"] else ["incomplete: the answer is truncated, or a draft"]
    forms = [f"{name}: {', '.join(forms)}" for name, forms in decision.get("adaptations", {}).items()]
    adapted = [f"refused forms: {'; '.join(forms)}"] if forms else []
    return [*deadline, *partial, *adapted, *budget_notes(decision["budget"])]


def budget_notes(notes: Iterable[str]) -> list[str]:
    """Join the notes on what the budget changed into one line.

    Args:
        notes: Notes of events or of the decision record; duplicates are removed.

    Returns:
        A list with at most one line.
    """
    joined = "; ".join(note.removeprefix(_BUDGET) for note in dict.fromkeys(notes))
    return [_BUDGET + joined] if joined else []


def _bill_table(bill: Bill) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("bill", overflow="fold", min_width=16)
    for title in ("tokens in", "out", "cost", "this run is"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_row(f"this run, {count(bill['calls'], 'call')}", *_tokens(bill["usage"]), _cost(bill), "", style="bold")
    for other in _others(bill):
        cost = _about(usd(other["usd"]), estimated=other["estimated"] and other["usd"] is not None)
        table.add_row(Text(one_line(other["what"])), *_tokens(other["usage"]), cost, _against(bill, other))
    return table


def _merge_line(decision: Decision) -> str:
    merged = _MERGED.get(decision["merged"], f"{decision['merged']}, {{}}").format(decision["merged_by"])
    notes = "; ".join(note for name, note in decision["merge_notes"].items() if name != "budget")  # a caveat
    return one_line(" · ".join(part for part in (merged, seconds(decision["bill"]["seconds"]), notes) if part))


def _others(bill: Bill) -> list[Estimate]:
    """Return the estimates to compare with; none for a pool of one candidate."""
    return [] if bill["full_ensemble"]["calls"] <= 2 else [bill["one_model"], bill["full_ensemble"]]


def _cost(bill: Bill) -> str:
    """Format the cost in USD: exact, a lower bound if a price is missing, or unknown."""
    if bill["usd"] is None and bill["usd_known"] > 0:
        return f"> {usd(bill['usd_known'])}"
    return _about(usd(bill["usd"]), estimated=bill["usage"]["estimated"] and bill["usd"] is not None)


def _against(bill: Bill, other: Estimate) -> str:
    """Compare the run with an estimate, by USD if both are known, else by tokens."""
    estimated = other["estimated"] or bill["usage"]["estimated"]
    if bill["usd"] is not None and other["usd"]:
        return _about(ratio(bill["usd"] / other["usd"], "cheaper", "more expensive", "the cost"), estimated=estimated)
    tokens = _total(other["usage"])
    if not tokens:
        return ""
    compared = ratio(_total(bill["usage"]) / tokens, "fewer tokens", "more tokens", "the tokens")
    return _about(compared, estimated=estimated)


def _spent(bill: Bill) -> str:
    usage = bill["usage"]
    tokens = f"{usage['input_tokens']:,} + {usage['output_tokens']:,} tokens"
    return f"{count(bill['calls'], 'call')}, {_about(tokens, estimated=usage['estimated'])}, {_cost(bill)}"


def _tokens(usage: Usage) -> tuple[str, str]:
    read, written = (f"{usage[key]:,}" for key in ("input_tokens", "output_tokens"))
    return _about(read, estimated=usage["estimated"]), _about(written, estimated=usage["estimated"])


def _about(figure: str, *, estimated: bool) -> str:
    return f"≈ {figure}" if estimated else figure


def _total(usage: Usage) -> int:
    return usage["input_tokens"] + usage["output_tokens"]

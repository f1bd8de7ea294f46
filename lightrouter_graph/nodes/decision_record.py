"""The decision record: what a run did and why, small enough to travel on the answer."""

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from lightrouter_graph.aggregators import Merged
from lightrouter_graph.llm.completion import ended_by_cap
from lightrouter_graph.records import Agreement, Boot
from lightrouter_graph.state import State
from lightrouter_graph.state_queries import (
    answers_at_hand,
    counted_answers,
    dropped,
    is_settled,
    standing_of,
    stop_rule,
)
from lightrouter_graph.telemetry.bill import Bill
from lightrouter_graph.telemetry.tracing import Trace

Fate = Literal["answered", "dropped", "failed", "not needed"]


class CandidateRecord(TypedDict):
    """What became of one candidate. `rank` (1-based) and `score` are of the last layer in which it was ranked."""

    candidate: str
    prior: float
    fate: Fate
    why: str
    rank: int | None
    score: float | None
    reason: str
    boot_tokens: int
    answer: str | None
    via: str | None


class Decision(TypedDict):
    """The record under `response_metadata["lightrouter"]`.

    `late` says that the deadline ended the run; `complete` is false where the answer is a draft, or cut off. `budget`
    says what was done otherwise than asked for to stay within it.
    """

    run: str
    settings: dict[str, Any]
    seed: int
    layers: int
    selector: str | None
    selector_notes: dict[str, str]
    candidates: list[CandidateRecord]
    agreement: Agreement | None
    stopped: str
    late: bool
    complete: bool
    budget: list[str]
    merged: str
    merged_by: str
    merge_notes: dict[str, str]
    bill: Bill
    trace: NotRequired[Trace]


def record_decision(state: State, merged: Merged, bill: Bill, *, complete: bool) -> Decision:
    """Write down what the run did."""
    ranking = state["rankings"][-1] if state["rankings"] else None
    return {
        "run": state["run"],
        "settings": state["settings"],
        "seed": state["seed"],
        "layers": state["layer"],
        "selector": None if ranking is None else ranking["selector"],
        "selector_notes": {} if ranking is None else ranking["notes"],
        "candidates": [_candidate(state, name, merged) for name in _everybody(state)],
        "agreement": state["agreement"],
        "stopped": _why_stopped(state, merged),
        "late": state["late"],
        "budget": [*state["notes"], *merged.notes.get("budget", "").splitlines()],
        "complete": complete and not ended_by_cap(merged.finish_reason),
        "merged": merged.strategy,
        "merged_by": merged.candidate,
        "merge_notes": dict(merged.notes),
        "bill": bill,
    }


def _everybody(state: State) -> list[str]:
    """Return those who might be asked, in prior order, then those the budget left out."""
    return [*state["order"], *(name for name in state["weights"] if name not in state["order"])]


def _why_stopped(state: State, merged: Merged) -> str:
    if "last_resort" in merged.notes:
        late = "the deadline has passed" if state["late"] else f"nobody answered in layer {state['layer']}"
        return f"{late}; this is {merged.notes['last_resort']}"
    if is_settled(state):
        return "the boots that finished agree"
    if len(state["order"]) == 1:
        return "the only candidate answered"
    if merged.strategy == "agreement" and state["agreement"] is not None and state["agreement"]["leader"] is None:
        return "all answers are the same text"
    return stop_rule(state).why(standing_of(state))


def failures_of(state: State) -> dict[str, str]:
    """Say of each candidate that was asked what kept it from answering: its last failure, or the end of the run."""
    records = [*state["boots"], *state["answers"]]
    failed = [(r["candidate"], r["failure"]) for r in records if r["failure"] is not None]
    told = {name: f"{failure['cause']}: {failure['message']}" for name, failure in failed if failure}
    return dropped(state) | _overtaken(state) | told


def _overtaken(state: State) -> dict[str, str]:
    """Say why those that booted well were not asked for more, where time or money ran out first."""
    if state["late"]:
        why = "timeout: the deadline passed before it could answer"
    elif state["broke"]:
        why = "budget: not enough was left for its answer"
    else:
        return {}
    return {boot["candidate"]: why for boot in state["boots"]}


def _candidate(state: State, name: str, merged: Merged) -> CandidateRecord:
    ranking = next((r for r in reversed(state["rankings"]) if name in r["scores"]), None)
    answer = answers_at_hand(state).get(name)
    boot = _last_boot(state, name)
    shown = answer or boot
    fate, why = _fate(state, name, merged)
    return {
        "candidate": name,
        "prior": state["weights"][name],
        "fate": fate,
        "why": why,
        "rank": None if ranking is None else ranking["order"].index(name) + 1,
        "score": None if ranking is None else ranking["scores"][name],
        "reason": "" if ranking is None else ranking["reasons"].get(name, ""),
        "boot_tokens": 0 if boot is None else boot["usage"]["output_tokens"],
        "answer": None if shown is None else shown["answer"],
        "via": None if answer is None else answer["via"],
    }


def _fate(state: State, name: str, merged: Merged) -> tuple[Fate, str]:
    if name in {answer["candidate"] for answer in counted_answers(state)}:
        return "answered", ""
    if merged.strategy == "pass-through" and name == merged.candidate:
        return "answered", merged.notes.get("last_resort", "")
    failure = next(
        (r["failure"] for r in [*reversed(state["answers"]), *reversed(state["boots"])] if r["candidate"] == name),
        None,
    )
    if failure is not None:
        fate: Fate = "not needed" if failure["cause"] == "cancelled" else "failed"
        return fate, f"{failure['cause']}: {failure['message']}"
    if name not in state["order"]:
        return "dropped", "its price is not known, and the budget is in USD"
    out = dropped(state)
    return ("dropped", out[name]) if name in out else ("not needed", "")


def _last_boot(state: State, name: str) -> Boot | None:
    return next((boot for boot in reversed(state["boots"]) if boot["candidate"] == name), None)

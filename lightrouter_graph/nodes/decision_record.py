"""The decision record: what a run did and why, small enough to travel on the answer."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Literal, NotRequired, cast

from langchain_core.messages import BaseMessage
from typing_extensions import TypedDict

from lightrouter_graph.aggregators import Merged
from lightrouter_graph.llm.completion import is_whole
from lightrouter_graph.pool.opinions import describe_shared
from lightrouter_graph.query import Query
from lightrouter_graph.records import Agreement, Boot, CallCost, RenamedKeys
from lightrouter_graph.state import State
from lightrouter_graph.state_queries import LayerView
from lightrouter_graph.stopping import StopCode, StopReason, StopRule, counted, stop_reason
from lightrouter_graph.telemetry.bill import Bill
from lightrouter_graph.telemetry.tracing import Trace

Outcome = Literal["answered", "dropped", "failed", "not_needed"]
"""What happened to a candidate in the run."""


class CandidateRecord(TypedDict):
    """What happened to one candidate. `rank` (1-based) and `score` are of the last layer in which it was ranked."""

    candidate: str
    prior: float
    outcome: Outcome
    why: str
    rank: int | None
    score: float | None
    reason: str
    boot_tokens: int
    key: str | None
    via: str | None
    repaired: NotRequired[str]
    """What was mended in the reply, such as tool calls that the model wrote as text; absent if nothing was."""


class Decision(TypedDict):
    """The record under `response_metadata["lightrouter"]`."""

    run: str
    settings: dict[str, Any]
    seed: int
    layers: int
    """Number of layers that the run had."""
    selector: str | None
    selector_notes: dict[str, str]
    candidates: list[CandidateRecord]
    """One record per candidate, in prior order."""
    agreement: Agreement | None
    shared_opinions: list[str]
    """Candidates that counted as one opinion, and why, as sentences."""
    stopped: StopCode
    """Why no further candidate was queried, as a code."""
    stopped_text: str
    """The same as a sentence."""
    deadline_exceeded: bool
    complete: bool
    """False if the answer is a draft or truncated."""
    budget: list[str]
    """What the budget changed in the run, as sentences."""
    adaptations: NotRequired[dict[str, list[str]]]
    """Forms of requests by candidate, because its endpoint refuses others; absent without any."""
    merged: str
    """Strategy of the merge: vote, synthesis, top_ranked, agreement or passthrough."""
    merged_by: str
    """Candidate or model that wrote the answer."""
    merge_notes: dict[str, str]
    bill: Bill
    trace: NotRequired[Trace]


class _Record(RenamedKeys):
    what = "the key {!r} of a decision record"
    renamed: ClassVar[Mapping[str, str]] = {"late": "deadline_exceeded", "fate": "outcome", "answer": "key"}

    def __contains__(self, key: object) -> bool:
        return super().__contains__(key) or super().__contains__(self.renamed.get(str(key)))

    def get(self, key: str, default: Any = None) -> Any:
        new = self.renamed.get(key, key)
        return self[key] if new in self and key not in self.keys() else super().get(key, default)


def decision_of(message: BaseMessage) -> Decision | None:
    """Return the decision record of an answer; None for a message that LightRouter did not write.

    Args:
        message: An answer, as the graph, the chat model or the middleware returned it.
    """
    if not isinstance(message, BaseMessage):
        msg = f"expected a message, got {type(message).__name__}"
        raise TypeError(msg)
    record = message.response_metadata.get("lightrouter")
    return None if record is None else cast("Decision", with_old_decision_keys(record))


def with_old_decision_keys(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a decision record that can also be read by its keys of version 0.1, with a `DeprecationWarning`.

    Args:
        record: Decision record as JSON values.
    """
    return _Record({**record, "candidates": [_Record(candidate) for candidate in record["candidates"]]})


def record_decision(
    view: LayerView, rule: StopRule, query: Query, merged: Merged, bill: Bill, *, complete: bool, own_rule: bool = False
) -> Decision:
    """Return the record of a run that has ended.

    Args:
        view: The last layer.
        rule: The stop rule.
        query: The query.
        merged: The answer.
        bill: The cost of the run.
        complete: False if the answer is a draft, or text of a call that did not complete.
        own_rule: True if the stop rule was passed to the graph; it then also decides about finished boots.
    """
    state = view.state
    ranking = state["rankings"][-1] if state["rankings"] else None
    names = [*state["prior_order"], *(name for name in state["prior_scores"] if name not in state["prior_order"])]
    answered = counted(rule, query, view.status)
    reason = _stop_reason(view, rule, query, merged, own_rule=own_rule)
    record: Decision = {
        "run": state["run"],
        "settings": state["settings"],
        "seed": state["seed"],
        "layers": state["layer"],
        "selector": None if ranking is None else ranking["selector"],
        "selector_notes": {} if ranking is None else ranking["notes"],
        "candidates": [_candidate(view, name, merged, answered) for name in names],
        "agreement": state["agreement"],
        "shared_opinions": describe_shared(state.get("opinions", {}), view.replies, names),
        "stopped": reason.code,
        "stopped_text": reason.text,
        "deadline_exceeded": state["deadline_exceeded"],
        "complete": complete and is_whole(merged.finish_reason),
        "budget": [*state["notes"], *merged.notes.get("budget", "").splitlines()],
        "merged": merged.strategy,
        "merged_by": merged.candidate,
        "merge_notes": dict(merged.notes),
        "bill": bill,
    }
    if adaptations := _adaptations(state["call_costs"]):
        record["adaptations"] = adaptations
    return record


def _adaptations(call_costs: Iterable[CallCost]) -> dict[str, list[str]]:
    """Return the forms of requests by candidate, each form once, in the order of the calls."""
    forms: dict[str, list[str]] = {}
    for cost in call_costs:
        for form in cost.get("adaptations", ()):
            if form not in forms.setdefault(cost["candidate"], []):
                forms[cost["candidate"]].append(form)
    return forms


def failures_of(view: LayerView) -> dict[str, str]:
    """Return by candidate what kept it from answering: its last failure, or the end of the run.

    Args:
        view: The last layer of the run.
    """
    records = [*view.state["boots"], *view.state["answers"]]
    failed = [(r["candidate"], r["failure"]) for r in records if r["failure"] is not None]
    failures = {name: f"{failure['cause']}: {failure['message']}" for name, failure in failed if failure}
    return view.dropped | _not_queried(view.state) | failures


def _stop_reason(view: LayerView, rule: StopRule, query: Query, merged: Merged, *, own_rule: bool) -> StopReason:
    state = view.state
    if "last_resort" in merged.notes:
        late = state["deadline_exceeded"]
        why = "the deadline has passed" if late else f"no candidate answered in layer {state['layer']}"
        return StopReason("last_resort", f"{why}; the answer is: {merged.notes['last_resort']}")
    if view.is_settled and not own_rule:
        return StopReason("boots_agree", "the finished boots agree")
    if len(state["prior_order"]) == 1:
        return StopReason("single_candidate", "the only candidate answered")
    if merged.strategy == "agreement" and state["agreement"] is not None and state["agreement"]["leader"] is None:
        return StopReason("same_text", "all answers are the same text")
    return stop_reason(rule, query, view.status)


def _not_queried(state: State) -> dict[str, str]:
    """Return why candidates with a boot were not queried for more, if time or budget ran out first."""
    if state["deadline_exceeded"]:
        why = "timeout: the deadline passed before its answer"
    elif state["budget_exhausted"]:
        why = "budget: not enough was left for its answer"
    else:
        return {}
    return {boot["candidate"]: why for boot in state["boots"]}


def _candidate(view: LayerView, name: str, merged: Merged, answered: list[str]) -> CandidateRecord:
    ranking = next((r for r in reversed(view.state["rankings"]) if name in r["scores"]), None)
    answer, boot = view.answers.get(name), _last_boot(view.state, name)
    last = answer or boot
    outcome, why = _outcome(view, name, merged, answered)
    record: CandidateRecord = {
        "candidate": name,
        "prior": view.state["prior_scores"][name],
        "outcome": outcome,
        "why": why,
        "rank": None if ranking is None else ranking["order"].index(name) + 1,
        "score": None if ranking is None else ranking["scores"][name],
        "reason": "" if ranking is None else ranking["reasons"].get(name, ""),
        "boot_tokens": 0 if boot is None else boot["usage"]["output_tokens"],
        "key": None if last is None else last["key"],
        "via": None if answer is None else answer["via"],
    }
    if last is not None and "repaired" in last["metadata"]:
        record["repaired"] = last["metadata"]["repaired"]
    return record


def _outcome(view: LayerView, name: str, merged: Merged, answered: list[str]) -> tuple[Outcome, str]:
    if name in answered:
        return "answered", ""
    if merged.strategy == "passthrough" and name == merged.candidate:
        return "answered", merged.notes.get("last_resort", "")
    records = [*reversed(view.state["answers"]), *reversed(view.state["boots"])]
    failure = next((record["failure"] for record in records if record["candidate"] == name), None)
    if failure is not None:
        cancelled = failure["cause"] == "cancelled"
        return "not_needed" if cancelled else "failed", f"{failure['cause']}: {failure['message']}"
    if name not in view.state["prior_order"]:
        return "dropped", "its price is unknown, and the budget is in USD"
    return ("dropped", view.dropped[name]) if name in view.dropped else ("not_needed", "")


def _last_boot(state: State, name: str) -> Boot | None:
    return next((boot for boot in reversed(state["boots"]) if boot["candidate"] == name), None)

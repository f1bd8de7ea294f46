"""What must hold of every run, whatever went wrong in it."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, get_args

from langchain_core.messages import AIMessage
from resilience.chaos_faults import MISCOUNTED, SILENT
from resilience.chaos_plans import BOOT_TIMEOUT_S, CANDIDATES, GRACE_S, ROLES, TIMEOUT_S, Role
from resilience.chaos_runs import Outcome

from lightrouter_graph import BudgetError, NoSurvivorError
from lightrouter_graph.reasoning import strip_reasoning
from lightrouter_graph.records import Cause

CAUSES = get_args(Cause)
OVERRUN, TURN_S = 1.1, 0.03
"""How far a run may be behind its deadline, and what the event loop may take besides."""

_SENT = frozenset({"completed", "lost", "truncated"})


def wrongs(outcome: Outcome) -> list[str]:
    """Say what is wrong with a run, however slow the machine was."""
    return [*_end(outcome), *_records(outcome), *_accounts(outcome), *_leaks(outcome)]


def overrun_s(outcome: Outcome) -> float:
    """Return the seconds by which a run was longer than its settings allow; below 0 for one in time."""
    deadline = outcome.plan.settings["deadline_s"]
    return outcome.seconds - TURN_S - (_longest_s(outcome) if deadline is None else deadline * OVERRUN)


def causes_of(outcome: Outcome) -> Counter[str]:
    """Count why calls of candidates brought nothing."""
    records = [*outcome.records["boots"], *outcome.records["answers"]]
    told = [record["failure"]["cause"] for record in records if record["failure"]]
    return Counter(
        [*told, *(boot["stop_reason"].partition(":")[0] for boot in outcome.records["boots"] if boot["stop_reason"])]
    )


# An answer, or the one error ------------------------------------------------------------------------------


def _end(outcome: Outcome) -> Iterator[str]:
    if isinstance(outcome.error, NoSurvivorError):
        yield from _no_survivor(outcome, outcome.error)
    elif isinstance(outcome.error, BudgetError) and outcome.plan.settings["budget"]:
        yield from () if not outcome.asked.total() else ("refused for its budget after it had begun",)
    elif outcome.error is not None:
        yield f"raised {outcome.error!r}"
    elif len(outcome.messages) != 1 or not isinstance(outcome.messages[0], AIMessage):
        yield f"appended {outcome.messages!r}, not one answer"
    else:
        message = outcome.messages[0]
        decision = message.response_metadata["lightrouter"]
        yield from _candidates(outcome, decision["candidates"])
        yield from _answer(outcome, message, decision)
        yield from _lateness(outcome, decision)
        yield from _streamed(outcome, message)


def _records(outcome: Outcome) -> Iterator[str]:
    for record in [*outcome.records["boots"], *outcome.records["answers"]]:
        failure, told = record["failure"], f"{record['candidate']} in layer {record['layer']}"
        if failure is not None and failure["cause"] not in CAUSES:
            yield f"no cause: {failure} for {told}"
        reasons = record.get("reasoning"), record.get("uninformative_reason"), record["tool_call_message"]
        said_or_why = record["text"].strip() or any(reasons)
        if failure is None and not said_or_why:
            yield f"neither text nor cause for {told}"


def _no_survivor(outcome: Outcome, error: NoSurvivorError) -> Iterator[str]:
    if outcome.messages:
        yield "an answer beside the error"
    called = {s["candidate"] for s in outcome.records["call_costs"] if s["stage"] in {"boot", "generate"}}
    for name in sorted(called - error.failures.keys()):
        yield f"the error does not say what happened to {name}: {error}"
    for name, why in error.failures.items():
        if why.partition(":")[0] not in CAUSES:
            yield f"the error gives no cause for {name}: {why}"
    yield from _bill(outcome, error.bill)


def _candidates(outcome: Outcome, records: list[Mapping[str, Any]]) -> Iterator[str]:
    if sorted(record["candidate"] for record in records) != list(CANDIDATES):
        yield f"the record is of {[record['candidate'] for record in records]}"
    called = {call_cost["candidate"] for call_cost in outcome.records["call_costs"]}
    for record in records:
        name, fate, why = record["candidate"], record["outcome"], record["why"]
        fits = {
            "answered": name in called,
            "dropped": bool(why) and (name in called or "budget" in why),
            "failed": name in called and why.partition(":")[0] in CAUSES,
            "not_needed": not why or why.startswith("cancelled: "),
        }
        if not fits.get(fate):
            yield f"{name} is {fate!r} because of {why!r}, and was {'' if name in called else 'not '}called"


def _answer(outcome: Outcome, message: AIMessage, decision: Mapping[str, Any]) -> Iterator[str]:
    text, author = str(message.text), decision["merged_by"]
    if not text.strip():
        yield "the answer is empty"
    if author not in ROLES:
        yield f"merged by {author!r}"
        return
    role = outcome.plan.roles[author]
    if decision["complete"] and not _is_whole(text, role):
        yield f"said to be complete, but {author} never says {text!r}"
    settings = outcome.plan.settings
    may_be_cut = (
        "finish reason" in role.kinds
        or settings["max_tokens"]
        or settings["budget"]
        or "last_resort" in decision["merge_notes"]
    )
    if not decision["complete"] and not may_be_cut:
        yield "said to be incomplete, for no reason"
    if decision["stopped"] == "":
        yield "does not say why it stopped"
    yield from _bill(outcome, decision["bill"])


def _is_whole(text: str, role: Role) -> bool:
    if "finish reason" in role.kinds:
        return True  # who is told that a text has ended must believe it
    known = {form for whole in role.texts for form in (whole, strip_reasoning(whole))}
    if not role.continues:
        return text in known
    # What it said in one call, and what it says in the next, where it is asked to go on; that may be nothing.
    ends = known | set(SILENT) if "silence" in role.kinds else known
    return any(text.endswith(end) for end in ends)


def _lateness(outcome: Outcome, decision: Mapping[str, Any]) -> Iterator[str]:
    deadline = outcome.plan.settings["deadline_s"]
    if decision["deadline_exceeded"] and (deadline is None or outcome.seconds < deadline):
        yield f"said to be late after {outcome.seconds:.3f} s"


def _streamed(outcome: Outcome, message: AIMessage) -> Iterator[str]:
    streamed = outcome.streamed.get(str(message.id))
    if streamed is not None and streamed != str(message.text):
        yield f"streamed {streamed!r}, answered {message.text!r}"


# Every call on the bill ----------------------------------------------------------------------------------


def _bill(outcome: Outcome, bill: Mapping[str, Any]) -> Iterator[str]:
    sent = [call_cost for call_cost in outcome.records["call_costs"] if call_cost["outcome"] in _SENT]
    if bill["calls"] != len(sent):
        yield f"{bill['calls']} calls on the bill, {len(sent)} made"
    if bill["usage"]["input_tokens"] != sum(call_cost["usage"]["input_tokens"] for call_cost in sent):
        yield "the bill does not add up"


def _accounts(outcome: Outcome) -> Iterator[str]:
    yield from _within_budget(outcome)
    by_role: dict[str, list[Mapping[str, Any]]] = {role: [] for role in ROLES}
    for call_cost in outcome.records["call_costs"]:
        by_role[call_cost["candidate"]].append(call_cost)
    for role, call_costs in by_role.items():
        yield from _account(outcome, role, call_costs)


def _within_budget(outcome: Outcome) -> Iterator[str]:
    budget = outcome.plan.settings["budget"]
    if budget is None:
        return
    if budget.calls is not None and outcome.asked.total() > budget.calls:
        yield f"{outcome.asked.total()} calls, and the budget was {budget.calls}"
    tokens = sum(bill.input_tokens + bill.output_tokens for bill in outcome.billed.values())
    if budget.tokens is not None and tokens > budget.tokens and all(r.is_honest for r in outcome.plan.roles.values()):
        yield f"{tokens} tokens, and the budget was {budget.tokens}"


def _account(outcome: Outcome, role: str, call_costs: list[Mapping[str, Any]]) -> Iterator[str]:
    sent = [call_cost for call_cost in call_costs if call_cost["outcome"] in _SENT]
    unsure = sum(call_cost["outcome"] == "lost" for call_cost in sent)
    asked, billed = outcome.asked[role], outcome.billed[role]
    if not asked <= len(sent) <= asked + unsure:
        fortunes = [(call_cost["stage"], call_cost["outcome"]) for call_cost in call_costs]
        yield f"{role} was asked {asked} times, and on the bill are {fortunes}"
    if MISCOUNTED & outcome.plan.roles[role].kinds:
        return
    known = [call_cost for call_cost in sent if not call_cost["usage"]["estimated"]]
    ours = [sum(call_cost["usage"][key] for call_cost in known) for key in ("input_tokens", "output_tokens")]
    theirs = [billed.input_tokens, billed.output_tokens]
    if len(known) == len(sent) and ours != theirs:
        yield f"{role} was billed {theirs} tokens, and we count {ours}"
    if any(mine > other for mine, other in zip(ours, theirs, strict=True)):
        yield f"{role} was billed {theirs} tokens, and we are sure of {ours}"


# Nothing left behind -------------------------------------------------------------------------------------


def _leaks(outcome: Outcome) -> Iterator[str]:
    if outcome.taken:
        yield f"{outcome.taken} places are still taken"
    for task in outcome.tasks:
        yield f"still there: {task}"


# In time -------------------------------------------------------------------------------------------------


def _longest_s(outcome: Outcome) -> float:
    """Return how long a run without a deadline may take: each call as long as its time-outs allow.

    Boots, verdicts and answers may need a second call, and before each a pause may be sat out as long as the call.
    """
    boots = 2 * BOOT_TIMEOUT_S + GRACE_S
    verdicts = 2 * TIMEOUT_S
    answers = len(CANDIDATES) * 2 * TIMEOUT_S
    return 2 * (outcome.plan.settings["layers"] * (boots + verdicts + TIMEOUT_S) + answers)

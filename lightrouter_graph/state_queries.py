"""Who stands where: pure readings of the state that steps and edges share."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple, cast

from lightrouter_graph.reasoning import strip_reasoning
from lightrouter_graph.records import NO_USAGE, Agreement, Answer, Boot, Ranking
from lightrouter_graph.runtime.event_loops import now
from lightrouter_graph.state import State, Task, settings_of
from lightrouter_graph.stopping import LayerStatus, StopRule, rule_for

_SLACK = 0.05
"""Part of the deadline by which work that is not a call of ours may overrun it."""


class LastResort(NamedTuple):
    """What is answered with where nobody answered: the answers, where they come from, and whether they are complete."""

    answers: list[Answer]
    what: str
    complete: bool


def first_ranked(state: State) -> str:
    """Return the candidate ranked first in the present layer; where nobody was ranked, the prior's first."""
    ranking = ranking_of(state)
    return (ranking["order"] if ranking is not None and ranking["order"] else state["order"])[0]


def boots_of(state: State) -> list[Boot]:
    """Return the boots of the present layer, in Send order."""
    return [boot for boot in state["boots"] if boot["layer"] == state["layer"]]


def survivors(state: State) -> list[Boot]:
    """Return the boots of the present layer that did not fail."""
    return [boot for boot in boots_of(state) if boot["failure"] is None]


def ranking_of(state: State) -> Ranking | None:
    """Return the ranking of the present layer; None where nobody booted."""
    return next((r for r in state["rankings"] if r["layer"] == state["layer"]), None)


def standing_of(state: State) -> LayerStatus:
    """Say who is still in the running, whose answers are at hand and who was lost, in the present layer.

    Contenders are in the order in which they are asked: the ranked first, then those that have not booted, in prior
    order, so that they can be brought in later.
    """
    ranking = ranking_of(state)
    lost = {answer["candidate"] for answer in _answers_of(state) if answer["failure"] is not None}
    ranked = state["booting"] if ranking is None else ranking["order"]
    fresh = [name for name in state["order"] if name not in state["booting"]]
    return LayerStatus(
        contenders=tuple(name for name in [*ranked, *fresh] if name not in lost),
        answers={name: answer["answer"] for name, answer in answers_at_hand(state).items()},
        late=state["late"],
        closed=_why_closed(state),
    )


def answers_at_hand(state: State) -> dict[str, Answer]:
    """Return the complete answers of the present layer by candidate; a boot that finished is one."""
    finished = {boot["candidate"]: answer_from(boot) for boot in survivors(state) if boot["finished"]}
    given = {answer["candidate"]: answer for answer in _answers_of(state) if answer["failure"] is None}
    return finished | given


def counted_answers(state: State) -> list[Answer]:
    """Return the answers that count under the stop rule, best-ranked first."""
    at_hand = answers_at_hand(state)
    return [at_hand[name] for name in stop_rule(state).counted(standing_of(state))]


def stop_rule(state: State) -> StopRule:
    """Return the stop rule the settings ask for."""
    settings = settings_of(state)
    return rule_for(settings.top_k, settings.agree)


def next_up(state: State) -> list[str]:
    """Return who is to answer in full next; nobody where the answers at hand suffice."""
    return [] if is_settled(state) else list(stop_rule(state).next_up(standing_of(state)))


def up_next(state: State) -> list[str]:
    """Return who answers in full next within the budget; nobody where it is enough, or too little is left."""
    return next_up(state) if state["up"] is None else state["up"]


def observed_lengths(state: State) -> dict[str, int]:
    """Return what the boots of the first layer said of the length of the conversation, by candidate."""
    return {
        boot["candidate"]: boot["usage"]["input_tokens"]
        for boot in state["boots"]
        if boot["layer"] == 1 and boot["failure"] is None and boot["usage"]["input_tokens"] > 0
        if not boot["usage"]["estimated"]
    }


def is_settled(state: State) -> bool:
    """Whether boots alone settle the answer: all finished and are equal, or enough of them to stop."""
    boots, agree = boots_of(state), settings_of(state).agree
    finished = [answer_from(boot) for boot in boots if boot["finished"]]
    agreed = agreement_of(finished)["agreed"]
    return 1 < agreed == len(boots) or (agree is not None and agreed >= agree)


def chosen_boots(state: State) -> list[Boot]:
    """Return the boots of the `top_k` best-ranked candidates of the present layer, best first."""
    return ranked_boots(state)[: settings_of(state).top_k]


def ranked_boots(state: State) -> list[Boot]:
    """Return the boots of the ranked candidates of the present layer, best first."""
    ranking, by_name = ranking_of(state), {boot["candidate"]: boot for boot in survivors(state)}
    return [] if ranking is None else [by_name[name] for name in ranking["order"]]


def ends_in_draft(state: State) -> bool:
    """Whether the boots are merged as they are: in an inner layer, unless they settle it or say nothing."""
    return is_inner(state) and not is_settled(state) and bool(drafting_boots(state))


def drafting_boots(state: State) -> list[Boot]:
    """Return those of the chosen boots that say something, best first: an inner layer's draft is merged from them."""
    chosen = map(with_evidence, chosen_boots(state))
    return [boot for boot in chosen if boot["text"].strip() or boot["tool_call_message"] is not None]


def going_on(state: State) -> list[str]:
    """Return who goes on after the ranking: into the draft of an inner layer, or to answer in full."""
    if ends_in_draft(state):
        return [boot["candidate"] for boot in drafting_boots(state)]
    return up_next(state)


def dropped(state: State) -> dict[str, str]:
    """Say of each candidate that booted in the present layer and is out of it, why."""
    settings, ranking = settings_of(state), ranking_of(state)
    order = [] if ranking is None else ranking["order"]
    said = {} if ranking is None else ranking["reasons"]
    out = {boot["candidate"]: _why_out(boot, said) for boot in boots_of(state) if boot["candidate"] not in order}
    if (settings.agree is None or is_inner(state)) and not is_settled(state):
        below = f"below top_k = {settings.top_k}"
        out |= {name: f"rank {place}, {below}" for place, name in enumerate(order, 1) if place > settings.top_k}
    return out


def is_inner(state: State) -> bool:
    """Whether the present layer is to end in a draft: not the last, answers not counted, time left for another."""
    last = state["layer"] >= settings_of(state).layers or state["late"] or state["broke"]
    return not last and state["agreement"] is None


def last_resort(state: State) -> LastResort:
    """Return what can still be answered with when nobody answered in the last layer, and a word on it.

    In this order: boots of an earlier layer that were whole answers, the last draft, and, when time ran out, as much as
    was heard of the best answer, or of the best boot.
    """
    whole = [boot for boot in state["boots"] if boot["finished"]]
    if whole:
        layer = max(boot["layer"] for boot in whole)
        return LastResort(
            [answer_from(b) for b in whole if b["layer"] == layer], f"finished boots of layer {layer}", True
        )
    if state["drafts"]:
        draft = state["drafts"][-1]
        answer = _free_answer(draft["layer"], draft["candidates"][0], draft["text"])
        return LastResort([answer], f"the draft of layer {draft['layer']}", False)
    if state["late"] or state["broke"]:
        if begun := _begun_answers(state):
            return LastResort(begun[:1], f"the answer of {begun[0]['candidate']}, which is cut off", False)
        told = [boot for boot in ranked_boots(state) if strip_reasoning(boot["text"]).strip()]
        return LastResort([answer_from(boot) for boot in told[:1]], "the best boot, which is cut off", False)
    return LastResort([], "", False)


def _begun_answers(state: State) -> list[Answer]:
    """Return what was heard of full answers that never came to their end, best-ranked first."""
    ranking = ranking_of(state)
    order = state["order"] if ranking is None else ranking["order"]
    begun = [
        answer
        for answer in _answers_of(state)
        if answer["failure"] is not None and strip_reasoning(answer["text"]).strip()
    ]
    return sorted(begun, key=lambda a: order.index(a["candidate"]) if a["candidate"] in order else len(order))


def with_evidence(boot: Boot) -> Boot:
    """Return a boot as it is compared: without what the model thought aloud, unless there is nothing else."""
    text = strip_reasoning(boot["text"])
    return {**boot, "text": text if text.strip() else boot["thoughts"]}


def seconds_left(started: float, deadline_s: float | None, cap: float) -> float:
    """Return how long a call may take that begins now: `cap`, or less when the run's deadline is nearer."""
    if deadline_s is None:
        return cap
    return min(cap, max(0.0, started + deadline_s - now()))


def end_of(state: State | Task) -> float | None:
    """Return when the run ends, in seconds since the epoch; None for never."""
    deadline = settings_of(state).deadline_s
    return None if deadline is None else state["started"] + deadline


def bound_by_deadline(state: State) -> asyncio.Timeout:
    """Return a time limit for work that is not a call of ours: what is left of the run, and a little to finish."""
    deadline = settings_of(state).deadline_s
    left = None if deadline is None else seconds_left(state["started"], deadline, deadline) + _SLACK * deadline
    return asyncio.timeout(left)


def answer_from(boot: Boot) -> Answer:
    """Turn a boot that finished into its candidate's answer, which costs nothing more."""
    free = _free_answer(boot["layer"], boot["candidate"], boot["text"])
    told = {
        "finish_reason": boot["finish_reason"],
        "answer": boot["answer"],
        "tool_call_message": boot["tool_call_message"],
    }
    return cast("Answer", {**free, **told})


def _free_answer(layer: int, candidate: str, text: str) -> Answer:
    return {
        "layer": layer,
        "candidate": candidate,
        "text": text,
        "finish_reason": None,
        "answer": None,
        "tool_call_message": None,
        "via": "boot",
        "usage": {**NO_USAGE},
        "usd": 0.0,
        "seconds": 0.0,
        "failure": None,
        "message_id": None,
    }


def agreement_of(answers: Sequence[Answer]) -> Agreement:
    """Group the answers by their key; those without one agree with nobody."""
    groups: dict[str, list[str]] = {}
    for answer in answers:
        if answer["answer"] is not None:
            groups.setdefault(answer["answer"], []).append(answer["candidate"])
    leader = max(groups, key=lambda key: len(groups[key]), default=None)
    agreed = len(groups[leader]) if leader is not None else 0
    return {"agreed": agreed, "answered": len(answers), "leader": leader, "groups": groups}


def _why_out(boot: Boot, said: Mapping[str, str]) -> str:
    failure, reason = boot["failure"], said.get(boot["candidate"])
    if failure is not None:
        return f"{failure['cause']}: {failure['message']}"
    return f"left out by the selector: {reason}" if reason else "left out by the selector"


def _why_closed(state: State) -> str:
    """Say why nobody new is asked: too little is left, or a quorum has answered and nobody replaces the others."""
    if state["broke"]:
        return "the budget has not enough left for more"
    if any(_is_straggler(answer) for answer in _answers_of(state)):
        return f"a quorum of {len(answers_at_hand(state))} had answered"
    return ""


def _is_straggler(answer: Answer) -> bool:
    return answer["failure"] is not None and answer["failure"]["cause"] == "straggler"


def _answers_of(state: State) -> list[Answer]:
    return [answer for answer in state["answers"] if answer["layer"] == state["layer"]]

"""Pure functions that derive values from `State`. Nodes, edges, planning and the decision record share them."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

from langchain_core.messages import AnyMessage

from lightrouter_graph.answer_keys.voting import agreement_of
from lightrouter_graph.context import Context
from lightrouter_graph.pool.opinions import Reply, opinion_labels, replies_of
from lightrouter_graph.reasoning import strip_reasoning
from lightrouter_graph.records import Answer, Boot, Draft, Ranking
from lightrouter_graph.runtime.event_loops import now
from lightrouter_graph.runtime.last_resort import LastResort, last_hope, partial_answers
from lightrouter_graph.state import APPENDED, State, answer_from, free_answer

_SLACK = 0.05
"""Share of the deadline by which work other than model calls may exceed it."""


@dataclass(frozen=True, slots=True)
class LayerStatus:
    """Status of one layer, as a stop rule sees it.

    Attributes:
        candidates: Candidates that may still answer or have answered, in the order in which they are queried.
        answers: Key of each complete answer by candidate, finished boots included; None for an answer without a key.
        deadline_exceeded: True if no further candidate may be queried because the deadline has passed.
        closed_reason: Another reason why no further candidate may be queried; "" if there is none.
        opinions: Label of the opinion by candidate; candidates with equal labels have one opinion between them, and
            one without a label has an opinion of its own.
    """

    candidates: tuple[str, ...]
    answers: dict[str, str | None]
    deadline_exceeded: bool = False
    closed_reason: str = ""
    opinions: Mapping[str, str] = field(default_factory=dict)


class LayerView:
    """Read-only view of the current layer of a state. Each value is computed at most once.

    Args:
        state: The state; it must not change while the view is used.
    """

    def __init__(self, state: State) -> None:
        self.state = state

    def after(self, update: Mapping[str, Any]) -> "LayerView":
        """Return the view of the state after the update of a node.

        Args:
            update: Update of the state as returned by a node.
        """
        grown = {key: [*self.state[key], *update[key]] for key in APPENDED if key in update}  # type: ignore[literal-required]
        return LayerView(cast("State", {**self.state, **update, **grown}))

    @cached_property
    def settings(self) -> Context:
        """Resolved settings of the run."""
        return Context.restore(self.state["settings"])

    @cached_property
    def messages(self) -> list[AnyMessage]:
        """The conversation without the decision records of earlier answers, which no model needs."""
        return [_without_record(message) for message in self.state["messages"]]

    @cached_property
    def boots(self) -> list[Boot]:
        """Boots of the layer, in prior order."""
        return [boot for boot in self.state["boots"] if boot["layer"] == self.state["layer"]]

    @cached_property
    def survivors(self) -> list[Boot]:
        """Boots of the layer that did not fail."""
        return [boot for boot in self.boots if boot["failure"] is None]

    @cached_property
    def ranking(self) -> Ranking | None:
        """Ranking of the layer; None if no candidate booted."""
        return next((r for r in self.state["rankings"] if r["layer"] == self.state["layer"]), None)

    @cached_property
    def ranked_boots(self) -> list[Boot]:
        """Boots of the ranked candidates, best first."""
        by_name = {boot["candidate"]: boot for boot in self.survivors}
        return [] if self.ranking is None else [by_name[name] for name in self.ranking["order"]]

    @property
    def top_boots(self) -> list[Boot]:
        """Boots of the `top_k` best-ranked candidates, best first."""
        return self.ranked_boots[: self.settings.top_k]

    @cached_property
    def draft_boots(self) -> list[Boot]:
        """Those of the top boots that contain text or a tool call, best first; a draft is merged from them."""
        top = map(comparable_boot, self.top_boots)
        return [boot for boot in top if boot["text"].strip() or boot["tool_call_message"] is not None]

    @cached_property
    def all_answers(self) -> list[Answer]:
        """Full answers of the layer, failed ones included."""
        return [answer for answer in self.state["answers"] if answer["layer"] == self.state["layer"]]

    @cached_property
    def answers(self) -> dict[str, Answer]:
        """Complete answers of the layer by candidate; a finished boot is one."""
        finished = {boot["candidate"]: answer_from(boot) for boot in self.survivors if boot["finished"]}
        return finished | {a["candidate"]: a for a in self.all_answers if a["failure"] is None}

    @cached_property
    def keys(self) -> dict[str, str | None]:
        """Key of each complete answer; equal answers with different keys have the key of their group."""
        groups = {} if self.state["agreement"] is None else self.state["agreement"]["groups"]
        grouped = {name: key for key, names in groups.items() for name in names}
        return {name: grouped.get(name, answer["key"]) for name, answer in self.answers.items()}

    @cached_property
    def candidates(self) -> tuple[str, ...]:
        """Candidates in the order in which they are queried: the ranked, then those that have not booted."""
        ranked = self.state["first_wave"] if self.ranking is None else self.ranking["order"]
        not_booted = [name for name in self.state["prior_order"] if name not in self.state["first_wave"]]
        failed = {answer["candidate"] for answer in self.all_answers if answer["failure"] is not None}
        names = tuple(name for name in [*ranked, *not_booted] if name not in failed)
        return names or ((self.last_hope,) if self.last_hope is not None else ())

    @cached_property
    def last_hope(self) -> str | None:
        """Candidate that answers in full, as a probe, because no other is left; None if there is no such one."""
        return last_hope(self.state["prior_order"], self.boots, self.all_answers)

    @cached_property
    def status(self) -> LayerStatus:
        """Status of the layer for the stop rule."""
        return LayerStatus(
            self.candidates, self.keys, self.state["deadline_exceeded"], self._closed_reason, self.opinions
        )

    @cached_property
    def opinions(self) -> dict[str, str]:
        """Label of the opinion by candidate; see `opinion_labels`."""
        return opinion_labels(self.state.get("opinions", {}), self.replies)

    @property
    def replies(self) -> list[Reply]:
        """Replies of the run, as evidence of equal models."""
        return replies_of([*self.state["boots"], *self.state["answers"]])

    @property
    def _closed_reason(self) -> str:
        if self.state["budget_exhausted"]:
            return "the remaining budget cannot pay for another answer"
        causes = [answer["failure"]["cause"] for answer in self.all_answers if answer["failure"] is not None]
        return f"a quorum of {len(self.answers)} has answered" if "slow_after_quorum" in causes else ""

    @property
    def first_ranked(self) -> str:
        """Candidate that is ranked first; without a ranking, the first in prior order."""
        return (self.ranking["order"] if self.ranking and self.ranking["order"] else self.state["prior_order"])[0]

    @cached_property
    def is_inner(self) -> bool:
        """True if the layer ends in a draft: not the last, `tally` has not run, and time and budget are left."""
        last = self.state["layer"] >= self.settings.layers
        stopped = self.state["deadline_exceeded"] or self.state["budget_exhausted"]
        return not last and not stopped and self.state["agreement"] is None

    @cached_property
    def is_settled(self) -> bool:
        """True if boots alone decide the answer: all have finished and are equal, or `agree` of them are."""
        agree = self.settings.agree
        finished = [answer_from(boot) for boot in self.boots if boot["finished"]]
        agreement = agreement_of(finished, self.opinions)
        all_equal = len(agreement["groups"].get(agreement["leader"] or "", ())) == len(self.boots)
        return agreement["agreed"] > 1 and (all_equal or (agree is not None and agreement["agreed"] >= agree))

    @cached_property
    def ends_in_draft(self) -> bool:
        """True if the boots are merged as they are: in an inner layer that they do not settle."""
        return self.is_inner and not self.is_settled and bool(self.draft_boots)

    @property
    def selected(self) -> list[str]:
        """Candidates that go on after the ranking: into a draft, or to a full answer."""
        return [boot["candidate"] for boot in self.draft_boots] if self.ends_in_draft else self.state["next_candidates"]

    @cached_property
    def dropped(self) -> dict[str, str]:
        """Reason by candidate, for each that booted in the layer and was dropped."""
        order = [] if self.ranking is None else self.ranking["order"]
        reasons = {} if self.ranking is None else self.ranking["reasons"]
        dropped = {b["candidate"]: _why_dropped(b, reasons) for b in self.boots if b["candidate"] not in order}
        if (self.settings.agree is None or self.is_inner) and not self.is_settled:
            limit = f"below top_k = {self.settings.top_k}"
            lower = enumerate(order[self.settings.top_k :], self.settings.top_k + 1)
            # A stop rule may have another limit than the top-k edge.
            queried = {*self.state["next_candidates"], *(answer["candidate"] for answer in self.all_answers)}
            dropped |= {name: f"rank {rank}, {limit}" for rank, name in lower if name not in queried}
        return dropped

    @property
    def prompt_tokens(self) -> dict[str, int]:
        """Length of the conversation by candidate, in tokens, as the boots of the first layer reported it."""
        return {
            boot["candidate"]: boot["usage"]["input_tokens"]
            for boot in self.state["boots"]
            if boot["layer"] == 1 and boot["failure"] is None and not boot["usage"]["estimated"]
            if boot["usage"]["input_tokens"] > 0
        }

    @property
    def draft(self) -> Draft | None:
        """Draft of the layer before; None in the first layer."""
        return self.state["drafts"][-1] if self.state["drafts"] else None

    @property
    def ends_at(self) -> float | None:
        """Deadline of the run, in seconds since the epoch; None for no deadline."""
        deadline = self.settings.deadline_s
        return None if deadline is None else self.state["started_at"] + deadline

    def seconds_left(self, cap: float) -> float:
        """Return how long a call that begins now may take: `cap`, or less if the deadline is nearer.

        Args:
            cap: Seconds, > 0.
        """
        return cap if self.ends_at is None else min(cap, max(0.0, self.ends_at - now()))

    @property
    def is_late(self) -> bool:
        """True if the deadline has passed by now."""
        return self.seconds_left(1.0) == 0

    def time_limit(self) -> asyncio.Timeout:
        """Return a time limit for work other than model calls: the rest of the deadline and a little slack."""
        deadline = self.settings.deadline_s
        return asyncio.timeout(None if deadline is None else self.seconds_left(deadline) + _SLACK * deadline)

    @property
    def last_resort(self) -> LastResort:
        """Answers to return if no candidate answered in the last layer.

        In this order: finished boots of an earlier layer, the last draft, the text received of the best answer if its
        time, that of the run or the budget ran out, and that of the best boot if one of the latter two did.
        """
        whole = [boot for boot in self.state["boots"] if boot["finished"]]
        if whole:
            layer = max(boot["layer"] for boot in whole)
            answers = [answer_from(boot) for boot in whole if boot["layer"] == layer]
            return LastResort(answers, f"finished boots of layer {layer}", complete=True)
        if self.draft is not None:
            layer, name = self.draft["layer"], self.draft["candidates"][0]
            answer = free_answer(layer, name, self.draft["text"])
            return LastResort([answer], f"draft of layer {layer}", complete=False)
        out = self.state["deadline_exceeded"] or self.state["budget_exhausted"]
        if out or any(answer["failure"] and answer["failure"]["cause"] == "timeout" for answer in self.all_answers):
            order = self.state["prior_order"] if self.ranking is None else self.ranking["order"]
            if partial := partial_answers(order, self.all_answers)[:1]:
                return LastResort(partial, f"incomplete answer of {partial[0]['candidate']}", complete=False)
        if out:
            boots = [boot for boot in self.ranked_boots if strip_reasoning(boot["text"]).strip()]
            return LastResort([answer_from(boot) for boot in boots[:1]], "incomplete best boot", complete=False)
        return LastResort([], "", complete=False)


def _without_record(message: AnyMessage) -> AnyMessage:
    if "lightrouter" not in message.response_metadata:
        return message
    metadata = {key: value for key, value in message.response_metadata.items() if key != "lightrouter"}
    return message.model_copy(update={"response_metadata": metadata})


def comparable_boot(boot: Boot) -> Boot:
    """Return a boot as selectors compare it: without reasoning text, unless there is no other.

    Args:
        boot: The boot of one candidate.
    """
    text = strip_reasoning(boot["text"])
    return {**boot, "text": text if text.strip() else boot["reasoning"]}


def _why_dropped(boot: Boot, reasons: dict[str, str]) -> str:
    if boot["failure"] is not None:
        return f"{boot['failure']['cause']}: {boot['failure']['message']}"
    reason = reasons.get(boot["candidate"])
    return f"excluded by the selector: {reason}" if reason else "excluded by the selector"

"""The decisions between the steps: pure functions of the state."""

from collections.abc import Sequence

from langchain_core.messages import AnyMessage
from langgraph.graph import END
from langgraph.types import Send

from lightrouter_graph.llm.tool_calls import render_reply
from lightrouter_graph.records import UNLIMITED
from lightrouter_graph.state import State, Task, settings_of
from lightrouter_graph.state_queries import (
    answers_at_hand,
    boots_of,
    chosen_boots,
    ends_in_draft,
    is_inner,
    observed_lengths,
    standing_of,
    up_next,
    with_evidence,
)


def fan_out_boots(state: State) -> list[Send]:
    """Let the first wave boot; a single candidate answers at once."""
    if len(state["booting"]) == 1:
        return _generate(state, state["booting"])
    return [Send("boot", _task(state, name)) for name in state["booting"]]


def fan_out_top_k(state: State) -> list[Send] | str:
    """The conditional top-k edge: the best go on; nobody does when the boots suffice.

    Returns:
        One `Send` per candidate that answers in full; "aggregate" in an inner layer, whose boots are merged as they
        are; else "tally".

    Source: arXiv 2505.16221, top-k.
    """
    if ends_in_draft(state):
        return "aggregate"
    return _generate(state, up_next(state)) or "tally"


def next_or_merge(state: State) -> list[Send] | str:
    """Bring the next candidate in while the answers at hand do not suffice; else merge them."""
    return _generate(state, up_next(state)) or "aggregate"


def next_layer_or_end(state: State) -> list[Send] | str:
    """Begin the next layer after a draft; end after the answer.

    Every candidate of the first wave boots again, now conditioned on the draft: one that was dropped may recover.

    Source: arXiv 2505.16221, layers.
    """
    return END if state["agreement"] is not None else fan_out_boots(state)


def _generate(state: State, names: Sequence[str]) -> list[Send]:
    return [Send("generate", _task(state, name)) for name in names]


def _task(state: State, name: str) -> Task:
    settings = settings_of(state)
    boot = next((boot for boot in boots_of(state) if boot["candidate"] == name), None)
    shared = (
        [
            render_reply(boot["text"], boot["tool_call_message"])
            for boot in map(with_evidence, chosen_boots(state))
            if not boot["silent"]
        ]
        if settings.conditioning == "shared"
        else []
    )
    at_hand = answers_at_hand(state)
    alone = min(settings.top_k, len(standing_of(state).contenders)) == 1
    return {
        "messages": [_without_record(message) for message in state["messages"]],
        "settings": state["settings"],
        "run": state["run"],
        "started": state["started"],
        "layer": state["layer"],
        "candidate": name,
        "draft": state["drafts"][-1]["text"] if state["drafts"] else None,
        "boot": boot,
        "shared": shared if len(shared) > 1 else [],
        "peers": {name: answer["answer"] for name, answer in at_hand.items() if answer["answer"] is not None},
        "stream_to_user": alone and not at_hand and not is_inner(state),
        "allowance": state["allowances"].get(name, UNLIMITED),
        "observed": observed_lengths(state).get(name),
    }


def _without_record(message: AnyMessage) -> AnyMessage:
    """Leave the decision record of an earlier answer out: no model sees it, and each task is checkpointed."""
    if "lightrouter" not in message.response_metadata:
        return message
    kept = {key: value for key, value in message.response_metadata.items() if key != "lightrouter"}
    return message.model_copy(update={"response_metadata": kept})

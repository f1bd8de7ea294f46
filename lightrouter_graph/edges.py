"""Routing functions between the nodes: pure functions of the state."""

from typing import Literal

from langgraph.graph import END

from lightrouter_graph.state import State
from lightrouter_graph.state_queries import LayerView


def route_boots(state: State) -> Literal["boot", "generate"]:
    """Let the first wave boot; a single candidate answers at once.

    Args:
        state: State after `open`, or after a draft.
    """
    return "generate" if len(state["first_wave"]) == 1 else "boot"


def route_top_k(state: State) -> Literal["generate", "tally", "aggregate"]:
    """Conditional top-k edge: only `next_candidates`, the best-ranked, go on to a full answer.

    Args:
        state: State after `select`.

    Returns:
        "generate" if candidates are to answer in full; "aggregate" in an inner layer, which merges its boots as they
        are; "tally" if the boots suffice.

    Source: arXiv 2505.16221, top-k.
    """
    if LayerView(state).ends_in_draft:
        return "aggregate"
    return "generate" if state["next_candidates"] else "tally"


def route_answers(state: State) -> Literal["generate", "aggregate"]:
    """Query the next candidates while the stop rule selects any; else merge the answers.

    Args:
        state: State after `tally`.
    """
    return "generate" if state["next_candidates"] else "aggregate"


def route_layer(state: State) -> str:
    """Begin the next layer after a draft; end after the answer.

    Every candidate of the first wave boots again, conditioned on the draft, dropped ones included.

    Args:
        state: State after `aggregate`.

    Source: arXiv 2505.16221, layers.
    """
    return END if state["agreement"] is not None else route_boots(state)

"""The plans, as records for the state."""

from collections.abc import Sequence
from typing import Any

from typing_extensions import TypedDict

from lightrouter_graph.budget import Allowance, Spent
from lightrouter_graph.state import State, Update


class Plan(TypedDict):
    """How a run goes on from the beginning of a layer.

    `settings` are those that change; `order` is who may be asked, in prior order, without those whose price is not
    known where USD are limited; of `booting`, one alone answers at once. `allowances` says what each of them may spend:
    who is not in it may spend anything. `notes` say what is done otherwise than asked for, and why. `rung` is how far
    down the ladder that is, 0 being what was asked for, and `worst` what all of it takes at most (None: not counted);
    `needs` is the part of it that the next fan-out takes.
    """

    settings: dict[str, Any]
    order: list[str]
    booting: list[str]
    allowances: dict[str, Allowance]
    notes: list[str]
    rung: int
    worst: Allowance
    needs: Spent


class WavePlan(TypedDict):
    """Who answers in full next: nobody where the answers at hand suffice, or where there is not enough left.

    `allowances`, `settings` and `notes` are as in a `Plan`. `broke` says that there was not enough for all who were
    up, so that nobody is to be asked after them.
    """

    up: list[str]
    allowances: dict[str, Allowance]
    settings: dict[str, Any]
    notes: list[str]
    broke: bool
    needs: Spent


def following(state: State, plan: WavePlan, notes: Sequence[str] = ()) -> Update:
    """Turn a plan of who answers next into an update of the state; nobody is named where nothing limits them."""
    limited = bool(plan["allowances"] or plan["broke"] or plan["settings"])
    update: Update = {
        "up": plan["up"] if limited else None,
        "allowances": plan["allowances"],
        "broke": plan["broke"],
        "in_flight": plan["needs"],
        "notes": [*notes, *plan["notes"]],
    }
    return {**update, "settings": {**state["settings"], **plan["settings"]}} if plan["settings"] else update


class StepPlan(TypedDict):
    """What a selector or an aggregator may spend; `settings` puts another in its place where that is too little."""

    allowance: Allowance
    settings: dict[str, Any]
    notes: list[str]

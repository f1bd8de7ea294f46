"""`Planner`: sees to it, before anything is begun, that it can be paid for in the worst case."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lightrouter_graph.budget import NOTHING, UNLIMITED, Amount, Left, Purse, Ruler, fits, left_of, minus, spent_by
from lightrouter_graph.errors import BudgetError
from lightrouter_graph.limits import read_budget
from lightrouter_graph.planning.forecast import Forecast, Parts, draft_of, extras_of, observed_in, planned_calls
from lightrouter_graph.planning.ladder import Rung
from lightrouter_graph.planning.notes import notes_on
from lightrouter_graph.planning.outlook import Outlook, told
from lightrouter_graph.planning.plans import Plan, StepPlan, WavePlan
from lightrouter_graph.planning.waves import Wave
from lightrouter_graph.pool import Candidate
from lightrouter_graph.query import Query
from lightrouter_graph.records import Answer
from lightrouter_graph.state import State, settings_of
from lightrouter_graph.state_queries import survivors

_GIVE_A_PRICE = (
    "give one, in USD per 1M tokens: Candidate(name, model, price=(input, output)), or in a pool file "
    "price = { input = ..., output = ... }"
)


@dataclass(frozen=True, slots=True)
class Planner:
    """Plans with the parts of one graph; the plans are plain records for the state.

    What a step is allowed and what is set aside for those after it are together never more than what is left. What is
    set aside is the worst case, which hardly ever comes, so that the next plan finds more left than it needs.

    Args:
        parts: The selectors and aggregators, by the names under which the settings ask for them.

    Deviation from arXiv 2505.16221: the paper has no budgets.
    """

    parts: Parts

    def left(self, state: State) -> Left:
        """Return what is left of the budgets of a run and its thread."""
        settings = settings_of(state)
        budget, thread_budget = read_budget(settings.budget), read_budget(settings.thread_budget)
        return left_of(budget, thread_budget, spent_by(state["call_costs"]), state["before"])

    def purse(self, state: State, query: Query, plan: StepPlan) -> Purse:
        """Return what a step may spend, with what is known of the length of the conversation."""
        return Purse(plan["allowance"], Ruler(query.messages, extras_of(query.request), observed_in(state, query.pool)))

    def run(
        self,
        query: Query,
        left: Left,
        *,
        booting: Sequence[str] | None = None,
        draft: str | None = None,
        observed: Mapping[Candidate, int] | None = None,
    ) -> Plan:
        """Choose the way to run from the beginning of the query's layer on: the first on the ladder that fits.

        Args:
            query: The query, in the layer to begin with.
            left: What is left.
            booting: Who is to boot; None for the first wave of the settings.
            draft: The draft of the layer before.
            observed: What candidates said of the length of the conversation.

        Raises:
            BudgetError: If not even one short answer fits.
        """
        asked = Rung(query.settings, tuple(query.order[: query.settings.width] if booting is None else booting))
        if left.unlimited:
            return _as_asked(asked, query)
        priced = self._priced(asked, query, left)
        ruler = Ruler(query.messages, extras_of(query.request), observed or {})
        outlook = Outlook(replace(query, order=_with_price(query.order, query, left)), self.parts, left, draft, ruler)
        place, rung = outlook.best(priced)
        notes = [*_unpriced(query, left), *_unpriced_parts(asked, priced), *notes_on(asked, rung)]
        if place:
            notes.append(f"budget: as asked for, the run may take {told(outlook.cost(priced), left)}")
        return {**outlook.plan(place, rung), "notes": notes}

    def layer(self, state: State, query: Query, left: Left) -> Plan:
        """Choose the way to go on after a draft: as `run`, with what was learnt from the layers before.

        Raises:
            BudgetError: If not even one short answer fits: then the draft is all there is.
        """
        observed = observed_in(state, query.pool)
        return self.run(query, left, booting=state["booting"], draft=draft_of(state), observed=observed)

    def selection(self, state: State, query: Query, left: Left) -> StepPlan:
        """Say what ranking the boots at hand may take; where that is too much, no judge is asked."""
        forecast, boots = self._now(state, query), {b["candidate"]: b["text"] for b in survivors(state)}
        if left.unlimited or not boots:
            return {"allowance": left.allowance, "settings": {}, "notes": []}
        need = forecast.selection(query.layer, list(boots.values()))
        rest = forecast.after_selection(query.layer, draft_of(state), boots)
        return _step(need, rest, left, "selector", "consistency")

    def wave(self, state: State, query: Query, left: Left) -> WavePlan:
        """Say who of those that are up next is asked for a full answer."""
        return Wave(state, self._now(state, query), left).plan()

    def merge(self, state: State, query: Query, left: Left, answers: Sequence[Answer]) -> StepPlan:
        """Say what merging answers may take; where that is too much, they are voted on."""
        if left.unlimited:
            return {"allowance": left.allowance, "settings": {}, "notes": []}
        forecast, first = self._now(state, query), [answer["candidate"] for answer in answers[:1]]
        need = forecast.merge(query.layer, [answer["text"] for answer in answers], first)
        return _step(need, forecast.after_merge(query.layer), left, "aggregator", "vote")

    def _now(self, state: State, query: Query) -> Forecast:
        """Look ahead from the middle of a layer; an inner one may turn out to be the last."""
        if query.final:
            query = replace(query, settings=query.settings.model_copy(update={"layers": query.layer}))
        ruler = Ruler(query.messages, extras_of(query.request), observed_in(state, query.pool))
        return self.parts.forecast(query, state["booting"], ruler)

    def _priced(self, asked: Rung, query: Query, left: Left) -> Rung:
        """Leave out whose price is not known, where USD are limited: nothing else would help."""
        order = _with_price(query.order, query, left)
        if not order:
            raise _no_price(query, left)
        booting = _with_price(asked.booting, query, left)
        booting += [name for name in order if name not in asked.booting]
        priced = replace(asked, booting=tuple(booting[: len(asked.booting)]))
        if left.allowance["usd"] is None:
            return priced
        forecast = self.parts.forecast(query, priced.booting, Ruler())
        changes = {"selector": "consistency", "aggregator": "vote"}
        return priced.changed(**{name: other for name, other in changes.items() if _asks_unpriced(forecast, name)})


def _as_asked(asked: Rung, query: Query) -> Plan:
    return {
        "settings": {},
        "order": list(query.order),
        "booting": list(asked.booting),
        "allowances": {},
        "notes": [],
        "rung": 0,
        "worst": UNLIMITED,
        "needs": NOTHING,
    }


def _with_price(names: Sequence[str], query: Query, left: Left) -> list[str]:
    return [name for name in names if left.allowance["usd"] is None or query.pool[name].price is not None]


def _asks_unpriced(forecast: Forecast, name: str) -> bool:
    calls = planned_calls(getattr(forecast, name), forecast.query, ["", ""])
    return any(call.candidate is not None and call.candidate.price is None for call in calls)


def _unpriced(query: Query, left: Left) -> list[str]:
    out = [name for name in query.order if name not in _with_price(query.order, query, left)]
    return [f"budget: left out, as no price is known: {', '.join(out)}; {_GIVE_A_PRICE}"] if out else []


def _unpriced_parts(asked: Rung, priced: Rung) -> list[str]:
    """Say why the selector or the aggregator is another, where that is for want of a price."""
    return [
        f"budget: no price is known of a model that the {name} asks; {_GIVE_A_PRICE}"
        for name in ("selector", "aggregator")
        if getattr(asked.settings, name) != getattr(priced.settings, name)
    ]


def _no_price(query: Query, left: Left) -> BudgetError:
    scope, usd = left.scopes["usd"], left.allowance["usd"]
    msg = f"the {scope}'s budget is in USD, but no price is known of {', '.join(query.order)}; {_GIVE_A_PRICE}"
    return BudgetError(msg, needed={}, left={"usd": usd or 0.0}, scope=scope)


def _step(need: Amount, rest: Amount, left: Left, name: str, instead: str) -> StepPlan:
    allowance = minus(left.allowance, rest)
    settings: dict[str, Any] = {} if fits(need, allowance) else {name: instead}
    notes = [f"budget: {name} = {instead!r}, since it may take {told(need + rest, left)}"] if settings else []
    return {"allowance": allowance, "settings": settings, "notes": notes}

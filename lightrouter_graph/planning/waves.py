"""Who of those that are up next can be paid for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lightrouter_graph.budget import NOTHING, Allowance, Amount, Left, Purse, fits, in_flight, share
from lightrouter_graph.budget.amounts import total
from lightrouter_graph.planning.forecast import PLANNED_TOKENS, Forecast, draft_of, extras_of, longest
from lightrouter_graph.planning.plans import WavePlan
from lightrouter_graph.state import State
from lightrouter_graph.state_queries import (
    answers_at_hand,
    counted_answers,
    next_up,
    standing_of,
    stop_rule,
    survivors,
)


@dataclass(frozen=True, slots=True)
class Wave:
    """The candidates that are up next, and what is left for them."""

    state: State
    forecast: Forecast
    left: Left

    def plan(self) -> WavePlan:
        """Let as many answer as there is enough for, the best-ranked first.

        What merging takes is set aside before further answers are begun. It is given up only where nobody has answered
        yet, and then the second answer, and the length of the first.
        """
        up = next_up(self.state)
        if not up or self.left.unlimited:
            return _plan(up, up, {})
        for number, merged in self._ways(len(up)):
            allowances = self._allowances(up[:number], merged=merged)
            if allowances is not None:
                plan = _plan(up, up[:number], allowances, merged=merged)
                return {**plan, "needs": in_flight(self._needs(up[:number]).values())}
        return _plan(up, [], {}) if self._at_hand else self._last(up)

    def _ways(self, most: int) -> list[tuple[int, bool]]:
        """Return how many may answer, and whether their answers are merged, best first."""
        if self._at_hand:
            return [(number, True) for number in range(most, 0, -1)]
        return [(number, merged) for merged in (True, False) for number in range(most, 1, -1)] + [(1, True)]

    def _allowances(self, names: Sequence[str], *, merged: bool) -> dict[str, Allowance] | None:
        """Return what each of them may spend; None where there is not enough for all, and for the merging."""
        needs = self._needs(names)
        rest = self._merging(names) if merged else Amount()
        if not fits(total(needs.values()) + rest, self.left.allowance):
            return None
        return share(self.left.allowance, needs, rest)

    def _needs(self, names: Sequence[str]) -> dict[str, Amount]:
        return {name: self.forecast.answer(name, draft_of(self.state), self._boots) for name in names}

    def _merging(self, names: Sequence[str]) -> Amount:
        """Return what merging takes once they have answered."""
        standing, given = standing_of(self.state), answers_at_hand(self.state)
        answered = replace(standing, answers={**standing.answers, **dict.fromkeys(names)})
        counted = stop_rule(self.state).counted(answered)
        unwritten = longest(self.forecast.query.settings.max_tokens)
        texts = [given[name]["text"] if name in given else unwritten for name in counted]
        return self.forecast.merge(self.forecast.query.layer, texts, counted)

    def _last(self, up: Sequence[str]) -> WavePlan:
        """Give all that is left to the first that can be paid for a short answer."""
        query = self.forecast.query
        for name in up:
            prompt = self.forecast.answer_prompt(name, draft_of(self.state), self._boots)
            purse, wanted = Purse(self.left.allowance, self.forecast.ruler), query.settings.max_tokens or PLANNED_TOKENS
            if leave := purse.reserve(query.pool[name], prompt, wanted, extras=extras_of(query.request)):
                plan = _plan(up, [name], {name: self.left.allowance}, merged=False)
                notes = [*plan["notes"], f"budget: the answer of {name} may be cut"]
                return {**plan, "notes": notes, "broke": True, "needs": in_flight([leave.worst])}
        return _plan(up, [], {})

    @property
    def _at_hand(self) -> bool:
        return bool(counted_answers(self.state))

    @property
    def _boots(self) -> dict[str, str]:
        return {boot["candidate"]: boot["text"] for boot in survivors(self.state)}


def _plan(
    up: Sequence[str], names: Sequence[str], allowances: dict[str, Allowance], *, merged: bool = True
) -> WavePlan:
    out = [name for name in up if name not in names]
    notes = [f"budget: there is not enough left to ask {', '.join(out)}"] if out else []
    if not merged:
        notes.append("budget: aggregator = 'vote', since there is not enough left to merge")
    return {
        "up": list(names),
        "allowances": allowances,
        "settings": {} if merged else {"aggregator": "vote"},
        "notes": notes,
        "broke": bool(out),
        "needs": NOTHING,
    }

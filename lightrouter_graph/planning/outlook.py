"""The choice of a way to run: the first on the ladder that is sure to fit."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import cast

from lightrouter_graph.budget import LEAST_TOKENS, Amount, Left, Purse, Ruler, cost_of, fits, in_flight, share
from lightrouter_graph.budget.amounts import short_of, total
from lightrouter_graph.budget.left import in_words
from lightrouter_graph.errors import BudgetError
from lightrouter_graph.planning.forecast import PLANNED_TOKENS, Forecast, Parts, extras_of, planned_calls
from lightrouter_graph.planning.ladder import Rung, alone, ladder, lengths
from lightrouter_graph.planning.plans import Plan
from lightrouter_graph.query import Query


@dataclass(frozen=True, slots=True)
class Outlook:
    """What can be seen from the beginning of a layer.

    Attributes:
        query: The query, in the layer to begin with; its order is who may be asked.
        parts: The selectors and aggregators.
        left: What is left.
        draft: The draft of the layer before.
        ruler: Measures prompts.
    """

    query: Query
    parts: Parts
    left: Left
    draft: str | None
    ruler: Ruler

    def best(self, asked: Rung) -> tuple[int, Rung]:
        """Return the first rung that fits and its place, its answers as long as they can be.

        Raises:
            BudgetError: If nothing fits.
        """
        rungs = self._ladder(asked)
        for place, rung in enumerate(rungs):
            ways = [rung.changed(max_tokens=cap) for cap in lengths(rung.settings, weighed=self.left.weighs)]
            if self.fits(ways[-1]):
                return place, next(way for way in ways if self.fits(way))
        return len(rungs), self._shortest(rungs[-1])

    def fits(self, rung: Rung) -> bool:
        """Whether a way is sure to stay within what is left."""
        return fits(self.cost(rung), self.left.allowance)

    def cost(self, rung: Rung) -> Amount:
        """Return what a way takes at most."""
        fan_out, rest = self._costs(rung)
        return total(fan_out.values()) + rest

    def plan(self, place: int, rung: Rung) -> Plan:
        """Write down a way that fits."""
        fan_out, rest = self._costs(rung)
        worst = total(fan_out.values()) + rest
        unpriced = self.left.allowance["usd"] is None
        return {
            "settings": {name: value for name, value in rung.settings if value != getattr(self.query.settings, name)},
            "order": list(self.query.order),
            "booting": list(rung.booting),
            "allowances": share(self.left.allowance, fan_out, rest),
            "notes": [],
            "rung": place,
            "needs": in_flight(fan_out.values()),
            "worst": {"usd": None if unpriced else worst.usd, "tokens": worst.tokens, "calls": worst.calls},
        }

    def _costs(self, rung: Rung) -> tuple[dict[str, Amount], Amount]:
        forecast = self._forecast(rung)
        return forecast.fan_out(self.draft), forecast.after_fan_out(self.query.layer, self.draft)

    def _forecast(self, rung: Rung) -> Forecast:
        return self.parts.forecast(replace(self.query, settings=rung.settings), rung.booting, self.ruler)

    def _ladder(self, asked: Rung) -> list[Rung]:
        seen = self._forecast(asked)
        judged, merged = (bool(planned_calls(part, seen.query, ["", ""])) for part in (seen.selector, seen.aggregator))
        return ladder(asked, self.query.order, self.query.layer, judged=judged, merged=merged)

    def _shortest(self, rung: Rung) -> Rung:
        """Let the first candidate answer that can be paid for a short answer."""
        wanted = rung.settings.max_tokens or PLANNED_TOKENS
        for name in self.query.order:
            prompt = self._forecast(rung).answer_prompt(name, self.draft, {})
            purse, extras = Purse(self.left.allowance, self.ruler), extras_of(self.query.request)
            if leave := purse.reserve(self.query.pool[name], prompt, wanted, extras=extras):
                return alone(rung, name, self.query.layer).changed(max_tokens=leave.cap)
        raise self._too_little(rung)

    def _too_little(self, rung: Rung) -> BudgetError:
        output = min(LEAST_TOKENS, rung.settings.max_tokens or LEAST_TOKENS)
        prompts = {name: self._prompt_of(rung, name) for name in self.query.order}
        costs = {name: cost_of(self.query.pool[name].price, prompt, output) for name, prompt in prompts.items()}
        least = min(costs, key=lambda name: (len(self._short(costs[name])), costs[name].usd, costs[name].tokens))
        short = self._short(costs[least]) or tuple(self.left.scopes)  # or it is a rounding's breadth
        needed = {name: asdict(costs[least])[name] for name in short}
        msg = (
            f"the budget is too small for any answer: {least!r} alone may take {told(costs[least], self.left)} for a "
            f"prompt of at most {prompts[least]} tokens and an answer of {output}"
        )
        rest = {name: cast("Mapping[str, float]", self.left.allowance)[name] for name in short}
        return BudgetError(msg, needed=needed, left=rest, scope=self.left.scopes[short[0]])

    def _prompt_of(self, rung: Rung, name: str) -> int:
        prompt = self._forecast(rung).answer_prompt(name, self.draft, {})
        return self.ruler.bound(self.query.pool[name], prompt, extras_of(self.query.request))

    def _short(self, amount: Amount) -> tuple[str, ...]:
        return short_of(amount, self.left.allowance)


def told(amount: Amount, left: Left) -> str:
    """Say of what an amount takes too much, and what is left of that."""
    sums = asdict(amount)
    return ", ".join(f"{in_words(n, sums[n])} ({left.told(n)})" for n in short_of(amount, left.allowance))

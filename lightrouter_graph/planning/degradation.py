"""Degradation steps: fewer layers, models and boots, in a fixed order, until a run fits into the remaining budget."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lightrouter_graph.budget.amounts import Amount, fits, limits_of, short_of
from lightrouter_graph.budget.remaining import RemainingBudget
from lightrouter_graph.context import Context
from lightrouter_graph.errors import BudgetError
from lightrouter_graph.planning.forecast import PLANNED_TOKENS, Forecast, planned_answers

_ANSWER_CAPS = (4096, 2048, PLANNED_TOKENS)
"""Caps to try on a full answer without `max_tokens`, in tokens, highest first."""

REPLACEMENTS = {"selector": "consistency", "aggregator": "vote"}
"""The selector and the aggregator that call no model."""

_GIVE_A_PRICE = (
    "give one, in USD per 1M tokens: Candidate(name, model, price=(input, output)), or in a pool file "
    "price = { input = ..., output = ... }"
)

_REPLACED = {"selector": "consistency ranks the boots", "aggregator": "a vote merges the answers"}


@dataclass(frozen=True, slots=True)
class DegradationStep:
    """One way to run.

    Attributes:
        settings: Its settings.
        first_wave: The candidates that boot, in prior order; a single one answers in full without a boot.
    """

    settings: Context
    first_wave: tuple[str, ...]

    def changed(self, **settings: Any) -> "DegradationStep":
        """Return the step with some settings changed."""
        return replace(self, settings=self.settings.model_copy(update=settings))

    def limited_to(self, number: int) -> "DegradationStep":
        """Return the step with fewer boots and answers; the last in prior order are left out.

        Args:
            number: Maximum of the candidates that boot, and of the answers, >= 2.
        """
        settings = self.settings
        fewer: dict[str, Any] = {"width": number} if number < len(self.first_wave) else {}
        fewer |= {"agree": min(settings.agree, number)} if settings.agree else {"top_k": min(settings.top_k, number)}
        return replace(self.changed(**fewer), first_wave=self.first_wave[:number])

    def single(self, name: str, layer: int) -> "DegradationStep":
        """Return the step in which one candidate answers in full in this last layer, and no other model is called.

        Args:
            name: The candidate that answers.
            layer: The present layer, 1-based.
        """
        return replace(self.changed(top_k=1, agree=None, layers=layer, width=1), first_wave=(name,))


def without_unpriced(
    asked: DegradationStep, forecast: Forecast, remaining: RemainingBudget
) -> tuple[DegradationStep, list[str], list[str]]:
    """Under a limit in USD, leave out models without a known price: candidates, and those of selector and aggregator.

    Args:
        asked: The requested settings, with all candidates.
        forecast: Worst-case cost of the requested run.
        remaining: What is left of the budgets of the run and its thread.

    Returns:
        The requested run without them, the candidates that may be queried in prior order, and notes.

    Raises:
        BudgetError: If no candidate has a known price.
    """
    query, usd = forecast.query, remaining.allowance["usd"]
    if usd is None:
        return asked, list(query.prior_order), []
    order = [name for name in query.prior_order if query.pool[name].price is not None]
    out = [name for name in query.prior_order if name not in order]
    if not order:
        scope = remaining.scopes["usd"]
        msg = f"the {scope}'s budget is in USD, but no price is known of {', '.join(out)}; {_GIVE_A_PRICE}"
        raise BudgetError(msg, needed={}, left={"usd": usd}, scope=scope)
    first_wave = [*(name for name in asked.first_wave if name in order), *order]
    priced = replace(asked, first_wave=tuple(dict.fromkeys(first_wave))[: len(asked.first_wave)])
    forecast = replace(forecast, query=replace(query, prior_order=order))
    for setting, replacement in REPLACEMENTS.items():
        models = [call.candidate for call in forecast.planned(getattr(forecast, setting))]
        if unpriced := [model.name for model in models if model is not None and model.price is None]:
            priced, out = priced.changed(**{setting: replacement}), [*out, *unpriced]
    notes = [f"budget: left out, as no price is known: {', '.join(dict.fromkeys(out))}; {_GIVE_A_PRICE}"] if out else []
    return priced, order, notes


def choose_step(
    asked: DegradationStep,
    order: Sequence[str],
    layer: int,
    remaining: RemainingBudget,
    forecast_of: Callable[[DegradationStep], Forecast],
) -> tuple[int, DegradationStep]:
    """Return the number of the first step that fits into the remaining budget, and the step with the highest cap.

    Args:
        asked: The requested run; it has number 0.
        order: The candidates that may be queried, in prior order.
        layer: The layer that begins, >= 1.
        remaining: The remaining budget.
        forecast_of: Returns the forecast of a step.

    Raises:
        BudgetError: If not even a short answer of one candidate fits.
    """
    steps = list(_steps(asked, order, layer, forecast_of(asked)))
    for number, step in enumerate(steps):
        for cap in _answer_caps(step.settings, remaining):
            capped = step.changed(max_tokens=cap)
            if fits(forecast_of(capped).layer(), remaining.allowance):
                return number, capped
    last = forecast_of(steps[-1])
    if (short := last.short_answer(remaining.allowance, order)) is None:
        raise _too_small(last.shortest_answers(order), remaining)
    return len(steps), steps[-1].single(short[0], layer).changed(max_tokens=short[1].cap)


def _steps(asked: DegradationStep, order: Sequence[str], layer: int, forecast: Forecast) -> Iterator[DegradationStep]:
    """Yield the requested run, then its degradations in a fixed order.

    1. Fewer layers: each costs all the boots, their ranking and a draft.
    2. The consistency selector ranks the boots instead of a selector that calls models.
    3. Fewer boots and answers, down to two; the candidates last in prior order are left out.
    4. The vote aggregator merges the answers instead of one that calls models, again with as many boots as fit.
    5. One candidate answers alone: the first in prior order whose answer fits.
    """
    for layers in range(asked.settings.layers, layer - 1, -1):
        yield (step := asked.changed(layers=layers))
    if forecast.planned(forecast.selector):
        yield (step := step.changed(selector=REPLACEMENTS["selector"]))
    numbers = range(max(len(asked.first_wave), planned_answers(asked.settings)) - 1, 1, -1)
    yield from map(step.limited_to, numbers)
    if forecast.planned(forecast.aggregator):
        yield (step := step.changed(aggregator=REPLACEMENTS["aggregator"]))
        yield from map(step.limited_to, numbers)
    yield from (step.single(name, layer) for name in order)


def _answer_caps(settings: Context, remaining: RemainingBudget) -> tuple[int | None, ...]:
    if settings.max_tokens is not None or not remaining.limits_length:
        return (settings.max_tokens,)
    return tuple(cap for cap in _ANSWER_CAPS if cap > settings.boot_tokens)


def _too_small(costs: Mapping[str, Amount], remaining: RemainingBudget) -> BudgetError:
    short = {name: short_of(cost, remaining.allowance) for name, cost in costs.items()}
    name = min(costs, key=lambda name: (len(short[name]), costs[name].usd, costs[name].tokens))
    limits = short[name] or tuple(remaining.scopes)  # none is exceeded beyond rounding
    msg = (
        f"the budget is too small for any answer: {name!r} alone {remaining.describe(costs[name])}, for its prompt "
        "and a short answer; raise the budget, or add a candidate of a lower price"
    )
    needed = {limit: getattr(costs[name], limit) for limit in limits}
    left = {limit: value for limit, value in limits_of(remaining.allowance).items() if limit in limits}
    return BudgetError(msg, needed=needed, left=left, scope=remaining.scopes[limits[0]])


def describe_degradation(asked: DegradationStep, chosen: DegradationStep) -> list[str]:
    """Return one note per setting that differs between two steps, as in the decision record's `budget`.

    Args:
        asked: The requested settings.
        chosen: The settings that fit the budget.
    """
    before, after = asked.settings, chosen.settings
    capped = [f"budget: a full answer has at most {after.max_tokens} tokens"] * (before.max_tokens != after.max_tokens)
    if len(chosen.first_wave) == 1 and chosen.first_wave != asked.first_wave:
        return [f"budget: {chosen.first_wave[0]} alone answers", *capped]
    out = [name for name in asked.first_wave if name not in chosen.first_wave]
    number, instead = len(chosen.first_wave), len(asked.first_wave)
    boots = f"budget: {number} candidates boot instead of {instead}, without {', '.join(out)}"
    changed = [name for name in ("layers", "top_k", "agree") if getattr(before, name) != getattr(after, name)]
    return [
        *([boots] if number < instead else []),
        *(f"budget: {name} = {getattr(after, name)} instead of {getattr(before, name)}" for name in changed),
        *(describe_replacement(n, before) for n in REPLACEMENTS if getattr(before, n) != getattr(after, n)),
        *capped,
    ]


def describe_replacement(part: str, settings: Context) -> str:
    """Return the note on a part of the settings that is replaced by one that calls no model.

    Args:
        part: "selector" or "aggregator".
        settings: The requested settings.
    """
    return f"budget: {_REPLACED[part]} instead of the {part} {getattr(settings, part)!r}"

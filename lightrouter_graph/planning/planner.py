"""`Planner`: chooses, before each fan-out and each part that calls models, what the remaining budget can pay for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from lightrouter_graph.budget.amounts import NOTHING, Amount, fits, minus, share
from lightrouter_graph.budget.remaining import RemainingBudget, remaining_budget
from lightrouter_graph.budget.reservations import BudgetReservations
from lightrouter_graph.budget.spent import add_spent, reserved_spent, total_spent
from lightrouter_graph.budget.thread_account import share_of
from lightrouter_graph.budget.token_bounds import PromptTokenBound
from lightrouter_graph.llm.request import Request
from lightrouter_graph.planning.degradation import (
    REPLACEMENTS,
    DegradationStep,
    choose_step,
    describe_degradation,
    describe_replacement,
    without_unpriced,
)
from lightrouter_graph.planning.forecast import Forecast, LayerProgress
from lightrouter_graph.pool import Pool
from lightrouter_graph.pool.opinions import opinion_labels
from lightrouter_graph.query import Query
from lightrouter_graph.records import NOTHING_SPENT, UNLIMITED, Allowance, Answer, Spent
from lightrouter_graph.state_queries import LayerView


@dataclass(frozen=True, slots=True)
class FanOutPlan:
    """The next fan-out within the remaining budget: the boots of a layer, or full answers.

    Attributes:
        candidates: The candidates queried next; none if the answers suffice or the budget is exhausted.
        order: The candidates that may be queried at all, in prior order (`plan_layer` only).
        settings: The settings that change (`plan_layer` only).
        allowances: Limits of each candidate; one without an entry is unlimited.
        reserved: Worst-case cost of the fan-out.
        notes: What differs from the requested run, and why.
        step: Number of the degradation step, 0 is the requested run (`plan_layer` only).
        budget_exhausted: Whether the budget cannot pay for all candidates that the stop rule selected; then no other
            one is queried in this layer (`plan_answers` only).
    """

    candidates: tuple[str, ...]
    order: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    allowances: Mapping[str, Allowance] = field(default_factory=dict)
    reserved: Spent = field(default_factory=lambda: NOTHING_SPENT)
    notes: tuple[str, ...] = ()
    step: int = 0
    budget_exhausted: bool = False

    def answers_update(self) -> dict[str, Any]:
        """Return the update of the state before full answers."""
        return {
            "next_candidates": list(self.candidates),
            "allowances": dict(self.allowances),
            "budget_exhausted": self.budget_exhausted,
            "reserved": self.reserved,
            "notes": list(self.notes),
        }

    def layer_update(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return the update of the state before the boots of a layer.

        Args:
            settings: The recorded settings of the run so far.
        """
        wave = {"first_wave": list(self.candidates), "prior_order": list(self.order)}
        return {**self.answers_update(), **wave, "settings": {**settings, **self.settings}}


@dataclass(frozen=True, slots=True)
class Planner:
    """Plans a run within its remaining budget. All methods are pure; the nodes call four of them.

    - `plan_layer`: in `open`, and in `aggregate` after a draft, before the boots of a layer.
    - `plan_selection`: in `select`, before the selector.
    - `plan_answers`: in `select` and `tally`, before a fan-out of full answers.
    - `plan_merge`: in `aggregate`, before the aggregator.

    The allowances of a fan-out and the worst-case cost of the calls after it together never exceed the remaining
    budget; `BudgetReservations` enforces each allowance. Worst cases are rare, so a later plan usually finds more left.

    Args:
        selectors: The selectors by the name in `Context.selector`.
        aggregators: The aggregators by the name in `Context.aggregator`.

    Deviation from arXiv 2505.16221: the paper has no budgets.
    """

    selectors: Mapping[str, object]
    aggregators: Mapping[str, object]

    def plan_layer(self, query: Query, remaining: RemainingBudget, progress: LayerProgress) -> FanOutPlan:
        """Choose the first degradation step that fits into the remaining budget, from the beginning of a layer.

        Args:
            query: The query in the layer that begins; its order has the candidates that may be queried.
            remaining: The remaining budget.
            progress: The draft of the layer before, and the first wave, if it is already known.

        Raises:
            BudgetError: If not even one short answer fits, or no candidate has a price under a limit in USD.
        """
        asked = DegradationStep(query.settings, progress.first_wave or _first_wave(query))
        if remaining.unlimited:
            return FanOutPlan(asked.first_wave, tuple(query.prior_order))
        priced, order, notes = without_unpriced(asked, self._forecast_of(query, progress, asked), remaining)
        forecast_of = partial(self._forecast_of, replace(query, prior_order=order), progress)
        number, step = choose_step(priced, order, query.layer, remaining, forecast_of)
        notes += describe_degradation(asked, step)
        if number:
            notes.append(f"budget: the requested run {remaining.describe(forecast_of(priced).layer())}")
        forecast = forecast_of(step)
        needs = forecast.fan_out()
        return FanOutPlan(
            step.first_wave,
            tuple(order),
            {name: value for name, value in step.settings if value != getattr(query.settings, name)},
            share(remaining.allowance, needs, forecast.after_fan_out()),
            reserved_spent(needs.values()),
            tuple(notes),
            number,
        )

    def plan_selection(
        self, query: Query, remaining: RemainingBudget, progress: LayerProgress
    ) -> tuple[Query, tuple[str, ...]]:
        """Limit the model calls of the selector; consistency replaces a selector that the budget cannot pay for.

        Args:
            query: The query in the present layer.
            remaining: The remaining budget.
            progress: The boots of the layer.

        Returns:
            The query for the selector, with its reservations and settings, and notes.
        """
        forecast = self.forecast(query, progress)
        if remaining.unlimited or not progress.boots:
            return _limited("selector", forecast, remaining)
        return _limited("selector", forecast, remaining, forecast.selection(), forecast.after_selection())

    def plan_answers(
        self, query: Query, remaining: RemainingBudget, progress: LayerProgress, candidates: Sequence[str]
    ) -> FanOutPlan:
        """Choose how many of the candidates that the stop rule selected answer in full.

        The cost of merging is set aside first. Without any answer so far it is given up before only one candidate is
        queried, and the last resort is a short answer.

        Args:
            query: The query in the present layer.
            remaining: The remaining budget.
            progress: The boots and answers of the layer.
            candidates: The candidates that the stop rule selected next, in the order in which they are queried.
        """
        if remaining.unlimited or not candidates:
            return FanOutPlan(tuple(candidates))
        forecast = self.forecast(query, progress)
        needs = {name: forecast.answer(name) for name in candidates}
        for number, merged in _answer_steps(len(candidates), has_answers=bool(progress.answers)):
            chosen = {name: needs[name] for name in candidates[:number]}
            rest = forecast.merge_with(candidates[:number]) if merged else NOTHING
            if fits(sum(chosen.values(), NOTHING) + rest, remaining.allowance):
                return _answers_plan(candidates, chosen, share(remaining.allowance, chosen, rest))
        if progress.answers or (short := forecast.short_answer(remaining.allowance, candidates)) is None:
            return _answers_plan(candidates, {}, {})
        name, reservation = short
        plan = _answers_plan(candidates, {name: reservation.worst_case}, {name: remaining.allowance})
        notes = (*plan.notes, f"budget: the answer of {name} may be truncated")
        return replace(plan, notes=notes, budget_exhausted=True)

    def plan_merge(
        self, query: Query, remaining: RemainingBudget, progress: LayerProgress, answers: Sequence[Answer]
    ) -> tuple[Query, tuple[str, ...]]:
        """Limit the model calls of the aggregator; a vote replaces an aggregator that the budget cannot pay for.

        Args:
            query: The query in the present layer.
            remaining: The remaining budget.
            progress: Results of the layer.
            answers: The answers to merge, best-ranked first; in an inner layer its boots.

        Returns:
            The query for the aggregator, with its reservations and settings, and notes.
        """
        forecast = self.forecast(query, progress)
        if remaining.unlimited:
            return _limited("aggregator", forecast, remaining)
        need = forecast.merge([answer["text"] for answer in answers], [answer["candidate"] for answer in answers[:1]])
        return _limited("aggregator", forecast, remaining, need, forecast.after_merge())

    def forecast(self, query: Query, progress: LayerProgress) -> Forecast:
        """Return the worst-case cost of the rest of a run under the settings of the query."""
        selector, aggregator = self.selectors[query.settings.selector], self.aggregators[query.settings.aggregator]
        return Forecast(query, progress, selector, aggregator)

    def _forecast_of(self, query: Query, progress: LayerProgress, step: DegradationStep) -> Forecast:
        final = query.layer >= step.settings.layers or len(step.first_wave) == 1
        query = replace(query, settings=step.settings, final=final)
        return self.forecast(query, replace(progress, first_wave=step.first_wave))


def remaining_of(view: LayerView) -> RemainingBudget:
    """Return the remaining budget of a run and its thread, from the call costs in the state.

    Args:
        view: State of the run with its settings.
    """
    settings, spent, before = view.settings, total_spent(view.state["call_costs"]), view.state["thread_spent"]
    if (run := _run_of(view)) is not None and (share := share_of(run)) is not None:
        before = add_spent(before, reserved_spent([share.others()]))
    return remaining_budget(settings.budget, settings.thread_budget, spent, before)


def _run_of(view: LayerView) -> str | None:
    return None if view.settings.thread_budget is None else view.state["run"]


def progress_of(view: LayerView, query: Query) -> LayerProgress:
    """Return the results of the current layer of a run.

    Args:
        view: State of the run with its settings.
        query: The query in the present layer.
    """
    return LayerProgress(
        _prompt_bound(view, query.pool, query.request),
        first_wave=tuple(view.state["first_wave"]),
        draft=None if view.draft is None else view.draft["text"],
        boots={boot["candidate"]: boot["text"] for boot in view.survivors},
        answers={name: answer["text"] for name, answer in view.answers.items()},
        run=_run_of(view),
    )


def candidate_reservations(view: LayerView, pool: Pool, name: str, request: Request) -> BudgetReservations:
    """Return the budget of one candidate in a fan-out, for prompts with the tools and the schema of the request."""
    allowance = view.state["allowances"].get(name, UNLIMITED)
    return BudgetReservations(allowance, _prompt_bound(view, pool, request), _run_of(view))


def _prompt_bound(view: LayerView, pool: Pool, request: Request) -> PromptTokenBound:
    observed = {pool[name]: tokens for name, tokens in view.prompt_tokens.items()}
    return PromptTokenBound(view.messages, request.extras, observed)


def _limited(
    name: str, forecast: Forecast, remaining: RemainingBudget, need: Amount = NOTHING, rest: Amount = NOTHING
) -> tuple[Query, tuple[str, ...]]:
    """Reserve all but `rest` for the part; replace the part if it needs more."""
    allowance = minus(remaining.allowance, rest)
    progress = forecast.progress
    query = replace(forecast.query, reservations=BudgetReservations(allowance, progress.bound, progress.run))
    if fits(need, allowance):
        return query, ()
    note = f"{describe_replacement(name, query.settings)} ({remaining.describe(need + rest)})"
    return replace(query, settings=query.settings.model_copy(update={name: REPLACEMENTS[name]})), (note,)


def _first_wave(query: Query) -> tuple[str, ...]:
    """Return the first `width` in prior order. With `agree` a shared opinion boots once; the rest replace a failure."""
    names, opinions = list(query.prior_order), opinion_labels(query.pool.opinions)
    if query.settings.agree is not None:
        speakers = {opinions.get(name, name): name for name in reversed(names)}
        names = [name for name in names if speakers[opinions.get(name, name)] == name]
    return tuple(names[: query.settings.width])


def _answer_steps(most: int, *, has_answers: bool) -> list[tuple[int, bool]]:
    """Return how many candidates answer and whether merging is set aside, in order of preference."""
    if has_answers:
        return [(number, True) for number in range(most, 0, -1)]
    return [*((number, merged) for merged in (True, False) for number in range(most, 1, -1)), (1, True)]


def _answers_plan(
    selected: Sequence[str], needs: Mapping[str, Amount], allowances: Mapping[str, Allowance]
) -> FanOutPlan:
    out = [name for name in selected if name not in needs]
    return FanOutPlan(
        candidates=tuple(needs),
        allowances=allowances,
        reserved=reserved_spent(needs.values()),
        notes=(f"budget: not enough is left to query {', '.join(out)}",) if out else (),
        budget_exhausted=bool(out),
    )

"""Worst-case cost of the model calls that a run plans."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar, cast

from langchain_core.messages import AIMessage, AnyMessage

from lightrouter_graph.budget.amounts import NOTHING, Amount, cost_of, greatest
from lightrouter_graph.budget.reservations import MIN_REPLY_TOKENS, BudgetReservations, Reservation
from lightrouter_graph.budget.token_bounds import PromptTokenBound
from lightrouter_graph.context import Context
from lightrouter_graph.pool import Candidate
from lightrouter_graph.prompts import with_draft, with_schema, with_shared_boots
from lightrouter_graph.query import PlannedCall, Query, planned_calls
from lightrouter_graph.records import Allowance

Prompt = TypeVar("Prompt")

PLANNED_TOKENS = 1024
"""Tokens planned for a full answer without `max_tokens`; it gets more if the budget allows."""

_BYTES_PER_TOKEN = 6
"""Bytes of one output token in the prompt of another model.

English prose has 4 to 5, code and other scripts fewer; JSON quoting adds some. If a reply has more, the next plan uses
its true length before any call is sent.
"""


@dataclass(frozen=True, slots=True)
class LayerProgress:
    """Results of the present layer so far: what planning reads beside the `Query`.

    Attributes:
        bound: Upper bound on the tokens of prompts that begin with the conversation.
        first_wave: Candidates that boot, in prior order; empty for the first `width` of the prior order.
        draft: Merged text of the layer before; None in the first layer.
        boots: Text of each boot that did not fail, by candidate.
        answers: Text of each complete answer, finished boots included, by candidate.
        run: The run, if its thread has a budget.
        prompts: Cache of the prompts built while planning, so that each is built once for all degradation steps.
    """

    bound: PromptTokenBound
    first_wave: tuple[str, ...] = ()
    draft: str | None = None
    boots: Mapping[str, str] = field(default_factory=dict)
    answers: Mapping[str, str] = field(default_factory=dict)
    run: str | None = None
    prompts: dict[Hashable, Any] = field(default_factory=dict, compare=False, repr=False)

    def cached(self, key: Hashable, build: Callable[[], Prompt]) -> Prompt:
        """Return the prompt cached under everything that it depends on, or build it.

        Args:
            key: Everything that the prompt depends on.
            build: Function that returns the prompt; called for a new key only.
        """
        if key not in self.prompts:
            self.prompts[key] = build()
        return cast("Prompt", self.prompts[key])


def planned_answers(settings: Context) -> int:
    """Return how many full answers are planned; with `agree`, the stop rule selects more only if the budget allows.

    Args:
        settings: Settings of the run.
    """
    return settings.top_k if settings.agree is None else settings.agree


@dataclass(frozen=True, slots=True)
class Forecast:
    """Worst-case cost of the model calls of a run, from its present state to its end, under the settings of the query.

    Attributes:
        query: The query in the present layer.
        progress: Results of the present layer so far; `first_wave` is not empty.
        selector: The selector of the settings.
        aggregator: The aggregator of the settings.
    """

    query: Query
    progress: LayerProgress
    selector: object
    aggregator: object

    def layer(self) -> Amount:
        """Return the cost of all model calls from the beginning of the layer to the end of the run."""
        return sum(self.fan_out().values(), NOTHING) + self.after_fan_out()

    def fan_out(self) -> dict[str, Amount]:
        """Return the cost of each boot by candidate, prompt tokens included; a single candidate answers in full."""
        names = self.progress.first_wave
        if len(names) == 1:
            return {names[0]: self.answer(names[0])}
        return {name: self._call(self.query.pool[name], self._with_draft(), self._boot_cap) for name in names}

    def after_fan_out(self) -> Amount:
        """Return the cost of all model calls after the first fan-out of the layer, before its results are known."""
        names = self.progress.first_wave
        if len(names) == 1:
            wave = [*names, *self._without_boot][: planned_answers(self._settings)]
            return sum(map(self.answer, wave[1:]), self.merge(self._longest_answers(len(wave)), wave))
        boots = dict.fromkeys(names, _longest_reply(self._boot_cap))
        booted = replace(self, progress=replace(self.progress, boots=boots))
        return booted.selection() + booted.after_selection()

    def selection(self) -> Amount:
        """Return the cost of ranking the boots; a single boot is not ranked."""
        boots = list(self.progress.boots.values())
        return self._part(self.selector, boots, self.progress.first_wave) if len(boots) > 1 else NOTHING

    def after_selection(self) -> Amount:
        """Return the cost of all model calls after the ranking of the boots."""
        boots = self.progress.boots
        if not self.query.final:
            return self.merge(_longest(boots.values(), self._settings.top_k), list(boots)) + self.after_merge()
        wave = planned_answers(self._settings)
        # Candidates without a boot are queried only if too few have one.
        names = [*boots, *self._without_boot][: max(wave, len(boots))]
        spare = 0 if self._settings.agree is None else max(0, len(boots) - wave)  # boots that may be whole answers
        texts = [*self._longest_answers(min(wave, len(names))), *_longest(boots.values(), spare)]
        return greatest((self.answer(name) for name in names), wave) + self.merge(texts, names)

    def after_merge(self) -> Amount:
        """Return the cost of all model calls in the layers after the present one."""
        if self.query.final:
            return NOTHING
        layer = self.query.layer + 1
        query = replace(self.query, layer=layer, final=layer >= self._settings.layers)
        draft = _longest_reply(self._settings.max_tokens)
        return replace(self, query=query, progress=replace(self.progress, draft=draft, boots={}, answers={})).layer()

    def answer(self, name: str, max_tokens: int | None = None) -> Amount:
        """Return the cost of the full answer of one candidate: its longest prompt and `max_tokens`.

        Args:
            name: Name of the candidate.
            max_tokens: Cap on the answer in tokens; None for the cap of the settings.
        """
        return self._call(self.query.pool[name], self._answer_prompt(name), max_tokens)

    def merge(self, texts: Sequence[str], names: Sequence[str]) -> Amount:
        """Return the cost of merging texts; a single text is not merged.

        Args:
            texts: The answers or boots.
            names: The candidates one of which merges, if the aggregator has no model of its own.
        """
        return self._part(self.aggregator, texts, names) if len(texts) > 1 else NOTHING

    def merge_with(self, names: Sequence[str]) -> Amount:
        """Return the cost of merging the answers so far and those of the candidates that answer next.

        Args:
            names: Names of the candidates that are queried next.
        """
        texts = [*self.progress.answers.values(), *self._longest_answers(len(names))]
        merged = texts if self._settings.agree is not None else _longest(texts, self._settings.top_k)
        return self.merge(merged, [*self.progress.answers, *names])

    def short_answer(self, allowance: Allowance, names: Sequence[str]) -> tuple[str, Reservation] | None:
        """Return the first candidate for which at least a short answer fits, and the reservation of its call.

        Args:
            allowance: What is left of each limit.
            names: Names of candidates, in the order in which they are tried.
        """
        wanted, extras = self._settings.max_tokens or PLANNED_TOKENS, self.query.request.extras
        for name in names:
            budget = BudgetReservations(allowance, self.progress.bound)
            reservation = budget.reserve(self.query.pool[name], self._answer_prompt(name), wanted, extras=extras)
            if reservation is not None:
                return name, reservation
        return None

    def shortest_answers(self, names: Sequence[str]) -> dict[str, Amount]:
        """Return the cost of the shortest answer that `short_answer` accepts, by candidate.

        Args:
            names: Names of candidates.
        """
        shortest = min(MIN_REPLY_TOKENS, self._settings.max_tokens or MIN_REPLY_TOKENS)
        return {name: self.answer(name, shortest) for name in names}

    def planned(self, part: object, texts: Sequence[str] = ("", "")) -> Sequence[PlannedCall]:
        """Return the model calls that the selector or the aggregator plans, from the cache where possible.

        Args:
            part: The selector or the aggregator.
            texts: The boots or answers; by default two, to find out whether it calls models at all.
        """
        key = id(part), self.query.final, self._settings.max_tokens, tuple(texts)
        return self.progress.cached(key, lambda: planned_calls(part, self.query, texts))

    def _part(self, part: object, texts: Sequence[str], names: Sequence[str]) -> Amount:
        """Add up the planned calls of a part; each is made by its own candidate, or by one of `names`."""
        cost = NOTHING
        for call in self.planned(part, texts):
            able = [self.query.pool[name] for name in names] if call.candidate is None else [call.candidate]
            cost += greatest((self._call(one, call.messages, call.max_tokens, call.extras) for one in able), 1)
        return cost

    def _call(
        self,
        candidate: Candidate,
        messages: Sequence[AnyMessage],
        max_tokens: int | None,
        extras: Sequence[Mapping[str, Any]] | None = None,
    ) -> Amount:
        prompt = self.progress.bound.bound(candidate, messages, self.query.request.extras if extras is None else extras)
        return cost_of(candidate.price, prompt, max_tokens or self._settings.max_tokens or PLANNED_TOKENS)

    def _answer_prompt(self, name: str) -> list[AnyMessage]:
        boots, candidate = self.progress.boots, self.query.pool[name]
        if self._settings.conditioning == "shared" and min(len(boots), self._settings.top_k) > 1:
            return self._with_draft(tuple(_longest(boots.values(), self._settings.top_k)))
        able = candidate.continuation is not None and self._settings.calls.continuation == "auto"
        begun = [AIMessage(boots[name])] if name in boots and able and self.query.request.continues else []
        return [*self._with_draft(), *begun]

    def _with_draft(self, shared: tuple[str, ...] = ()) -> list[AnyMessage]:
        """Return the conversation with the draft, shared boots, and the schema as text, as some candidates get it."""
        return self.progress.cached((self.progress.draft, shared), lambda: self._build(shared))

    def _build(self, shared: tuple[str, ...]) -> list[AnyMessage]:
        messages = with_shared_boots(with_draft(self.query.messages, self.progress.draft), shared)
        schema = self.query.request.schema
        return messages if schema is None else with_schema(messages, schema.name, schema.schema)

    def _longest_answers(self, number: int) -> list[str]:
        return [_longest_reply(self._settings.max_tokens)] * number

    @property
    def _settings(self) -> Context:
        return self.query.settings

    @property
    def _boot_cap(self) -> int:
        return min(self._settings.boot_tokens, self._settings.max_tokens or self._settings.boot_tokens)

    @property
    def _without_boot(self) -> list[str]:
        return [name for name in self.query.prior_order if name not in self.progress.first_wave]


def _longest(texts: Iterable[str], number: int) -> list[str]:
    return sorted(texts, key=len, reverse=True)[:number]


def _longest_reply(max_tokens: int | None) -> str:
    return "x" * _BYTES_PER_TOKEN * (PLANNED_TOKENS if max_tokens is None else max_tokens)

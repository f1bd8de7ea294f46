"""What is still to come in a run, in the worst case."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage

from lightrouter_graph.budget import Amount, Purse, Ruler, cost_of
from lightrouter_graph.budget.amounts import greatest, total
from lightrouter_graph.context import Context
from lightrouter_graph.llm.request import Request
from lightrouter_graph.pool import Candidate, Pool
from lightrouter_graph.prompts import with_draft, with_schema, with_shared_boots
from lightrouter_graph.query import Query
from lightrouter_graph.state import State, Task
from lightrouter_graph.state_queries import observed_lengths

PLANNED_TOKENS = 1024
"""How long a full answer is planned to be at least, where nothing limits it."""

TOKEN_BYTES = 6
"""How many bytes a token of a reply has when it is shown to another model.

English prose has 4 to 5 with the tokenizers of today, code and other scripts fewer; quoting as JSON adds some. Where a
reply has more, what comes after it is planned anew with its true length before it is paid for.
"""


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """A call that a selector or an aggregator may make.

    Attributes:
        candidate: Whom it asks; None for whichever candidate is ranked first.
        messages: All it sends.
        max_tokens: Cap on the reply; None for the cap of a full answer.
        extras: Tools and schemas sent beside.
    """

    candidate: Candidate | None
    messages: Sequence[AnyMessage]
    max_tokens: int | None
    extras: Sequence[Mapping[str, Any]] = ()


def planned_calls(part: object, query: Query, texts: Sequence[str]) -> Sequence[PlannedCall]:
    """Return the calls a selector or an aggregator may make at most.

    One that calls models says so by a method `planned(query, texts)`, the texts being as long as they may get; one
    without it is planned to make none, and what it asks for all the same is paid from what is left over.
    """
    planned = getattr(part, "planned", None)
    return () if planned is None else planned(query, texts)


def longest(tokens: int | None) -> str:
    """Return a text as long as a reply of so many tokens may be."""
    return "x" * TOKEN_BYTES * (PLANNED_TOKENS if tokens is None else tokens)


def extras_of(request: Request) -> list[Mapping[str, Any]]:
    """Return the tools and the schema that go with every call of a request."""
    return [*request.tools, *([request.schema.schema] if request.schema is not None else [])]


def draft_of(state: State) -> str | None:
    """Return the draft of the layer before; None in the first."""
    return state["drafts"][-1]["text"] if state["drafts"] else None


def observed_in(state: State, pool: Pool) -> dict[Candidate, int]:
    """Return what the boots of the first layer said of the length of the conversation, by candidate."""
    return {pool[name]: length for name, length in observed_lengths(state).items()}


def purse_of(task: Task, candidate: Candidate, request: Request) -> Purse:
    """Return what a task may spend, with what is known of the length of its prompt."""
    observed = {} if task["observed"] is None else {candidate: task["observed"]}
    return Purse(task["allowance"], Ruler(task["messages"], extras_of(request), observed))


def wave_of(settings: Context) -> int:
    """Return how many answer in full for sure; with `agree`, more may follow while there is enough left."""
    return settings.top_k if settings.agree is None else settings.agree


@dataclass(frozen=True, slots=True)
class Parts:
    """The selectors and aggregators of a graph, by the names under which the settings ask for them."""

    selectors: Mapping[str, object]
    aggregators: Mapping[str, object]

    def forecast(self, query: Query, booting: Sequence[str], ruler: Ruler) -> "Forecast":
        """Look ahead with the parts that the settings of a query ask for."""
        selector, aggregator = self.selectors[query.settings.selector], self.aggregators[query.settings.aggregator]
        return Forecast(query, tuple(booting), selector, aggregator, ruler)


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a run takes at most, step by step, under the settings of its query.

    Attributes:
        query: The query; its layer is the one the forecast begins with.
        booting: Who boots in each layer.
        selector: Ranks the boots.
        aggregator: Merges.
        ruler: Measures prompts.
    """

    query: Query
    booting: tuple[str, ...]
    selector: object
    aggregator: object
    ruler: Ruler

    def fan_out(self, draft: str | None) -> dict[str, Amount]:
        """Return what the boots of a layer take, by candidate, or the one answer where nobody else boots."""
        if len(self.booting) == 1:
            return {name: self.answer(name, draft, {}) for name in self.booting}
        messages, cap = with_draft(self.query.messages, draft), self._boot_cap
        return {name: self._call(self.query.pool[name], self._as_sent(messages), cap) for name in self.booting}

    def from_layer(self, layer: int, draft: str | None) -> Amount:
        """Return what everything from the beginning of a layer on takes."""
        return total(self.fan_out(draft).values()) + self.after_fan_out(layer, draft)

    def after_fan_out(self, layer: int, draft: str | None) -> Amount:
        """Return what comes after the boots of a layer."""
        if len(self.booting) == 1:
            wave = self._contenders[: wave_of(self._settings)]
            answers = total(self.answer(name, draft, {}) for name in wave[1:])
            return answers + self._merged_answers(len(wave), wave)
        boots = {name: longest(self._boot_cap) for name in self.booting}
        return self.selection(layer, list(boots.values())) + self.after_selection(layer, draft, boots)

    def selection(self, layer: int, boots: Sequence[str]) -> Amount:
        """Return what ranking boots takes; one needs no ranking."""
        if len(boots) < 2:
            return Amount()
        return self._calls(planned_calls(self.selector, self._in_layer(layer), boots), self.booting)

    def after_selection(self, layer: int, draft: str | None, boots: Mapping[str, str]) -> Amount:
        """Return what comes after the boots of a layer were ranked.

        Args:
            layer: The layer.
            draft: The draft of the layer before.
            boots: What each candidate booted, or a text of the length it may get.
        """
        if layer < self._settings.layers:
            chosen = self._longest_of(boots.values(), self._settings.top_k)
            return self.merge(layer, chosen, list(boots)) + self.after_merge(layer)
        wave = wave_of(self._settings)
        # Who did not boot is asked only where there are not enough who did.
        names = [*boots, *self._fresh][: max(wave, len(boots))]
        answers = greatest((self.answer(name, draft, boots) for name in names), wave)
        spare = 0 if self._settings.agree is None else max(0, len(boots) - wave)
        others = self._longest_of(boots.values(), spare)
        return answers + self._merged_answers(min(wave, len(names)), names, others)

    def after_merge(self, layer: int) -> Amount:
        """Return what comes after the merging of an inner layer; nothing after the last."""
        if layer >= self._settings.layers:
            return Amount()
        return self.from_layer(layer + 1, longest(self._settings.max_tokens))

    def answer(self, name: str, draft: str | None, boots: Mapping[str, str]) -> Amount:
        """Return what the full answer of a candidate takes."""
        return self._call(self.query.pool[name], self.answer_prompt(name, draft, boots), None)

    def answer_prompt(self, name: str, draft: str | None, boots: Mapping[str, str]) -> list[AnyMessage]:
        """Return the longest of the prompts a candidate may get for its full answer."""
        messages = with_draft(self.query.messages, draft)
        shared = self._longest_of(boots.values(), self._settings.top_k)
        if self._settings.conditioning == "shared" and len(shared) > 1:
            return self._as_sent(with_shared_boots(messages, shared))
        if name in boots and self._may_continue(self.query.pool[name]):
            return [*self._as_sent(messages), AIMessage(boots[name])]
        return self._as_sent(messages)

    def merge(self, layer: int, texts: Sequence[str], names: Sequence[str]) -> Amount:
        """Return what merging texts takes, by whichever of some candidates; one text needs no merging."""
        if len(texts) < 2:
            return Amount()
        return self._calls(planned_calls(self.aggregator, self._in_layer(layer), texts), names)

    def _merged_answers(self, number: int, names: Sequence[str], others: Sequence[str] = ()) -> Amount:
        texts = [longest(self._settings.max_tokens)] * number
        return self.merge(self._settings.layers, [*texts, *others], names)

    def _calls(self, calls: Sequence[PlannedCall], names: Sequence[str]) -> Amount:
        return total(self._planned(call, names) for call in calls)

    def _planned(self, call: PlannedCall, names: Sequence[str]) -> Amount:
        asked = [call.candidate] if call.candidate is not None else [self.query.pool[name] for name in names]
        return greatest((self._call(one, call.messages, call.max_tokens, call.extras) for one in asked), 1)

    def _call(
        self,
        candidate: Candidate,
        messages: Sequence[AnyMessage],
        cap: int | None,
        extras: Sequence[Mapping[str, Any]] | None = None,
    ) -> Amount:
        prompt = self.ruler.bound(candidate, messages, extras_of(self.query.request) if extras is None else extras)
        return cost_of(candidate.price, prompt, cap or self._settings.max_tokens or PLANNED_TOKENS)

    def _as_sent(self, messages: Sequence[AnyMessage]) -> list[AnyMessage]:
        """Add the schema in words, which some candidates are sent."""
        schema = self.query.request.schema
        return list(messages) if schema is None else with_schema(messages, schema.name, schema.schema)

    def _may_continue(self, candidate: Candidate) -> bool:
        able = candidate.continuation is not None and self._settings.continuation == "auto"
        return able and self.query.request.continues

    def _in_layer(self, layer: int) -> Query:
        return replace(self.query, layer=layer, final=layer >= self._settings.layers)

    def _longest_of(self, texts: Iterable[str], number: int) -> list[str]:
        return sorted(texts, key=len, reverse=True)[:number]

    @property
    def _settings(self) -> Context:
        return self.query.settings

    @property
    def _boot_cap(self) -> int:
        return min(self._settings.boot_tokens, self._settings.max_tokens or self._settings.boot_tokens)

    @property
    def _fresh(self) -> list[str]:
        return [name for name in self.query.order if name not in self.booting]

    @property
    def _contenders(self) -> list[str]:
        return [*self.booting, *self._fresh]

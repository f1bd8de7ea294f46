"""LightRouter as an evaluation method: the compiled graph with one set of settings."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

from langchain_core.messages import AIMessage, HumanMessage
from langgraph.graph.state import CompiledStateGraph

from lightrouter_graph.aggregators import Aggregator, AutoAggregator, LLMAggregator, VoteAggregator
from lightrouter_graph.answer_keys import default_key
from lightrouter_graph.context import Calls, Context
from lightrouter_graph.errors import ContextError, EvaluationError, checked_choices
from lightrouter_graph.evaluation.methods.base import Fitted, Need, Reply, Setting
from lightrouter_graph.evaluation.methods.history import by_history
from lightrouter_graph.evaluation.methods.moa import VOTE_FOR_WRITER
from lightrouter_graph.evaluation.methods.oracle import OracleSelector
from lightrouter_graph.evaluation.questions import Question, seed_of
from lightrouter_graph.evaluation.records import Route, RouteBoot
from lightrouter_graph.graph import create_lightrouter
from lightrouter_graph.nodes.decision_record import CandidateRecord, Decision, decision_of
from lightrouter_graph.pool import Candidate, Pool
from lightrouter_graph.selectors import LLMSelector, Selector
from lightrouter_graph.telemetry.events import BootDone

Order = Literal["history", "price"]
Merger = Literal["vote", "writer"]


@checked_choices(EvaluationError)
@dataclass(frozen=True, slots=True)
class LightRouter:
    """LightRouter with one `Context`.

    Attributes:
        name: Identifier in results and on the command line.
        label: Text for tables and plots.
        context: The settings of the graph.
        order: Prior order of the pool: by mean score in the history, or by output price, highest first.
        merger: A vote, or the writer of the setting wherever the aggregator of the context calls a model.
        oracle: True if the selector reads the recorded scores: an upper bound of any selector.
    """

    name: str
    label: str
    context: Context
    order: Order = "history"
    merger: Merger = "vote"
    oracle: bool = False

    @property
    def needs(self) -> frozenset[Need]:
        """History for the order by history or the oracle; a judge for the LLM selector."""
        history: frozenset[Need] = frozenset({"history"} if self.order == "history" or self.oracle else ())
        return history | {"judge"} if self.context.selector == "llm" else history

    def fit(self, setting: Setting) -> Fitted:
        """Sort the pool and compile the graph."""
        truth: dict[str, Mapping[str, float]] = {}
        context = self.context
        if context.max_tokens is None and setting.max_tokens is not None:
            context = context.model_copy(update={"max_tokens": setting.max_tokens})
        graph = create_lightrouter(
            _ordered(setting, self.order),
            selector=_selector(setting, truth if self.oracle else None),
            aggregator=_aggregator(self, setting),
            context=context,
        ).compile()
        stand_in = VOTE_FOR_WRITER if self.merger == "writer" and setting.writer_is_stub else ""
        return _Fitted(graph, truth if self.oracle else None, setting, stand_in)


@dataclass(frozen=True, slots=True)
class _Fitted:
    graph: CompiledStateGraph[Any, Any, Any, Any]
    truth: dict[str, Mapping[str, float]] | None
    setting: Setting
    stand_in: str

    async def answer(self, question: Question) -> Reply:
        """Run the graph once and record its boots, first token and decision."""
        if self.truth is not None:
            self.truth[question.text] = {name: output.score or 0.0 for name, output in question.outputs.items()}
        boots: list[BootDone] = []
        first_token_s: float | None = None
        messages: Sequence[Any] = ()
        stream = self.graph.astream(
            {"messages": [HumanMessage(question.text)]},
            context={"seed": seed_of(self.setting.seed, question.id)},
            stream_mode=["messages", "custom", "values"],
        )
        async for mode, chunk in cast("AsyncIterator[tuple[str, Any]]", stream):
            if mode == "values":
                messages = chunk["messages"]
            elif mode == "custom" and chunk.get("event") == "boot":
                boots.append(cast("BootDone", chunk))
            elif mode == "messages" and first_token_s is None and str(chunk[0].text):
                first_token_s = self.setting.now()
        answer = messages[-1]
        assert isinstance(answer, AIMessage)
        decision = decision_of(answer)
        assert decision is not None
        text = str(answer.text)
        return Reply(
            text=text,
            chosen=None if decision["merged"] == "synthesis" else decision["merged_by"],
            confidence=_confidence(decision, default_key(text, question.text)),
            first_token_s=first_token_s,
            route=_route_of(decision, boots),
            stand_in=self.stand_in,
        )


def _route_of(decision: Decision, boots: Sequence[BootDone]) -> Route:
    """Return the route of a run: the boots of the last layer (they replace earlier ones), and the agreement."""
    agreement, last = decision["agreement"], {boot["candidate"]: boot for boot in boots}
    booted = [record for record in decision["candidates"] if record["candidate"] in last]
    return {
        "boots": [_boot(record, last[record["candidate"]]) for record in booted],
        "kept": [record["candidate"] for record in decision["candidates"] if record["outcome"] == "answered"],
        "selector": decision["selector"],
        "agreed": 0 if agreement is None else agreement["agreed"],
        "answered": 0 if agreement is None else agreement["answered"],
        "stopped": decision["stopped_text"],
        "merged": decision["merged"],
    }


def _boot(record: CandidateRecord, boot: BootDone) -> RouteBoot:
    return {
        "candidate": record["candidate"],
        "text": boot["text"],
        "characters": len(boot["text"]),
        "tokens": boot["output_tokens"],
        "finished": boot["finished"],
        "score": record["score"],
        "prior": record["prior"],
        "answer": record["key"],
        "kept": record["outcome"] == "answered",
        "why": record["why"] or record["reason"],
    }


def _confidence(decision: Decision, key: str | None) -> float | None:
    """Return the share of the answers with the key of the returned answer; None if answers have no keys."""
    agreement = decision["agreement"]
    if agreement is None or not agreement["answered"] or key is None:
        return None
    return min(1.0, len(agreement["groups"].get(key, ())) / agreement["answered"])


def _ordered(setting: Setting, order: Order) -> Pool:
    if order == "history":
        return Pool(by_history(setting)) if setting.history else setting.pool
    prices = {c.name: 0.0 if c.price is None else c.price.output for c in setting.pool}
    by_price: list[Candidate] = sorted(setting.pool, key=lambda candidate: -prices[candidate.name])
    return Pool(by_price)


def _selector(setting: Setting, truth: Mapping[str, Mapping[str, float]] | None) -> Selector | None:
    if truth is not None:
        return OracleSelector(lambda question, name: truth[question][name])
    return LLMSelector(setting.judge) if setting.judge is not None else None


def _aggregator(method: LightRouter, setting: Setting) -> Aggregator:
    if method.merger == "vote" or setting.writer is None:
        return VoteAggregator()
    merging = LLMAggregator(setting.writer)
    return merging if method.context.aggregator == "llm" else AutoAggregator(synthesis=merging)


def _all_boot(selector: Any) -> Context:
    return Context(width=None, top_k=3, agree=None, selector=selector)


_DEFAULT = Context()
_MERGED = "LightRouter, default, a model merges if no vote decides"
_PAPER_SHAPE = "LightRouter, paper's shape, ranked by consistency"

LIGHTROUTERS: Mapping[str, LightRouter] = {
    method.name: method
    for method in (
        LightRouter("lightrouter", "LightRouter, default, a vote merges", _DEFAULT),
        LightRouter("lightrouter-merged", _MERGED, _DEFAULT, merger="writer"),
        LightRouter("lightrouter-cold", "LightRouter, no history (highest price first)", _DEFAULT, order="price"),
        LightRouter("lightrouter-32", "LightRouter, 32 boot tokens", Context(boot_tokens=32)),
        LightRouter("lightrouter-sequential", "LightRouter, one by one, no boots", Context(width=1)),
        LightRouter("lightrouter-paper", "LightRouter as in the paper", Context.paper(), merger="writer"),
        LightRouter(
            "lightrouter-paper-consistency", _PAPER_SHAPE, Context.paper(selector="consistency"), merger="writer"
        ),
        *(
            LightRouter(f"lightrouter-by-{selector}", f"all boot, ranked by {selector}", _all_boot(selector))
            for selector in ("consistency", "hybrid", "random", "llm")
        ),
        LightRouter("lightrouter-by-oracle", "all boot, ranked by an oracle", _all_boot("default"), oracle=True),
    )
}


def lightrouter_named(name: str, changes: str = "") -> LightRouter | None:
    """Return LightRouter by the name of a preset, as in `lightrouter:boot_tokens=64,top_k=3`; None for another name.

    Args:
        name: A preset of `LIGHTROUTERS`; after a colon, settings of `Context` or of `Context.calls`, separated by
            commas. `none` and `all` mean None.
        changes: Settings that the name does not have; the method keeps its name and label.

    Raises:
        EvaluationError: If a setting is unknown or its value is not allowed.
    """
    preset, _, written = name.partition(":")
    method = LIGHTROUTERS.get(preset)
    if method is None or not (written or changes):
        return method
    named = read_settings(written, name)
    settings = read_settings(changes, name) | named
    calls = {key: value for key, value in settings.items() if key in Calls.model_fields}
    own = {key: value for key, value in settings.items() if key not in calls}
    base = method.context.model_dump(exclude_unset=True)
    try:
        context = Context(**base | own | ({"calls": base.get("calls", {}) | calls} if calls else {}))
    except ContextError as exc:
        msg = f"method {preset!r}: {exc}"
        raise EvaluationError(msg) from exc
    texts = [f"{key} {'all' if value is None else value}" for key, value in named.items()]
    return replace(method, name=name, label=", ".join([method.label, *texts]), context=context)


def read_settings(text: str, name: str) -> dict[str, Any]:
    """Return the settings in a text such as `boot_tokens=16,top_k=all`; an error names the method."""
    return dict(_setting(change, name) for change in text.split(",")) if text else {}


def _setting(change: str, name: str) -> tuple[str, Any]:
    key, separator, value = change.partition("=")
    if not separator or not key.strip():
        msg = f"method {name!r}: a setting is written name=value, got {change!r}"
        raise EvaluationError(msg)
    text = value.strip()
    return key.strip(), None if text.lower() in {"none", "all"} else int(text) if text.isdecimal() else text

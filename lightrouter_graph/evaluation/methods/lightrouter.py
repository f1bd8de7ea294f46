"""LightRouter itself, in any setting: the compiled graph, asked as any caller asks it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

from langchain_core.messages import AIMessage, HumanMessage
from langgraph.graph.state import CompiledStateGraph

from lightrouter_graph.aggregators import Aggregator, AutoAggregator, LLMAggregator, VoteAggregator
from lightrouter_graph.answer_keys import default_key
from lightrouter_graph.context import Context
from lightrouter_graph.errors import ContextError, EvaluationError
from lightrouter_graph.evaluation.methods.base import Fitted, Need, Reply, Setting
from lightrouter_graph.evaluation.methods.moa import VOTES_FOR_WRITER
from lightrouter_graph.evaluation.methods.oracle_selector import OracleSelector
from lightrouter_graph.evaluation.questions import Question, mean_scores, seed_of
from lightrouter_graph.evaluation.records import Route, RouteBoot
from lightrouter_graph.graph import create_lightrouter
from lightrouter_graph.nodes.decision_record import CandidateRecord, Decision
from lightrouter_graph.pool import Candidate, Pool
from lightrouter_graph.selectors import LLMSelector, Selector
from lightrouter_graph.telemetry.events import BootDone

Order = Literal["pool", "history", "price"]
"""Whom the pool trusts most: whoever stands first, was right most often on other questions, or is dearest."""

Merger = Literal["vote", "writer"]
"""Who merges: a vote alone, or the setting's writer wherever the context's aggregator wants one."""


_WRITTEN_ANEW = frozenset({"synthesis"})


@dataclass(frozen=True, slots=True)
class LightRouter:
    """One setting of LightRouter.

    Attributes:
        name: As in results and on the command line.
        label: For tables and plots.
        context: The settings.
        order: Who comes first in the pool.
        merger: Who merges.
        oracle: Whether the selector knows the recorded scores: an upper bound of any selector.
        note: What stands in for what, in a replay; "" for nothing.
    """

    name: str
    label: str
    context: Context
    order: Order = "history"
    merger: Merger = "vote"
    oracle: bool = False
    note: str = ""

    @property
    def needs(self) -> frozenset[Need]:
        """History for the order by history; a judge for the LLM selector."""
        wants: dict[Need, bool] = {
            "history": self.order == "history" or self.oracle,
            "judge": self.context.selector == "llm",
        }
        return frozenset(need for need, wanted in wants.items() if wanted)

    def fit(self, setting: Setting) -> Fitted:
        """Order the pool and compile the graph."""
        pool = _ordered(setting, self.order)
        truth: dict[str, Mapping[str, float]] = {}
        graph = create_lightrouter(
            pool,
            selector=_selector(self, setting, truth),
            aggregator=_aggregator(self, setting),
            context=_capped(self.context, setting),
        ).compile()
        return _Routed(graph, truth if self.oracle else None, setting, self.note if setting.stands_in else "")


@dataclass(frozen=True, slots=True)
class _Routed:
    graph: CompiledStateGraph[Any, Any, Any, Any]
    truth: dict[str, Mapping[str, float]] | None
    setting: Setting
    note: str

    async def answer(self, question: Question) -> Reply:
        """Run the graph once."""
        if self.truth is not None:
            self.truth[question.text] = {name: output.score or 0.0 for name, output in question.outputs.items()}
        boots: list[BootDone] = []
        first_token_s: float | None = None
        messages: Sequence[Any] = ()
        asked = {"messages": [HumanMessage(question.text)]}
        context = {"seed": seed_of(self.setting.seed, question.id)}
        stream = self.graph.astream(asked, context=context, stream_mode=["messages", "custom", "values"])
        async for mode, told in cast("AsyncIterator[tuple[str, Any]]", stream):
            if mode == "values":
                messages = told["messages"]
            elif mode == "custom" and told.get("event") == "boot":
                boots.append(cast("BootDone", told))
            elif mode == "messages" and first_token_s is None and str(told[0].text):
                first_token_s = self.setting.now()
        answer = messages[-1]
        assert isinstance(answer, AIMessage)
        decision: Decision = answer.response_metadata["lightrouter"]
        text = str(answer.text)
        return Reply(
            text=text,
            chosen=None if decision["merged"] in _WRITTEN_ANEW else decision["merged_by"],
            confidence=_confidence(decision, default_key(text, question.text)),
            first_token_s=first_token_s,
            route=route_of(decision, boots),
            stand_in=self.note,
        )


def route_of(decision: Decision, boots: Sequence[BootDone]) -> Route:
    """Keep of a run what its reader wants to see: the boots of the last layer, with what became of each."""
    agreement = decision["agreement"]
    last = {boot["candidate"]: boot for boot in boots}  # a later layer's boot takes the place of an earlier one's
    return {
        "boots": [
            _boot(record, last[record["candidate"]]) for record in decision["candidates"] if _booted(record, last)
        ],
        "kept": [record["candidate"] for record in decision["candidates"] if record["fate"] == "answered"],
        "selector": decision["selector"],
        "agreed": 0 if agreement is None else agreement["agreed"],
        "answered": 0 if agreement is None else agreement["answered"],
        "stopped": decision["stopped"],
        "merged": decision["merged"],
    }


def _booted(record: CandidateRecord, boots: Mapping[str, BootDone]) -> bool:
    return record["candidate"] in boots


def _boot(record: CandidateRecord, boot: BootDone) -> RouteBoot:
    return {
        "candidate": record["candidate"],
        "text": boot["text"],
        "characters": len(boot["text"]),
        "tokens": boot["output_tokens"],
        "finished": boot["finished"],
        "score": record["score"],
        "prior": record["prior"],
        "answer": record["answer"],
        "kept": record["fate"] == "answered",
        "why": record["why"] or record["reason"],
    }


def _confidence(decision: Decision, key: str | None) -> float | None:
    """Return the share of the answers that gave the answer chosen; None where answers cannot be compared."""
    agreement = decision["agreement"]
    if agreement is None or not agreement["answered"] or key is None:
        return None
    return len(agreement["groups"].get(key, ())) / agreement["answered"]


def _ordered(setting: Setting, order: Order) -> Pool:
    if order == "pool" or (order == "history" and not setting.history):
        return setting.pool
    if order == "history":
        trust = mean_scores(setting.history, setting.pool.names)
    else:
        trust = {c.name: 0.0 if c.price is None else c.price.output for c in setting.pool}
    by_trust: list[Candidate] = sorted(setting.pool, key=lambda candidate: -trust[candidate.name])
    return Pool(by_trust)


def _selector(method: LightRouter, setting: Setting, truth: Mapping[str, Mapping[str, float]]) -> Selector | None:
    if method.oracle:
        return OracleSelector(lambda question, name: truth[question][name])
    return LLMSelector(setting.judge) if setting.judge is not None else None


def _aggregator(method: LightRouter, setting: Setting) -> Aggregator:
    if method.merger == "vote" or setting.writer is None:
        return VoteAggregator()
    written = LLMAggregator(setting.writer)
    return written if method.context.aggregator == "llm" else AutoAggregator(synthesis=written)


def _capped(context: Context, setting: Setting) -> Context:
    if setting.max_tokens is None or context.max_tokens is not None:
        return context
    return context.model_copy(update={"max_tokens": setting.max_tokens})


def _all_boot(selector: str, **settings: Any) -> Context:
    return Context(**{"width": None, "top_k": 3, "agree": None, "selector": selector} | settings)


LIGHTROUTERS: Mapping[str, LightRouter] = {
    method.name: method
    for method in (
        LightRouter("lightrouter", "LightRouter, default, a vote merges", Context()),
        LightRouter(
            "lightrouter-merged",
            "LightRouter, default, a model merges where no vote settles",
            Context(),
            merger="writer",
            note=VOTES_FOR_WRITER,
        ),
        LightRouter("lightrouter-cold", "LightRouter, no history (dearest first)", Context(), order="price"),
        LightRouter("lightrouter-32", "LightRouter, 32 boot tokens", Context(boot_tokens=32)),
        LightRouter("lightrouter-sequential", "LightRouter, one by one, no boots", Context(width=1)),
        LightRouter(
            "lightrouter-paper",
            "LightRouter as in the paper",
            Context.paper(),
            merger="writer",
            note=VOTES_FOR_WRITER,
        ),
        LightRouter(
            "lightrouter-paper-consistency",
            "LightRouter, paper's shape, ranked by consistency",
            Context.paper(selector="consistency"),
            merger="writer",
            note=VOTES_FOR_WRITER,
        ),
        *(
            LightRouter(f"lightrouter-by-{selector}", f"all boot, ranked by {selector}", _all_boot(selector))
            for selector in ("consistency", "hybrid", "random", "llm")
        ),
        LightRouter("lightrouter-by-oracle", "all boot, ranked by an oracle", _all_boot("default"), oracle=True),
    )
}


def lightrouter_named(name: str) -> LightRouter | None:
    """Return a setting by name: a preset, or a preset and changes, as in `lightrouter:boot_tokens=64,top_k=3`.

    Returns:
        The method; None where the name is not one of LightRouter's.

    Raises:
        EvaluationError: If a change is not a setting, or not allowed.
    """
    preset, _, changes = name.partition(":")
    method = LIGHTROUTERS.get(preset)
    if method is None or not changes:
        return method
    told = dict(_setting(change, name) for change in changes.split(","))
    try:
        context = Context(**method.context.model_dump(exclude_unset=True) | told)
    except ContextError as exc:
        msg = f"method {preset!r}: {exc}"
        raise EvaluationError(msg) from exc
    label = ", ".join([method.label, *(f"{key} {'all' if value is None else value}" for key, value in told.items())])
    return replace(method, name=name, label=label, context=context)


def _setting(change: str, name: str) -> tuple[str, Any]:
    key, separator, value = change.partition("=")
    if not separator or not key.strip():
        msg = f"method {name!r}: a change is written setting=value, got {change!r}"
        raise EvaluationError(msg)
    written = value.strip()
    return key.strip(), None if written.lower() in {"none", "all"} else int(written) if written.isdecimal() else written


def with_changes(name: str, changes: str) -> str:
    """Lay settings over a method by its name; what it sets itself stays, as does what is not LightRouter.

    >>> with_changes("lightrouter", "boot_tokens=16")
    'lightrouter:boot_tokens=16'
    >>> with_changes("lightrouter:boot_tokens=64", "boot_tokens=16,top_k=3")
    'lightrouter:boot_tokens=64,top_k=3'
    >>> with_changes("majority", "boot_tokens=16")
    'majority'
    """
    preset, _, own = name.partition(":")
    if preset not in LIGHTROUTERS and not preset.startswith("corrupted-"):
        return name
    settled = {_key(change) for change in own.split(",")}
    added = [change for change in changes.split(",") if change and _key(change) not in settled]
    return f"{preset}:{','.join(filter(None, [own, *added]))}" if added else name


def _key(change: str) -> str:
    return change.partition("=")[0].strip()

"""What a tracer is told beyond what LangChain tells it by itself: the verdicts of a run, and feedback on its answer.

Tracing off costs one look at a context variable. LangSmith is imported when first needed, not before.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from langchain_core.messages import BaseMessage
from langchain_core.runnables.config import RunnableConfig, ensure_config
from langchain_core.utils.uuid import uuid7
from typing_extensions import TypedDict

from lightrouter_graph.errors import LightRouterError
from lightrouter_graph.records import Ranking

if TYPE_CHECKING:
    from langsmith.run_trees import RunTree


CHAT_MODEL_KEY = "lightrouter_face"
"""Metadata of a run behind a chat model: "stream" where its tokens are asked for, else "reply"."""


T = TypeVar("T")


class Trace(TypedDict):
    """Where LangSmith keeps a run: the run of the graph, the trace around it (the same unless nested), the project."""

    run: str
    trace: str
    project: str


class Traced(TypedDict, total=False):
    """What the decision record of a traced run holds besides."""

    trace: Trace


def trace_ranking(ranking: Ranking, dropped: Mapping[str, str]) -> None:
    """Note on the node's run who was ranked where, and who was dropped and why."""
    if (run := _run_of_node()) is not None:
        facts = {"selector": ranking["selector"], "order": ranking["order"], "scores": ranking["scores"]}
        _add(run, {**facts, "dropped": dict(dropped)})


def trace_decision(decision: Mapping[str, Any]) -> Traced:
    """Note on the node's run what a decision record says of each candidate, why it stopped and what it cost.

    The cost goes by a name of ours: LangSmith adds `usage_metadata` of a node to that of the model calls below it,
    and would count everything twice (langsmith-sdk, pull request 3119).

    Returns:
        What to add to the record so that `feedback` finds the run; nothing when tracing is off.
    """
    run = _run_of_node()
    if run is None:
        return {}
    fates = {c["candidate"]: f"{c['fate']}: {c['why']}" if c["why"] else c["fate"] for c in decision["candidates"]}
    facts = {key: decision[key] for key in ("stopped", "merged", "merged_by")}
    _add(run, {**facts, "fates": fates, "usd": decision["bill"]["usd"], "usd_known": decision["bill"]["usd_known"]})
    graph = run.parent_run_id or run.trace_id
    return {"trace": {"run": str(graph), "trace": str(run.trace_id), "project": run.session_name or "default"}}


def feedback(
    answer: BaseMessage | UUID | str,
    *,
    score: float,
    key: str = "lightrouter_score",
    comment: str | None = None,
) -> None:
    """Send LangSmith a score for an answer. Asks for the project's id first, so it waits for the network.

    Args:
        answer: The answer of a traced run, or the id of a root run in the project that is traced to now.
        score: How good the answer was, by whatever measure `key` names.
        key: What was measured.
        comment: Anything to be known about it.

    Raises:
        LightRouterError: If the answer was not traced.
    """
    from langsmith.run_helpers import get_tracing_context  # noqa: PLC0415
    from langsmith.run_trees import get_cached_client  # noqa: PLC0415
    from langsmith.utils import get_tracer_project  # noqa: PLC0415

    context = get_tracing_context()
    if isinstance(answer, BaseMessage):
        where: Trace | None = answer.response_metadata.get("lightrouter", {}).get("trace")
    else:
        project = context["project_name"] or get_tracer_project() or "default"
        where = {"run": str(answer), "trace": str(answer), "project": project}
    if where is None:
        msg = "this answer was not traced, so there is no run to give feedback on"
        raise LightRouterError(msg)
    client = context["client"] or get_cached_client()
    client.flush()  # a project comes to be with its first run
    session = client.read_project(project_name=where["project"]).id
    client.create_feedback(where["run"], key, trace_id=where["trace"], session_id=session, score=score, comment=comment)


def chat_model_mode() -> str | None:
    """Say how the run we are in is looked at; None unless it stands behind a chat model."""
    return (ensure_config().get("metadata") or {}).get(CHAT_MODEL_KEY)


def counted_by_chat_model() -> bool:
    """Whether LangSmith hears the tokens of this run's calls from the chat model before it."""
    handlers = getattr(ensure_config().get("callbacks"), "handlers", ())
    return chat_model_mode() is not None and any(isinstance(handler, _tracer_class()) for handler in handlers)


async def traced_as_step(call: Callable[[RunnableConfig], Awaitable[T]], asked: Any, config: RunnableConfig) -> T:
    """Make a model call whose run in LangSmith is a step, not a model's: LangSmith adds up the tokens of all models.

    Args:
        call: Makes the call under a configuration.
        asked: What the run shows as its input.
        config: Name, tags and metadata of the run.
    """
    from langchain_core.runnables import RunnableLambda  # noqa: PLC0415 - only where something is traced
    from langsmith.run_helpers import tracing_context  # noqa: PLC0415

    async def step(_: Any) -> T:
        with tracing_context(enabled=False):
            return await call({"tags": config.get("tags") or []})

    reply: T = await RunnableLambda(step).ainvoke(asked, config)
    return reply


def _tracer_class() -> type:
    from langchain_core.tracers.langchain import LangChainTracer  # noqa: PLC0415 - only behind a chat model

    return LangChainTracer


@contextmanager
def ended_when_cancelled() -> Iterator[UUID]:
    """Give a model call an id for its run, and end that run if the call is cancelled.

    LangChain ends a run that fails, but not one that is cancelled or timed out: it would stay pending for ever.
    """
    run_id = uuid7()
    try:
        yield run_id
    except asyncio.CancelledError as exc:
        from langchain_core.tracers.base import BaseTracer  # noqa: PLC0415

        for tracer in getattr(ensure_config().get("callbacks"), "handlers", ()):
            if isinstance(tracer, BaseTracer) and str(run_id) in tracer.run_map:
                tracer.on_llm_error(exc, run_id=run_id)
        raise


def _run_of_node() -> "RunTree | None":
    """Return the run of the node we are in; None when nothing is traced."""
    from langsmith.run_helpers import get_current_run_tree  # noqa: PLC0415 - a tenth of a second to import
    from langsmith.utils import tracing_is_enabled  # noqa: PLC0415

    run = get_current_run_tree()
    # With tracing switched off inside a trace, the current run is one of the caller's.
    return run if run is not None and tracing_is_enabled() else None


def _add(run: "RunTree", facts: Mapping[str, Any]) -> None:
    run.add_metadata({f"lightrouter_{name}": fact for name, fact in facts.items()})

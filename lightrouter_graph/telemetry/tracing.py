"""LangSmith metadata of a run that LangChain does not send by itself, and feedback on its answer.

With tracing off, the cost is one context variable lookup. LangSmith is imported lazily.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import BaseMessage
from langchain_core.runnables.config import RunnableConfig, ensure_config
from langchain_core.utils.uuid import uuid7
from typing_extensions import TypedDict

from lightrouter_graph.errors import LightRouterError
from lightrouter_graph.records import Ranking

if TYPE_CHECKING:
    from langsmith.run_trees import RunTree


CHAT_MODEL_KEY = "lightrouter_chat_model"
"""Metadata key of a run behind a chat model: "stream" if its tokens are streamed, else "reply"."""

T = TypeVar("T")


class Trace(TypedDict):
    """Ids of a run in LangSmith: run of the graph, its trace (equal unless the graph is nested), and project name."""

    run: str
    trace: str
    project: str


def trace_ranking(ranking: Ranking, dropped: Mapping[str, str]) -> None:
    """Add a `ranking` and the reason per `dropped` candidate to the trace metadata of the node, if it is traced.

    Args:
        ranking: Scores and order of one layer.
        dropped: Reason by name of the candidate.
    """
    if (run := _run_of_node()) is not None:
        facts = {"selector": ranking["selector"], "order": ranking["order"], "scores": ranking["scores"]}
        _add(run, {**facts, "dropped": dict(dropped)})


def trace_decision(decision: Mapping[str, Any]) -> dict[str, Trace]:
    """Add the outcomes, the stop reason and the cost of a `decision` to the metadata of the node's run.

    The cost has its own keys: LangSmith adds `usage_metadata` of a node to that of the model calls below it, and would
    count the tokens twice (langsmith-sdk, pull request 3119).

    Args:
        decision: The decision record of the run.

    Returns:
        The keys to add to the record, so that `feedback` finds the run; empty with tracing off.
    """
    run = _run_of_node()
    if run is None:
        return {}
    outcomes = {
        c["candidate"]: f"{c['outcome']}: {c['why']}" if c["why"] else c["outcome"] for c in decision["candidates"]
    }
    facts = {key: decision[key] for key in ("stopped", "stopped_text", "merged", "merged_by")}
    cost = {key: decision["bill"][key] for key in ("usd", "usd_known")}
    _add(run, {**facts, "outcomes": outcomes, **cost})
    graph = run.parent_run_id or run.trace_id
    return {"trace": {"run": str(graph), "trace": str(run.trace_id), "project": run.session_name or "default"}}


def feedback(
    answer: BaseMessage | UUID | str,
    *,
    score: float,
    key: str = "lightrouter_score",
    comment: str | None = None,
) -> None:
    """Send a score for an answer to LangSmith. Blocks for two requests: it reads the id of the project first.

    Args:
        answer: The message of a traced run, or the id of a root run in the current tracing project.
        score: Score of the answer; its scale is yours.
        key: Name of the score in LangSmith.
        comment: Optional text beside the score.

    Raises:
        LightRouterError: If the answer was not traced.
    """
    from langsmith.run_helpers import get_tracing_context  # noqa: PLC0415
    from langsmith.run_trees import get_cached_client  # noqa: PLC0415
    from langsmith.utils import get_tracer_project  # noqa: PLC0415

    context = get_tracing_context()
    if isinstance(answer, BaseMessage):
        ids: Trace | None = answer.response_metadata.get("lightrouter", {}).get("trace")
    else:
        project = context["project_name"] or get_tracer_project() or "default"
        ids = {"run": str(answer), "trace": str(answer), "project": project}
    if ids is None:
        msg = "this answer was not traced, so it has no run to score: set LANGSMITH_TRACING=true before the run"
        raise LightRouterError(msg)
    client = context["client"] or get_cached_client()
    client.flush()  # a project is created with its first run
    session = client.read_project(project_name=ids["project"]).id
    client.create_feedback(ids["run"], key, trace_id=ids["trace"], session_id=session, score=score, comment=comment)


def chat_model_mode() -> str | None:
    """Return "stream" or "reply" for a run behind a chat model (see `CHAT_MODEL_KEY`); None for any other run."""
    return (ensure_config().get("metadata") or {}).get(CHAT_MODEL_KEY)


def counted_by_chat_model() -> bool:
    """Return True if the chat model around this run reports the tokens of its model calls to LangSmith."""
    if chat_model_mode() is None:
        return False
    from langchain_core.tracers.langchain import LangChainTracer  # noqa: PLC0415 - only behind a chat model

    return any(isinstance(handler, LangChainTracer) for handler in _handlers())


async def traced_as_step(call: Callable[[RunnableConfig], Awaitable[T]], prompt: Any, config: RunnableConfig) -> T:
    """Trace a model `call` as a chain run: LangSmith sums the tokens of all model runs, and would count them twice.

    `prompt` is the input of the run in the trace; `config` has its name, tags and metadata.
    """
    from langchain_core.runnables import RunnableLambda  # noqa: PLC0415 - only where something is traced
    from langsmith.run_helpers import tracing_context  # noqa: PLC0415

    async def step(_: Any) -> T:
        with tracing_context(enabled=False):
            return await call({"tags": config.get("tags") or []})

    reply: T = await RunnableLambda(step).ainvoke(prompt, config)
    return reply


@contextmanager
def ended_when_cancelled() -> Iterator[UUID]:
    """Provide the run id for the config of a model call, and end its trace run if the call is cancelled.

    LangChain ends the run of a failed call, but not of a cancelled or timed-out one, which would stay pending.
    """
    run_id = uuid7()
    try:
        yield run_id
    except asyncio.CancelledError as exc:
        from langchain_core.tracers.base import BaseTracer  # noqa: PLC0415

        for tracer in _handlers():
            if isinstance(tracer, BaseTracer) and str(run_id) in tracer.run_map:
                tracer.on_llm_error(exc, run_id=run_id)
        raise


def _handlers() -> Sequence[BaseCallbackHandler]:
    return getattr(ensure_config().get("callbacks"), "handlers", ())


def _run_of_node() -> "RunTree | None":
    """Return the trace run of the current node; None with tracing off."""
    from langsmith.run_helpers import get_current_run_tree  # noqa: PLC0415 - importing it takes 0.1 s
    from langsmith.utils import tracing_is_enabled  # noqa: PLC0415

    run = get_current_run_tree()
    # With tracing switched off inside of a trace, the current run is one of the caller.
    return run if run is not None and tracing_is_enabled() else None


def _add(run: "RunTree", facts: Mapping[str, Any]) -> None:
    run.add_metadata({f"lightrouter_{name}": fact for name, fact in facts.items()})

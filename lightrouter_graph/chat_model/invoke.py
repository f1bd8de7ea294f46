"""Runs the graph behind a chat model: inside of the caller's trace and thread, outside of its streams.

For streams, counters and callbacks a chat model is one model: its tokens and usage are reported once, those of the
models inside are not. LangGraph passes every handler of the surrounding run to a graph that is invoked inside a node.
So the run gets a context with tracers only.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import Context as Contextvars
from queue import SimpleQueue
from typing import Any, Literal

from langchain_core.callbacks import (
    AsyncCallbackManager,
    AsyncCallbackManagerForLLMRun,
    BaseCallbackHandler,
    BaseCallbackManager,
    CallbackManager,
    CallbackManagerForLLMRun,
    Callbacks,
)
from langchain_core.messages import BaseMessage
from langchain_core.runnables.config import RunnableConfig, ensure_config, set_config_context
from langchain_core.tracers.base import BaseTracer
from langgraph.runtime import get_runtime

from lightrouter_graph.chat_model.arguments import ChatCall
from lightrouter_graph.context import Context
from lightrouter_graph.runtime.event_loops import run_sync, start_soon
from lightrouter_graph.runtime.run_scope import REQUEST_KEY, STORE_KEY, THREAD_KEY
from lightrouter_graph.telemetry.events import enclosing_stream_writer, parent_stream_writer
from lightrouter_graph.telemetry.tracing import CHAT_MODEL_KEY

LLMRun = AsyncCallbackManagerForLLMRun | CallbackManagerForLLMRun | None
_STREAMED: dict[str, Any] = {"stream_mode": ["custom", "values"], "version": "v2"}


def invoke(graph: Any, messages: Sequence[BaseMessage], call: ChatCall, run: LLMRun) -> Mapping[str, Any]:
    """Run the compiled `graph` on a conversation to its end and return its state.

    `call` has the arguments of the call, `run` is the callback manager of the chat model's run.
    """
    with _behind(run, "reply") as context:
        state: Mapping[str, Any] = context.run(run_sync, _ainvoke, graph, messages, call)
        return state


async def ainvoke(graph: Any, messages: Sequence[BaseMessage], call: ChatCall, run: LLMRun) -> Mapping[str, Any]:
    """Run the graph to its end and return its state; see `invoke`."""
    with _behind(run, "reply") as context:
        return await asyncio.create_task(_ainvoke(graph, messages, call), context=context)


async def _ainvoke(graph: Any, messages: Sequence[BaseMessage], call: ChatCall) -> Mapping[str, Any]:
    state: Mapping[str, Any] = await graph.ainvoke({"messages": messages}, _config(graph, call), context=_context(call))
    return state


def _context(call: ChatCall) -> Context:
    """Lay the settings in the context of a surrounding graph, if there is one, over those of the call."""
    return call.context if parent_stream_writer.get() is None else call.context.overlaid(get_runtime().context)


def _config(graph: Any, call: ChatCall) -> RunnableConfig:
    given = {STORE_KEY: graph.store, THREAD_KEY: call.ids.get("thread_id"), "user_id": call.ids.get("user_id")}
    known = {name: value for name, value in given.items() if value is not None}
    return {"configurable": {REQUEST_KEY: call.request, **known}}


def stream(graph: Any, messages: Sequence[BaseMessage], call: ChatCall, run: LLMRun) -> Iterator[Mapping[str, Any]]:
    """Run the graph in the background loop and yield its events and states; closing the stream cancels the run."""
    parts: SimpleQueue[Mapping[str, Any] | None] = SimpleQueue()
    with _behind(run, "stream") as context:
        pumping = context.run(start_soon, _pump, graph, messages, call, parts.put)
        try:
            while (part := parts.get()) is not None:
                yield part
            pumping.result()
        finally:
            pumping.cancel()


async def astream(
    graph: Any, messages: Sequence[BaseMessage], call: ChatCall, run: LLMRun
) -> AsyncGenerator[Mapping[str, Any]]:
    """Run the graph and yield its events and states; closing the stream cancels the run."""
    parts: asyncio.Queue[Mapping[str, Any] | None] = asyncio.Queue()

    with _behind(run, "stream") as context:
        task = asyncio.create_task(_pump(graph, messages, call, parts.put_nowait), context=context)
        try:
            while (part := await parts.get()) is not None:
                yield part
            await task
        finally:
            task.cancel()
            await asyncio.wait({task})


async def _pump(
    graph: Any, messages: Sequence[BaseMessage], call: ChatCall, put: Callable[[Mapping[str, Any] | None], None]
) -> None:
    try:
        given = {"messages": messages}
        async for part in graph.astream(given, _config(graph, call), context=_context(call), **_STREAMED):
            put(part)
    finally:
        put(None)


@contextmanager
def _behind(run: LLMRun, face: Literal["reply", "stream"]) -> Iterator[Contextvars]:
    config = ensure_config()
    config["callbacks"] = _tracers(config.get("callbacks") if run is None else _below(run))
    config["metadata"] = {**(config.get("metadata") or {}), CHAT_MODEL_KEY: face}
    with set_config_context(config) as context:
        context.run(parent_stream_writer.set, enclosing_stream_writer())
        for variable, value in list(context.items()):
            # Handlers that LangChain reads from context variables, such as that of `get_usage_metadata_callback`.
            if isinstance(value, BaseCallbackHandler) and not _is_tracer(value):
                context.run(variable.set, None)
        yield context


def _below(run: AsyncCallbackManagerForLLMRun | CallbackManagerForLLMRun) -> BaseCallbackManager:
    """Make the graph's run a child of the chat model's; without a run, as in a stream, they are siblings."""
    kind = AsyncCallbackManager if isinstance(run, AsyncCallbackManagerForLLMRun) else CallbackManager
    below = kind(handlers=[], parent_run_id=run.run_id)
    below.set_handlers(run.inheritable_handlers)
    below.add_tags(run.inheritable_tags)
    below.add_metadata(run.inheritable_metadata)
    return below


def _tracers(callbacks: Callbacks) -> Callbacks:
    """Keep tracers; remove handlers that stream tokens or count usage."""
    if not isinstance(callbacks, BaseCallbackManager):
        return [handler for handler in callbacks or [] if _is_tracer(handler)]
    kept = callbacks.copy()
    for handler in [*kept.handlers, *kept.inheritable_handlers]:
        if not _is_tracer(handler):
            kept.remove_handler(handler)
    return kept


def _is_tracer(handler: BaseCallbackHandler) -> bool:
    # Handlers that stream have the attribute that LangChain and LangGraph check themselves.
    return isinstance(handler, BaseTracer) and not hasattr(handler, "tap_output_aiter")

"""A run that is ended from outside, at any point and in any way: its calls end with it, and nothing is left."""

import asyncio
import functools
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import anyio
import pytest
from langchain_openai import ChatOpenAI
from langgraph.graph import START, MessagesState, StateGraph
from resilience.leftovers import in_flight, nothing_left, until, until_idle

from lightrouter_graph import (
    Candidate,
    ChatLightRouter,
    Context,
    LLMAggregator,
    LLMSelector,
    NoSurvivorError,
    Pool,
    create_lightrouter,
)
from lightrouter_graph.testing import Fail, RecordedModelServer, Timing

QUESTION = "How many apples are in the basket?"
ASKED = {"messages": [("user", QUESTION)]}
OUTPUTS = {name: " ".join([name] * 500) for name in "abc"}
MODES = ["values", "updates", "messages", "custom", "tasks", "debug", "checkpoints", ["messages", "custom", "values"]]
WITHIN_S = 0.1
ATTEMPTS = 3
"""A loaded machine may be late once."""


@dataclass(frozen=True)
class Scene:
    """A point of a run: how many calls have been made, and how many of them never end, or as good as never."""

    made: int
    waiting: int
    settings: Context = Context()  # noqa: RUF009 - it is frozen
    failures: dict[str, Fail] = field(default_factory=dict)
    timings: dict[str, Timing] = field(default_factory=dict)

    def reached(self, server: RecordedModelServer) -> bool:
        """Whether the run has come so far."""
        return len(server.requests) == self.made and in_flight(server) == self.waiting


HANG, SLOW = Fail(hang=True), Timing(tokens_per_s=50)
JUDGED = Context(boot_tokens=2, top_k=2, agree=None, selector="llm")
ALONE = Context(boot_tokens=2, top_k=1, selector="consistency")
MERGED = Context(boot_tokens=2, top_k=2, agree=None, selector="consistency", aggregator="llm")
SCENES = {
    "no boot has come": Scene(3, 3, failures=dict.fromkeys("abc", HANG)),
    "one boot has come": Scene(3, 2, failures=dict.fromkeys("bc", HANG)),
    "the judge reads": Scene(5, 2, JUDGED, failures={"judge": HANG}),
    "the answer is written": Scene(4, 1, ALONE, timings={"a": SLOW}),
    "the answers are merged": Scene(6, 1, MERGED, timings={"writer": SLOW}),
}

End = Callable[[RecordedModelServer, Scene], Awaitable[float]]
"""Begins a run, ends it in its scene, waits for its end, and returns when it was told to end."""


def stage() -> RecordedModelServer:
    """Make a server of the models."""
    responders = {name: lambda body: "word " * 500 for name in ("judge", "writer")}
    return RecordedModelServer([{"question": QUESTION, "outputs": OUTPUTS}], responders=responders)


@pytest.fixture(scope="module")
def server() -> Iterator[RecordedModelServer]:
    with stage() as running:
        yield running


@pytest.fixture(autouse=True)
def _cleared(server) -> Iterator[None]:
    yield
    server.failures.clear()
    server.timings.clear()
    server.wait_until_idle()
    server.reset()


@functools.lru_cache(maxsize=2)
def wiring(base_url: str) -> Mapping[str, Any]:
    """Return pool and parts, whose models are all at one server."""
    names = ("a", "b", "c", "judge", "writer")
    models = {name: ChatOpenAI(model=name, base_url=base_url, api_key="none", max_retries=0) for name in names}
    return {
        "pool": Pool([Candidate(name, models[name]) for name in "abc"]),
        "selector": LLMSelector(models["judge"]),
        "aggregator": LLMAggregator(models["writer"]),
    }


def graph_at(server: RecordedModelServer, scene: Scene) -> Any:
    """Wire and compile the router of a scene."""
    return create_lightrouter(**wiring(server.base_url), context=scene.settings).compile(name="lightrouter")


def chat_at(server: RecordedModelServer, scene: Scene) -> ChatLightRouter:
    """Make the chat model of a scene."""
    return ChatLightRouter(**wiring(server.base_url), context=scene.settings)


def play(scene: Scene, server: RecordedModelServer) -> None:
    """Let the models of a server behave as a scene wants it."""
    server.reset()
    server.failures.update(scene.failures)
    server.timings.update(scene.timings)


async def ends_in_time(end: End, server: RecordedModelServer, scene: Scene, caplog: Any) -> None:
    """End a run, and see that its calls end within the limit and that it leaves nothing behind."""
    took = []
    for _ in range(ATTEMPTS):
        play(scene, server)
        async with nothing_left(caplog):
            told = await end(server, scene)
            await until_idle(server)
            took.append(time.monotonic() - told)
        assert server.total().cancelled == scene.waiting
        assert server.total().calls == scene.made
        if took[-1] < WITHIN_S:
            return
    pytest.fail(f"the calls were open for {took} s")


async def cancelled(run: Coroutine[Any, Any, Any], server: RecordedModelServer, scene: Scene) -> float:
    """Cancel the task of a run."""
    task = asyncio.create_task(run)
    await until(lambda: scene.reached(server))
    told = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    return told


async def timed_out(run: Coroutine[Any, Any, Any], server: RecordedModelServer, scene: Scene) -> float:
    """Let the time limit around a run expire."""
    limit = asyncio.timeout(None)

    async def limited() -> None:
        async with limit:
            await run

    task = asyncio.create_task(limited())
    await until(lambda: scene.reached(server))
    told = time.monotonic()
    limit.reschedule(0)
    with pytest.raises(TimeoutError):
        await task
    return told


async def scope_cancelled(run: Coroutine[Any, Any, Any], server: RecordedModelServer, scene: Scene) -> float:
    """Cancel the scope around a run again and again, as a web framework does whose client has gone."""
    async with anyio.create_task_group() as group:
        group.start_soon(lambda: run)
        await until(lambda: scene.reached(server))
        told = time.monotonic()
        group.cancel_scope.cancel()
    return told


async def closed(stream: AsyncGenerator[Any], server: RecordedModelServer, scene: Scene) -> float:
    """Read a stream up to the scene and close it: after a part, or while it is silent and the next is waited for."""
    pull = asyncio.create_task(anext(stream))
    while True:
        await asyncio.wait({pull}, timeout=0.05)
        await asyncio.sleep(0.01)
        if scene.reached(server):
            break
        if pull.done():
            pull = asyncio.create_task(anext(stream))
    told = time.monotonic()
    pull.cancel()
    await asyncio.wait({pull})
    await stream.aclose()
    return told


@pytest.mark.parametrize("way", [cancelled, timed_out])
@pytest.mark.parametrize("scene", SCENES)
async def test_a_run_that_is_cancelled_or_times_out(scene, way, server, caplog):
    async def end(server, scene):
        return await way(graph_at(server, scene).ainvoke(ASKED), server, scene)

    await ends_in_time(end, server, SCENES[scene], caplog)


@pytest.mark.parametrize("mode", MODES, ids=str)
@pytest.mark.parametrize("scene", ["one boot has come", "the answer is written"])
async def test_a_stream_that_is_closed(scene, mode, server, caplog):
    async def end(server, scene):
        return await closed(graph_at(server, scene).astream(ASKED, stream_mode=mode), server, scene)

    await ends_in_time(end, server, SCENES[scene], caplog)


@pytest.mark.parametrize("scene", ["no boot has come", "the judge reads", "the answer is written"])
async def test_a_run_in_a_scope_that_is_cancelled(scene, server, caplog):
    async def end(server, scene):
        return await scope_cancelled(graph_at(server, scene).ainvoke(ASKED), server, scene)

    await ends_in_time(end, server, SCENES[scene], caplog)


@pytest.mark.parametrize("scene", ["no boot has come", "the judge reads", "the answer is written"])
async def test_a_chat_model_in_a_scope_that_is_cancelled(scene, server, caplog):
    async def end(server, scene):
        return await scope_cancelled(chat_at(server, scene).ainvoke(QUESTION), server, scene)

    await ends_in_time(end, server, SCENES[scene], caplog)


@pytest.mark.parametrize("way", [cancelled, timed_out])
@pytest.mark.parametrize("scene", SCENES)
async def test_a_chat_model_that_is_cancelled_or_times_out(scene, way, server, caplog):
    async def end(server, scene):
        return await way(chat_at(server, scene).ainvoke(QUESTION), server, scene)

    await ends_in_time(end, server, SCENES[scene], caplog)


@pytest.mark.parametrize("scene", SCENES)
async def test_a_chat_models_stream_that_is_closed(scene, server, caplog):
    async def end(server, scene):
        return await closed(chat_at(server, scene).astream(QUESTION), server, scene)

    await ends_in_time(end, server, SCENES[scene], caplog)


async def test_a_batch_that_is_cancelled(server, caplog):
    scene = Scene(6, 6, failures=dict.fromkeys("abc", HANG))

    async def end(server, scene):
        return await cancelled(graph_at(server, scene).abatch([ASKED, ASKED]), server, scene)

    await ends_in_time(end, server, scene, caplog)


# Parents


def parent_of(node: Any, *others: Any) -> Any:
    """Put nodes side by side into a graph."""
    builder = StateGraph(MessagesState)
    for number, one in enumerate([node, *others]):
        builder.add_node(f"node-{number}", one).add_edge(START, f"node-{number}")
    return builder.compile()


def calling(runnable: Any, *, messages: bool) -> Any:
    """Write a node that calls a router itself."""

    async def node(state: MessagesState) -> dict[str, Any]:
        given = state["messages"]
        result = await runnable.ainvoke({"messages": given} if messages else given)
        return {"messages": [result["messages"][-1] if messages else result]}

    return node


NODES = {
    "as a node": graph_at,
    "called by a node": lambda server, scene: calling(graph_at(server, scene), messages=True),
    "as the model of a node": lambda server, scene: calling(chat_at(server, scene), messages=False),
}


@pytest.mark.parametrize("place", NODES)
@pytest.mark.parametrize("scene", SCENES)
async def test_a_parent_that_is_cancelled(scene, place, server, caplog):
    async def end(server, scene):
        return await cancelled(parent_of(NODES[place](server, scene)).ainvoke(ASKED), server, scene)

    await ends_in_time(end, server, SCENES[scene], caplog)


@pytest.mark.parametrize("place", NODES)
@pytest.mark.parametrize("scene", ["one boot has come", "the judge reads", "the answers are merged"])
async def test_a_parent_whose_other_node_fails(scene, place, server, caplog):
    async def end(server, scene):
        failed_at = []

        async def fail(_: MessagesState) -> None:
            await until(lambda: scene.reached(server))
            failed_at.append(time.monotonic())
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await parent_of(NODES[place](server, scene), fail).ainvoke(ASKED)
        return failed_at[0]

    await ends_in_time(end, server, SCENES[scene], caplog)


@pytest.mark.parametrize("place", NODES)
async def test_a_parents_stream_that_is_closed(place, server, caplog):
    async def end(server, scene):
        parts = parent_of(NODES[place](server, scene)).astream(ASKED, stream_mode="messages", subgraphs=True)
        return await closed(parts, server, scene)

    await ends_in_time(end, server, SCENES["the answer is written"], caplog)


# Without an event loop of one's own


async def after_the_first_boot(stream: Any) -> float:
    """Read a synchronous stream up to the first boot, and close it."""
    while (await asyncio.to_thread(next, stream))["event"] != "boot":
        pass
    told = time.monotonic()
    await asyncio.to_thread(stream.close)
    return told


async def test_a_synchronous_stream_that_is_closed(server, caplog):
    settings = Context(calls={"boot_timeout_s": 0.5, "timeout_s": 0.5})
    scene = replace(SCENES["one boot has come"], settings=settings)

    async def end(server, scene):
        return await after_the_first_boot(graph_at(server, scene).stream(ASKED, stream_mode="custom"))

    await ends_in_time(end, server, scene, caplog)


async def test_a_chat_models_synchronous_stream_that_is_closed(server, caplog):
    async def end(server, scene):
        stream = chat_at(server, scene).stream(QUESTION)
        await asyncio.to_thread(next, stream)
        await until(lambda: scene.reached(server))
        told = time.monotonic()
        await asyncio.to_thread(stream.close)
        return told

    await ends_in_time(end, server, SCENES["the answer is written"], caplog)


# Servers


@pytest.mark.parametrize("scene", ["no boot has come", "the answer is written"])
async def test_a_server_that_closes(scene, caplog):
    scene = SCENES[scene]
    with stage() as server:
        play(scene, server)
        async with nothing_left(caplog):
            task = asyncio.create_task(graph_at(server, scene).ainvoke(ASKED))
            await until(lambda: scene.reached(server))
            await asyncio.to_thread(server.stop)
            with pytest.raises(NoSurvivorError):
                await task

"""What runtime/ relies on in LangGraph beyond its documented API. A test that fails here names what an upgrade changed.

Each test runs LangGraph itself: real compiled graphs, real checkpoints, real traces.
"""

import asyncio
import gc
import operator
from typing import Annotated

import pytest
from helpers import QUESTION, calls, long, scripted
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langsmith_ingest import LangSmithIngest
from typing_extensions import TypedDict

from lightrouter_graph import Context, create_lightrouter
from lightrouter_graph.runtime.cancellation import CancellingStateGraph
from lightrouter_graph.runtime.node_runnable import FanOutRunnable, NodeRunnable
from lightrouter_graph.runtime.run_scope import REQUEST_KEY, SCOPE_KEY

ASKED = {"messages": [("user", QUESTION)]}
EMPTY = {"results": []}
THREAD = {"configurable": {"thread_id": "1"}}

both = pytest.mark.parametrize("synchronous", [False, True])


class Results(TypedDict):
    results: Annotated[list[str], operator.add]


def builder_of(node) -> CancellingStateGraph:
    return CancellingStateGraph(Results).add_node("node", node).add_edge(START, "node")


# The class of the compiled graph: `compile` copies the attributes of LangGraph's object to one of a subclass


def test_every_attribute_of_a_compiled_graph_is_carried_over():
    builder = builder_of(NodeRunnable(_nothing))
    arguments = {"checkpointer": InMemorySaver(), "name": "named", "interrupt_before": ["node"]}
    graph, plain = builder.compile(**arguments), StateGraph.compile(builder, **arguments)
    assert isinstance(graph, CompiledStateGraph)
    assert vars(graph).keys() == vars(plain).keys()
    values = ("builder", "name", "store", "cache", "context_schema", "input_channels", "retry_policy")
    assert {name: vars(graph)[name] for name in values} == {name: vars(plain)[name] for name in values}
    assert graph.interrupt_before_nodes == ["node"]
    assert isinstance(graph.checkpointer, InMemorySaver)


def test_no_attribute_of_a_compiled_graph_is_kept_where_a_copy_would_miss_it():
    slots = {cls.__name__: found for cls in CompiledStateGraph.__mro__ if (found := vars(cls).get("__slots__"))}
    assert slots == {}


def test_no_part_of_a_compiled_graph_refers_to_the_object_that_was_copied():
    builder = builder_of(NodeRunnable(_nothing))
    graph = builder.compile()
    gc.collect()
    originals = [thing for thing in gc.get_objects() if type(thing) is CompiledStateGraph and thing.builder is builder]
    assert graph.builder is builder
    assert originals == []


def test_a_configured_copy_of_a_graph_has_the_class_of_the_graph():
    graph = builder_of(NodeRunnable(_nothing)).compile()
    assert type(graph.with_config(tags=["tagged"])) is type(graph.copy()) is type(graph)


async def _nothing(state, run):
    return {}


# Every way to run a graph passes `stream` or `astream`, which close the scope of the run


class Scoped:
    """A node whose work counts as in flight until the scope of its run is closed."""

    def __init__(self):
        self.ended = 0
        self._tracked = []

    async def __call__(self, state, run):
        tracked = run.scope.track(self._end)
        tracked.__enter__()
        self._tracked.append(tracked)
        return {"results": ["done"]}

    def _end(self):
        self.ended += 1


SYNCHRONOUS = {
    "invoke": lambda graph: graph.invoke(EMPTY),
    "stream": lambda graph: list(graph.stream(EMPTY)),
    "batch": lambda graph: graph.batch([EMPTY]),
    "batch_as_completed": lambda graph: list(graph.batch_as_completed([EMPTY])),
    "transform": lambda graph: list(graph.transform(iter([EMPTY]))),
    "stream_events": lambda graph: graph.stream_events(EMPTY, version="v3").output,
    "with_config": lambda graph: graph.with_config(tags=["tagged"]).invoke(EMPTY),
    "a node": lambda graph: builder_of(graph).compile().invoke(EMPTY),
    "a node of LangGraph's own graph": lambda graph: StateGraph.compile(builder_of(graph)).invoke(EMPTY),
}


async def _drained(stream):
    return [part async for part in stream]


async def _event_stream_v3(graph):
    return await (await graph.astream_events(EMPTY, version="v3")).output()


ASYNCHRONOUS = {
    "ainvoke": lambda graph: graph.ainvoke(EMPTY),
    "astream": lambda graph: _drained(graph.astream(EMPTY)),
    "abatch": lambda graph: graph.abatch([EMPTY]),
    "abatch_as_completed": lambda graph: _drained(graph.abatch_as_completed([EMPTY])),
    "atransform": lambda graph: _drained(graph.atransform(_drained_input())),
    "astream_log": lambda graph: _drained(graph.astream_log(EMPTY)),  # deprecated, but there
    "astream_events": lambda graph: _drained(graph.astream_events(EMPTY, version="v2")),
    "astream_events, version 3": _event_stream_v3,
    "with_config": lambda graph: graph.with_config(tags=["tagged"]).ainvoke(EMPTY),
    "a node": lambda graph: builder_of(graph).compile().ainvoke(EMPTY),
    "a node of LangGraph's own graph": lambda graph: StateGraph.compile(builder_of(graph)).ainvoke(EMPTY),
}


async def _drained_input():
    yield EMPTY


@pytest.mark.filterwarnings("ignore:.*experimental.*")
@pytest.mark.parametrize("way", SYNCHRONOUS)
def test_every_synchronous_way_to_run_a_graph_closes_the_scope(way):
    node = Scoped()
    SYNCHRONOUS[way](builder_of(NodeRunnable(node)).compile())
    assert node.ended == 1


@pytest.mark.filterwarnings("ignore:.*experimental.*", "ignore:astream_log is deprecated")
@pytest.mark.parametrize("way", ASYNCHRONOUS)
async def test_every_asynchronous_way_to_run_a_graph_closes_the_scope(way):
    node = Scoped()
    await ASYNCHRONOUS[way](builder_of(NodeRunnable(node)).compile())
    assert node.ended == 1


def test_langgraph_has_no_other_way_to_run_a_graph():
    words = ("invoke", "stream", "batch", "transform")
    methods = [name for name in dir(CompiledStateGraph) if callable(getattr(CompiledStateGraph, name))]
    ways = {name for name in methods if name[0] != "_" and any(word in name for word in words)}
    assert ways <= SYNCHRONOUS.keys() | ASYNCHRONOUS.keys()


# Keys of `configurable` with two leading underscores reach the nodes, and nothing that is stored


def test_the_keys_of_the_package_begin_with_two_underscores():
    assert SCOPE_KEY.startswith("__")
    assert REQUEST_KEY.startswith("__")


def hidden() -> dict[str, str]:
    """Return values that must not be stored, under keys of that form."""
    return {REQUEST_KEY: "hidden-request", "__lightrouter_other": "hidden-other"}


class Seen:
    """A node that keeps the configuration which it was run with."""

    async def __call__(self, state, run):
        self.configured = {key: run.configured(key) for key in [*hidden(), SCOPE_KEY]}
        self.scope = run.scope
        return {"results": ["done"]}


@both
async def test_hidden_keys_reach_the_nodes_and_no_checkpoint(synchronous):
    node, saver = Seen(), InMemorySaver()
    graph = builder_of(NodeRunnable(node)).compile(checkpointer=saver)
    config = {"configurable": {"thread_id": "1", "shown": "shown-value", **hidden()}}
    _ = graph.invoke(EMPTY, config) if synchronous else await graph.ainvoke(EMPTY, config)
    assert node.configured == {**hidden(), SCOPE_KEY: node.scope}
    checkpoints = repr([*saver.list(THREAD)]) + repr(saver.storage) + repr(saver.writes)
    assert "shown-value" in checkpoints
    assert "hidden" not in checkpoints
    assert "lightrouter" not in checkpoints
    assert "RunScope" not in checkpoints


@both
async def test_hidden_keys_reach_no_trace(synchronous):
    node = Seen()
    graph = builder_of(NodeRunnable(node)).compile()
    with LangSmithIngest() as ingest:
        with ingest.traced():
            config = {"configurable": {"thread_id": "shown-value", **hidden()}}
            _ = graph.invoke(EMPTY, config) if synchronous else await graph.ainvoke(EMPTY, config)
        traces = repr([run.fields for run in ingest.runs])
    assert node.configured[REQUEST_KEY] == "hidden-request"
    assert "shown-value" in traces
    assert "hidden" not in traces
    assert "RunScope" not in traces


# Results of tasks are saved, and found again by name


class Parts:
    """A fan-out of which some parts fail; it keeps which parts have run."""

    stage = "part"

    def __init__(self, names="abc", failing=""):
        self.names, self.failing, self.queried = names, failing, []

    async def query(self, name):
        self.queried.append(name)
        if name in self.failing:
            raise ConnectionError(name)
        return {"results": [name]}


def saved(saver):
    """Return the results of tasks in the last checkpoint."""
    writes = saver.get_tuple(THREAD).pending_writes
    return sorted(value["results"][0] for _, channel, value in writes if channel == "__return__")


async def after_a_failure(saver, first, second, synchronous):
    """Run a graph whose first fan-out fails, then resume it with another; return its results."""
    graphs = [
        builder_of(FanOutRunnable(lambda s, r, p=parts: p)).compile(checkpointer=saver) for parts in (first, second)
    ]
    with pytest.raises(ConnectionError):
        _ = graphs[0].invoke(EMPTY, THREAD) if synchronous else await graphs[0].ainvoke(EMPTY, THREAD)
    assert saved(saver) == sorted(set(first.names) - set(first.failing))
    state = graphs[1].invoke(None, THREAD) if synchronous else await graphs[1].ainvoke(None, THREAD)
    return state["results"]


@both
async def test_results_of_tasks_are_saved_and_found_again(synchronous):
    first, second = Parts(failing="b"), Parts()
    assert await after_a_failure(InMemorySaver(), first, second, synchronous) == ["a", "b", "c"]
    assert sorted(first.queried) == ["a", "b", "c"]
    assert second.queried == ["b"]


@both
async def test_names_with_the_separators_of_langgraph_are_found_again(synchronous):
    names = ["vllm:a@http://host/v1", "x|y", "plain"]
    first, second = Parts(names, failing=["plain"]), Parts(names)
    assert await after_a_failure(InMemorySaver(), first, second, synchronous) == names
    assert second.queried == ["plain"]


@both
async def test_no_task_gets_the_result_of_another_name(synchronous):
    first, second = Parts("abc", failing="b"), Parts("cbd")
    assert await after_a_failure(InMemorySaver(), first, second, synchronous) == ["c", "b", "d"]
    assert {"b", "d"} <= set(second.queried)


# No deadlock, however few slots there are: a node holds one while its tasks wait for others

MERGED = Context(boot_tokens=5, top_k=2, agree=None, selector="llm", aggregator="llm")
MODES = ["messages", "custom", "updates", "values"]


def router(slots):
    pool = scripted(a=long("4"), b=long("5"), c=long("6"))
    return pool, create_lightrouter(pool, context=MERGED).compile().with_config(
        {"max_concurrency": slots} if slots else {}
    )


@pytest.mark.timeout(30)
@pytest.mark.parametrize("slots", [1, 2, 3])
@pytest.mark.parametrize("way", ["invoke", "stream", "batch"])
def test_few_slots_do_not_block_a_synchronous_graph(way, slots):
    pool, graph = router(slots)
    if way == "invoke":
        answers = [graph.invoke(ASKED)["messages"][-1]]
    elif way == "batch":
        answers = [state["messages"][-1] for state in graph.batch([ASKED] * 3)]
    else:
        answers = [
            [part for mode, part in graph.stream(ASKED, stream_mode=MODES) if mode == "values"][-1]["messages"][-1]
        ]
    assert all(answer.text for answer in answers)
    assert min(calls(pool).values()) >= len(answers)


@pytest.mark.timeout(30)
@pytest.mark.parametrize("slots", [1, 2, 3])
@pytest.mark.parametrize("way", ["ainvoke", "astream", "abatch"])
async def test_few_slots_do_not_block_an_asynchronous_graph(way, slots):
    pool, graph = router(slots)
    if way == "ainvoke":
        answers = [(await graph.ainvoke(ASKED))["messages"][-1]]
    elif way == "abatch":
        answers = [state["messages"][-1] for state in await graph.abatch([ASKED] * 3)]
    else:
        parts = [part async for mode, part in graph.astream(ASKED, stream_mode=MODES) if mode == "values"]
        answers = [parts[-1]["messages"][-1]]
    assert all(answer.text for answer in answers)
    assert min(calls(pool).values()) >= len(answers)


@pytest.mark.timeout(30)
@pytest.mark.parametrize("slots", [1, 2])
@both
async def test_few_slots_do_not_block_a_graph_in_a_node(synchronous, slots):
    pool, graph = router(None)
    parent = StateGraph(MessagesState).add_node("router", graph).add_edge(START, "router").compile()
    limit = {"max_concurrency": slots}
    run = asyncio.to_thread(parent.invoke, ASKED, limit) if synchronous else parent.ainvoke(ASKED, limit)
    assert (await run)["messages"][-1].text
    assert min(calls(pool).values()) >= 1


@pytest.mark.timeout(30)
@both
async def test_the_parts_of_a_fan_out_keep_to_the_slots(synchronous):
    parts = Counting("abcdef")
    graph = builder_of(FanOutRunnable(lambda state, run: parts)).compile()
    limit = {"max_concurrency": 2}
    state = await asyncio.to_thread(graph.invoke, EMPTY, limit) if synchronous else await graph.ainvoke(EMPTY, limit)
    assert state["results"] == list("abcdef")
    assert 1 <= parts.most <= 2


class Counting(Parts):
    """A fan-out that keeps how many parts were in flight at the same time."""

    now = most = 0

    async def query(self, name):
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0)
        self.now -= 1
        return await super().query(name)

"""`langgraph dev` through the SDK, as Studio uses it: drawing, settings, streams, threads."""

import asyncio
import json
import re
import shutil
from collections.abc import AsyncIterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient
from langgraph_sdk.schema import StreamPart
from studio.conftest import NAMES
from studio.conversation import RESULT, ask, ask_graph, settings_for
from studio.dev_server import DevServer, langgraph_dev

from lightrouter_graph import Context

pytestmark = [
    pytest.mark.studio,
    pytest.mark.timeout(120),
    pytest.mark.xdist_group("studio"),
    pytest.mark.skipif(find_spec("langgraph_api") is None, reason="needs langgraph-cli[inmem]"),
]

ROOT = Path(__file__).parents[2]
STEPS = {"open", "boot", "select", "generate", "tally", "aggregate"}
EDGES = {
    ("open", "boot"),
    ("open", "generate"),
    ("boot", "select"),
    ("select", "generate"),
    ("select", "tally"),
    ("select", "aggregate"),
    ("generate", "tally"),
    ("tally", "generate"),
    ("tally", "aggregate"),
    ("aggregate", "boot"),
    ("aggregate", "generate"),
}
ONE_IN_FULL = {"boot_tokens": 16, "top_k": 1}
"""Truncated boots and one selected candidate: its tokens are those of the answer."""

SECOND = dict.fromkeys(NAMES, "What is 11 plus 12?") | {"agent": "What is 11 + 12?"}

WRONG = -7
"""Used by the test of invalid settings only: it searches the log for this number."""


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Any:
    folder = tmp_path_factory.mktemp("studio")
    shutil.copy(ROOT / "langgraph.json", folder)
    shutil.copytree(ROOT / "graphs", folder / "graphs", ignore=shutil.ignore_patterns("__pycache__"))
    with langgraph_dev(folder) as running:
        yield running


@pytest.fixture(scope="module")
def streams(server) -> dict[str, list[StreamPart]]:
    """Stream one run of each graph concurrently, in all modes."""
    return asyncio.run(_stream_each(server))


async def _stream_each(server: DevServer) -> dict[str, list[StreamPart]]:
    async with get_client(url=server.url, api_key=None) as client:
        return dict(zip(NAMES, await asyncio.gather(*(_stream(client, name) for name in NAMES)), strict=True))


async def _stream(client: LangGraphClient, name: str) -> list[StreamPart]:
    modes = ["messages-tuple", "custom", "updates", "values"]
    context = settings_for(name, **ONE_IN_FULL)
    run = client.runs.stream(
        None, name, input=ask_graph(name), context=context, stream_mode=modes, stream_subgraphs=True
    )
    return [part async for part in run]


@pytest.fixture
async def client(server) -> AsyncIterator[LangGraphClient]:
    async with get_client(url=server.url, api_key=None) as connected:
        yield connected


async def assistant(client: LangGraphClient, name: str) -> str:
    (found,) = await client.assistants.search(graph_id=name, metadata={"created_by": "system"})
    return found["assistant_id"]


async def answer(client: LangGraphClient, name: str, thread: str | None = None, **how: Any) -> dict[str, Any]:
    """Run to the end and return the last message."""
    result = await client.runs.wait(thread, name, **{"input": ask_graph(name), **how})
    return result["messages"][-1]


def decision(message: dict[str, Any]) -> dict[str, Any]:
    return message["response_metadata"]["lightrouter"]


def streamed(parts: list[StreamPart], mode: str) -> list[Any]:
    """Return the parts of one mode, subgraphs included."""
    return [part.data for part in parts if part.event.partition("|")[0] == mode]


def turns(parts: list[StreamPart]) -> list[dict[str, Any]]:
    """Return the messages that the run appended."""
    final = next(part.data for part in reversed(parts) if part.event == "values")
    return [message for message in final["messages"] if message["type"] != "human"]


def event_names(parts: list[StreamPart]) -> list[str]:
    return [event["event"] for event in streamed(parts, "custom") if event["type"] == "lightrouter"]


def test_it_starts_without_a_key_and_logs_the_models(server: DevServer):
    pools = re.findall(r"LightRouter uses (.*?) \((small pocket models|scripted demo models)", server.log)
    assert sorted(pools) == [
        ("demo-a, demo-b, demo-c", "scripted demo models"),
        ("general, shares, products, sums, quick", "small pocket models"),
    ]


async def test_the_graphs_are_listed_with_their_descriptions(client):
    found = {a["graph_id"]: (a["name"], a["description"]) for a in await client.assistants.search()}
    named = json.loads((ROOT / "langgraph.json").read_text())["graphs"]
    assert found == {name: (name, entry["description"]) for name, entry in named.items()}


@pytest.mark.parametrize(("name", "prefix"), [("lightrouter", ""), ("supervisor", "lightrouter:")])
async def test_studio_draws_the_six_steps_and_every_edge(client, name, prefix):
    drawn = await client.assistants.get_graph(await assistant(client, name), xray=True)
    nodes = {node["id"] for node in drawn["nodes"]}
    edges = {(edge["source"], edge["target"]) for edge in drawn["edges"]}
    inside = {(a, b) for a, b in edges if prefix in a and prefix in b and not {a, b} & {"__start__", "__end__"}}
    assert {prefix + step for step in STEPS} <= nodes
    assert {(a.removeprefix(prefix), b.removeprefix(prefix)) for a, b in inside} - {("aggregate", "__end__")} == EDGES


async def test_studio_draws_the_parents_own_nodes(client):
    drawn = await client.assistants.get_graph(await assistant(client, "supervisor"), xray=True)
    edges = {(edge["source"], edge["target"]) for edge in drawn["edges"]}
    assert {("__start__", "triage"), ("triage", "small_talk"), ("triage", "lightrouter:open")} <= edges
    agent = await client.assistants.get_graph(await assistant(client, "agent"), xray=True)
    assert {"model", "tools"} <= {node["id"] for node in agent["nodes"]}


def choices_and_ranges(field: dict[str, Any]) -> set[str]:
    """Return the schema keys that bound a field, also of an optional one."""
    shapes = [field, *field.get("anyOf", [])]
    return {key for shape in shapes for key in shape} & {"enum", "minimum", "exclusiveMinimum", "maximum"}


async def test_the_settings_panel_can_explain_and_bound_every_field(client):
    schema = (await client.assistants.get_schemas(await assistant(client, "lightrouter")))["context_schema"]
    fields = schema["properties"]
    assert fields.keys() == Context.model_fields.keys()
    assert [name for name, field in fields.items() if not field.get("description")] == []
    free = {name for name, field in fields.items() if not choices_and_ranges(field)}
    assert free == {"budget", "thread_budget", "calls", "prompts"}
    for group in ("Budget", "Calls"):
        limits = schema["$defs"][group]["properties"]
        assert all(field.get("description") and choices_and_ranges(field) for field in limits.values())
    assert {"minimum", "maximum"} <= choices_and_ranges(fields["boot_tokens"]) & choices_and_ranges(fields["layers"])
    assert {"llm", "consistency"} <= set(fields["selector"]["enum"])
    assert fields["top_k"]["default"] == Context().top_k


async def test_every_setting_belongs_to_an_existing_node(client, name):
    schema = (await client.assistants.get_schemas(await assistant(client, name)))["context_schema"]
    drawn = await client.assistants.get_graph(await assistant(client, name))
    nodes = {node["id"] for node in drawn["nodes"]}
    for field in schema["properties"].values():
        assert field["description"]
        assert field["langgraph_nodes"]
        assert set(field["langgraph_nodes"]) <= nodes


async def test_the_prompts_of_selector_and_aggregator_can_be_edited(client):
    schema = (await client.assistants.get_schemas(await assistant(client, "lightrouter")))["context_schema"]
    prompts = schema["$defs"]["Prompts"]["properties"]
    assert {field["langgraph_type"] for field in prompts.values()} == {"prompt"}
    assert {name: field["langgraph_nodes"] for name, field in prompts.items()} == {
        "selector": ["select"],
        "aggregator": ["aggregate"],
    }


@pytest.mark.parametrize("name", ["lightrouter", "supervisor"])
def test_only_tokens_of_the_answer_are_streamed_as_messages(streams, name):
    tokens = [message for message, _ in streamed(streams[name], "messages")]
    (final,) = turns(streams[name])
    assert len(tokens) > 5  # the boot in one piece, then what was written after it
    assert {token["id"] for token in tokens} == {final["id"]}
    assert "".join(token["content"] for token in tokens) == final["content"]


def test_only_the_turns_of_an_agent_are_streamed_as_messages(streams):
    chunks = [message for message, _ in streamed(streams["agent"], "messages")]
    added = turns(streams["agent"])
    assert [message["type"] for message in added] == ["ai", "tool", "ai"]
    assert {message["id"] for message in chunks} == {message["id"] for message in added}
    for turn in added:
        assert "".join(message["content"] for message in chunks if message["id"] == turn["id"]) == turn["content"]


@pytest.mark.parametrize("name", ["lightrouter", "supervisor"])
def test_the_events_of_a_run_are_streamed(streams, name):
    assert event_names(streams[name]) == ["opened", "boot", "boot", "boot", "ranked", "answer", "tallied", "billed"]


def test_each_turn_of_an_agent_streams_the_events_of_its_model(streams):
    names = event_names(streams["agent"])
    assert names.count("opened") == names.count("billed") == 2


@pytest.mark.parametrize(
    ("name", "nodes"),
    [
        ("lightrouter", STEPS),
        ("supervisor", {"triage", "lightrouter", *STEPS}),
        ("agent", {"model", "tools"}),
    ],
)
def test_the_updates_name_the_nodes(streams, name, nodes):
    assert {node for update in streamed(streams[name], "updates") for node in update} >= nodes


async def test_k_is_changed_through_the_context(client):
    wanted = [(name, top_k) for name in NAMES for top_k in (1, 3)]
    contexts = [settings_for(name, top_k=top_k, boot_tokens=16, agree=None) for name, top_k in wanted]
    runs = [answer(client, name, context=context) for (name, _), context in zip(wanted, contexts, strict=True)]
    messages = await asyncio.gather(*runs)
    assert all(RESULT in message["content"] for message in messages)
    assert [decision(message)["settings"]["top_k"] for message in messages] == [top_k for _, top_k in wanted]
    answered = [[c["outcome"] for c in decision(message)["candidates"]].count("answered") for message in messages]
    assert answered == [top_k for _, top_k in wanted]


async def test_finished_boots_that_agree_need_no_further_call(client):
    bill = decision(await answer(client, "lightrouter"))["bill"]
    assert bill["calls"] == 3


async def test_an_assistant_keeps_settings_of_its_own(client):
    saved = await client.assistants.create("lightrouter", name="careful", context={"top_k": 2, "seed": 4})
    settings = decision(await answer(client, saved["assistant_id"]))["settings"]
    await client.assistants.delete(saved["assistant_id"])
    assert (settings["top_k"], settings["seed"]) == (2, 4)


async def test_a_second_run_continues_the_thread(client, name):
    thread = (await client.threads.create())["thread_id"]
    await answer(client, name, thread)
    second = await answer(client, name, thread, input=ask(SECOND[name]))
    assert "The answer is 23." in second["content"]
    values = (await client.threads.get_state(thread))["values"]
    assert [m["content"] for m in values["messages"] if m["type"] == "human"] == [
        ask_graph(name)["messages"][0]["content"],
        SECOND[name],
    ]


@pytest.mark.parametrize(
    ("name", "before", "later_events"),
    [
        ("lightrouter", "generate", ["answer", "tallied", "billed"]),
        ("supervisor", "lightrouter", ["opened", "boot", "boot", "boot", "ranked", "answer", "tallied", "billed"]),
    ],
)
async def test_an_interrupted_run_resumes(client, name, before, later_events):
    thread = (await client.threads.create())["thread_id"]
    context = settings_for(name, **ONE_IN_FULL)
    await client.runs.wait(thread, name, input=ask(), context=context, interrupt_before=[before])
    assert (await client.threads.get_state(thread))["next"] == [before]
    run = client.runs.stream(thread, name, context=context, stream_mode=["custom", "values"], stream_subgraphs=True)
    parts = [part async for part in run]
    assert event_names(parts) == later_events
    assert turns(parts)[-1]["content"].endswith(RESULT)


async def test_a_wrong_setting_is_named_in_the_error(client):
    runs = [answer(client, name, context=settings_for(name, top_k=WRONG)) for name in NAMES]
    for error in await asyncio.gather(*runs, return_exceptions=True):
        assert f"top_k = {WRONG}: input should be greater than or equal to 1" in str(error)


async def test_small_talk_calls_no_model(client):
    message = await answer(client, "supervisor", input=ask("Hello!"), context={"greeting": "Hey."})
    assert (message["content"], message["response_metadata"]) == ("Hey.", {})


async def test_concurrent_runs_are_independent(client):
    asked = [(name, a) for a in (11, 13) for name in NAMES]
    words = {name: "+" if name == "agent" else "plus" for name in NAMES}
    runs = [answer(client, name, input=ask(f"What is {a} {words[name]} 12?")) for name, a in asked]
    assert all(
        f"The answer is {a + 12}." in m["content"] for m, (_, a) in zip(await asyncio.gather(*runs), asked, strict=True)
    )


def test_nothing_blocked_the_event_loop_and_nothing_failed_but_what_should(server: DevServer):
    assert "BlockingError" not in server.log
    failures = server.log.split("Traceback (most recent call last)")[1:]
    assert [failure for failure in failures if str(WRONG) not in failure] == []

"""No key is told: a planted one is looked for in everything that leaves a run."""

import asyncio
import json
import logging
import pickle
import traceback

import httpx
import pytest
from builders import query
from helpers import QUESTION, decision, scripted
from langgraph.cache.sqlite import SqliteCache
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langsmith_ingest import LangSmithIngest
from pydantic import SecretStr
from security.planted import KEYS, LeakyChat, echoing_server, leaking, shown

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
from lightrouter_graph.cli import main
from lightrouter_graph.server import create_app

ASKED = {"messages": [("user", QUESTION)]}
ALL = Context(width=None, agree=None, top_k=30)
THREAD = {"configurable": {"thread_id": "1"}}

every_key = pytest.mark.parametrize("key", [pytest.param(key, id=name) for name, key in KEYS.items()])


@pytest.fixture(scope="module")
def base_url():
    with echoing_server() as url:
        yield url


def answering():
    return scripted(good="The answer is 4.", fine="The answer is 4.")


def mixed(base_url, key):
    """Two candidates that answer among all those that leak, and one that leaks as it answers."""
    talkative = Candidate("talkative", LeakyChat(key=SecretStr(key), fails=False))
    return Pool([*answering(), talkative, *leaking(base_url, key)])


def by_models(base_url, key):
    """Let those that leak also judge and merge."""
    judge, merger = leaking(base_url, key)[0], leaking(base_url, key)[-1]
    return {"selector": LLMSelector(judge), "aggregator": LLMAggregator(merger)}


async def nobody(base_url, key):
    """Let a run fail of all that leak, and return its error."""
    with pytest.raises(NoSurvivorError) as caught:
        await create_lightrouter(Pool(leaking(base_url, key)), context=ALL).compile().ainvoke(ASKED)
    return caught.value


@every_key
async def test_no_stream_and_no_record_tells_it(base_url, key):
    graph = create_lightrouter(mixed(base_url, key), **by_models(base_url, key)).compile()
    settings = Context.paper().model_copy(update={"top_k": 30})
    modes = ["custom", "updates", "values", "messages", "tasks", "debug"]
    told = [part async for part in graph.astream(ASKED, context=settings, stream_mode=modes)]
    last = next(value for mode, value in reversed(told) if mode == "values")["messages"][-1]
    fates = {c["candidate"]: c["outcome"] for c in decision(last)["candidates"]}
    assert list(fates.values()).count("failed") == len(leaking(base_url, key))
    assert not shown(key, repr(told))
    assert not shown(key, last.model_dump_json())
    assert not shown(key, json.dumps(decision(last)))


@every_key
async def test_no_event_of_ours_tells_it(base_url, key):
    graph = create_lightrouter(Pool([*answering(), *leaking(base_url, key)]), context=ALL).compile()
    told = [event async for event in graph.astream_events(ASKED, version="v2")]
    assert any(event["event"] == "on_chat_model_end" for event in told)
    assert not shown(key, repr(told))


@every_key
async def test_no_checkpoint_and_no_cache_holds_it(base_url, key, tmp_path):
    cache = SqliteCache(path=str(tmp_path / "boots.sqlite"))
    async with AsyncSqliteSaver.from_conn_string(str(tmp_path / "threads.sqlite")) as saver:
        wired = create_lightrouter(mixed(base_url, key), context=ALL, boot_cache=cache, **by_models(base_url, key))
        graph = wired.compile(checkpointer=saver)
        for _ in range(2):
            await graph.ainvoke(ASKED, THREAD)
        held = [path.read_bytes() for path in sorted(tmp_path.iterdir())]
    cache._conn.close()  # LangGraph's cache has no way to close it
    assert sum(map(len, held)) > 10_000
    assert not [form for data in held for form in shown(key, data)]


@every_key
async def test_the_error_of_a_run_tells_it_nowhere(base_url, key):
    error = await nobody(base_url, key)
    assert set(error.failures) == {candidate.name for candidate in leaking(base_url, key)}
    links, link = [], error
    while link is not None:
        links.append(link)
        link = link.__cause__ or link.__context__
    told = [str(error), repr(error), repr(error.failures), "".join(traceback.format_exception(error))]
    told += [repr(link) for link in links] + [repr(vars(link)) for link in links]
    assert not shown(key, "\n".join(told))
    assert not shown(key, pickle.dumps(error))


@every_key
async def test_every_failure_still_says_what_happened(base_url, key):
    failures = (await nobody(base_url, key)).failures
    assert failures["refused-key"].startswith("auth: Error code: 401")
    assert "Find yours at" in failures["refused-key"]
    assert failures["limited"].startswith("rate_limited: ")
    assert "is over its quota" in failures["limited"]
    assert failures["nobody-there"].startswith("disconnected: Connection error.")
    assert failures["own-class"].startswith("bad_response: RuntimeError: ")


@every_key
async def test_no_log_of_ours_tells_it(base_url, key, caplog):
    caplog.set_level(logging.DEBUG, "lightrouter_graph")
    app = create_app(Pool(leaking(base_url, key)), context=ALL)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://desk") as client:
        for name in ("lightrouter", "own-class", "refused-key"):
            asked = {"model": name, "messages": [{"role": "user", "content": QUESTION}]}
            reply = await client.post("/v1/chat/completions", json=asked)
            assert reply.status_code >= 400
    ours = [record for record in caplog.records if record.name.startswith("lightrouter_graph")]
    assert ours
    assert not shown(key, "\n".join(logging.Formatter().format(record) for record in ours))


@every_key
@pytest.mark.parametrize("stream", [False, True])
async def test_no_response_of_the_server_tells_it(base_url, key, stream):
    app = create_app(Pool(leaking(base_url, key)), context=ALL)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://desk") as client:
        told = [(await client.get(address)).text for address in ("/v1/models", "/metrics", "/healthz", "/nowhere")]
        for name in ["lightrouter", "lightrouter-paper", *(candidate.name for candidate in leaking(base_url, key))]:
            asked = {"model": name, "messages": [{"role": "user", "content": QUESTION}], "stream": stream}
            reply = await client.post("/v1/chat/completions", json=asked)
            told.append(f"{reply.headers}{reply.text}")
    assert not shown(key, "\n".join(told))


@every_key
@pytest.mark.parametrize("command", [["ask", QUESTION], ["ask", "--json", QUESTION], ["pool"], ["pool", "--json"]])
@pytest.mark.parametrize("debugging", ["0", "1"])
def test_the_command_line_never_shows_it(base_url, key, command, debugging, capsys, monkeypatch, tmp_path):
    rows = [f'[[candidate]]\nname = "{name}"\nmodel = "vllm:{name}@{base_url}"\n' for name in ("refused-key", "page")]
    (tmp_path / "pool.toml").write_text("\n".join(f'{row}api_key_env = "TEAM_PASS"\n' for row in rows))
    monkeypatch.setenv("TEAM_PASS", key)
    monkeypatch.setenv("LIGHTROUTER_DEBUG", debugging)
    assert main([*command, "--pool", str(tmp_path / "pool.toml")]) in {1, 3}
    said = capsys.readouterr()
    assert "auth" in said.out + said.err
    assert not shown(key, said.out + said.err)


@every_key
def test_no_repr_shows_it(base_url, key):
    pool, wiring = mixed(base_url, key), by_models(base_url, key)
    graph = create_lightrouter(pool, context=ALL, **wiring)
    chat = ChatLightRouter(pool=pool, context=ALL, **wiring)
    told = [pool, list(pool), wiring, graph, graph.compile(), chat, chat.context, chat.bind_tools([]), create_app(pool)]
    parts = [part for node in graph.nodes.values() for part in vars(node.runnable).values()]
    steps = [part for part in parts if hasattr(part, "router")]
    assert len(steps) == 6
    for thing in [*told, *steps, steps[0].router, query(pool), chat._identifying_params]:
        assert not shown(key, f"{thing!r} {thing!s}")
    assert not shown(key, graph.compile().get_graph().draw_mermaid())


# traces ----------------------------------------------------------------------------------------------------


def traced(pool, behind_a_chat_model=False):
    with LangSmithIngest() as ingest:
        with ingest.traced():
            if behind_a_chat_model:
                asyncio.run(ChatLightRouter(pool=pool, context=ALL).ainvoke(QUESTION))
            else:
                asyncio.run(create_lightrouter(pool, context=ALL).compile().ainvoke(ASKED))
        return ingest.runs, ingest.sent


@every_key
def test_no_run_of_a_node_tells_it_to_langsmith(base_url, key):
    runs, _ = traced(Pool([*answering(), *leaking(base_url, key)]))
    ours = [run for run in runs if run.kind != "llm"]
    assert len(ours) > 10
    assert not shown(key, repr([run.fields for run in ours]))


@every_key
@pytest.mark.parametrize("behind_a_chat_model", [False, True])
def test_no_run_of_a_model_tells_it_to_langsmith(base_url, key, behind_a_chat_model):
    runs, sent = traced(Pool([*answering(), *leaking(base_url, key)]), behind_a_chat_model)
    failed = [run for run in runs if run.name.startswith("boot:") and run.fields.get("error")]
    assert len(failed) >= len(leaking(base_url, key))  # a refused form is sent again
    assert not {run.name: found for run in failed if (found := shown(key, repr(run.fields)))}
    assert not shown(key, sent)

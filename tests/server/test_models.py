"""The real router behind the server: presets, candidates, settings and decision records."""

import asyncio

import httpx
import openai
import pytest
from helpers import QUESTION, calls, calls_of, long, scripted
from langchain_openai import ChatOpenAI
from openai.lib.streaming.chat import ContentDeltaEvent
from pydantic import BaseModel
from server.apps import PATH, WEATHER, error, events, served, text_of

from lightrouter_graph import Candidate, ChatLightRouter, Context, Pool, PoolError
from lightrouter_graph.server import create_app
from lightrouter_graph.testing import Reply, ScriptedChatModel

FOUR, FIVE = "The answer is 4.", "The answer is 5."
ASKED = [{"role": "user", "content": QUESTION}]


class Count(BaseModel):
    apples: int


def client(pool: Pool, **settings) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(create_app(pool, **settings)), base_url="http://app")


async def ask(pool: Pool, context: Context | None = None, **fields):
    body = {"model": "lightrouter", "messages": ASKED, **fields}
    return await client(pool, context=context).post(PATH, json=body)


def text(response: httpx.Response) -> str:
    assert response.status_code == 200, response.text
    return response.json()["choices"][0]["message"]["content"]


async def test_the_names():
    told = (await client(scripted(ada=FOUR, bob=FIVE)).get("/v1/models")).json()
    assert [entry["id"] for entry in told["data"]] == ["lightrouter", "lightrouter-paper", "ada", "bob"]


@pytest.mark.parametrize("name", ["lightrouter", "lightrouter-paper"])
def test_a_candidate_cannot_have_the_name_of_a_preset(name):
    pool = Pool([Candidate(name, ScriptedChatModel(responses=FOUR))])
    with pytest.raises(PoolError, match=f"candidate '{name}' has the name of a router preset"):
        create_app(pool)


async def test_the_router_answers_with_model_and_cost_headers():
    response = await ask(scripted(ada=FOUR, bob=FIVE, cyd=FOUR, price=(1.0, 2.0)))
    assert text(response) == FOUR
    assert response.headers["x-lightrouter-model"] == "ada"
    assert response.headers["x-lightrouter-calls"] == "3"
    assert float(response.headers["x-lightrouter-usd"]) > 0


async def test_the_settings_of_the_server():
    pool = scripted(ada=FOUR, bob=FIVE, cyd=FOUR)
    await ask(pool, Context(width=1, top_k=1))
    assert calls(pool) == {"ada": 1, "bob": 0, "cyd": 0}


async def test_settings_of_a_request():
    pool = scripted(ada=FOUR, bob=FIVE, cyd=FOUR)
    response = await ask(pool, lightrouter={"width": 1, "top_k": 1, "decision": True})
    assert calls(pool) == {"ada": 1, "bob": 0, "cyd": 0}
    record = response.json()["lightrouter"]
    assert record["settings"]["top_k"] == 1
    assert record["bill"]["calls"] == 1
    assert [candidate["candidate"] for candidate in record["candidates"]] == ["ada", "bob", "cyd"]


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize(
    ("settings", "param"),
    [({"top_k": 0}, "lightrouter.top_k"), ({"topk": 1}, "lightrouter.topk"), ({"agree": 9}, "lightrouter.agree")],
)
async def test_wrong_settings(settings, param, streaming):
    told = error(await ask(scripted(ada=FOUR), lightrouter=settings, stream=streaming), 400)
    assert told["param"] == param


async def test_the_papers_settings():
    pool = scripted(ada=FOUR, bob=FIVE)
    settings = {"decision": True, "selector": "consistency", "aggregator": "vote"}
    response = await ask(pool, model="lightrouter-paper", lightrouter=settings)
    assert response.json()["lightrouter"]["settings"]["layers"] == 2


async def test_a_candidate_alone():
    pool = scripted(ada=FOUR, bob=FIVE)
    response = await ask(pool, model="bob")
    assert text(response) == FIVE
    assert response.json()["model"] == "bob"
    assert response.headers["x-lightrouter-calls"] == "1"
    assert calls(pool) == {"ada": 0, "bob": 1}


async def test_a_candidate_alone_streams_from_its_first_token():
    streamed = events(await ask(scripted(ada=FOUR, bob=long("5")), model="bob", stream=True))
    assert text_of(streamed) == long("5")
    assert len(streamed) > 10


async def test_a_stream_of_the_router():
    fields = {"stream": True, "stream_options": {"include_usage": True}, "lightrouter": {"decision": True}}
    *_, last, usage = streamed = events(await ask(scripted(ada=FOUR, bob=FIVE, cyd=FOUR), **fields))
    assert text_of(streamed) == FOUR
    assert last["choices"][0]["finish_reason"] == "stop"
    assert last["lightrouter"]["merged_by"] == "ada"
    assert usage["usage"]["completion_tokens"] == last["lightrouter"]["bill"]["usage"]["output_tokens"]


async def test_the_limit_of_a_request_reaches_the_models():
    pool = scripted(ada=long("4"))
    response = await ask(pool, model="ada", max_completion_tokens=5)
    assert response.json()["choices"][0]["finish_reason"] == "length"
    assert calls_of(pool, "ada")[0].max_tokens == 5


async def test_no_candidate_answers():
    pool = scripted(ada=RuntimeError("no"), bob=TimeoutError("late"))
    told = error(await ask(pool), 502)
    assert told["code"] == "no_survivor"
    assert "ada: bad_response" in told["message"]
    assert "bob: timeout" in told["message"]


@pytest.mark.parametrize("streaming", [True, False])
async def test_every_candidate_times_out(streaming):
    pool = scripted(ada=TimeoutError("late"), bob=TimeoutError("late"))
    assert error(await ask(pool, stream=streaming), 504)["code"] == "timeout"


async def test_a_conversation_that_cannot_be_answered():
    told = error(await ask(scripted(ada=FOUR), messages=[{"role": "user", "content": ""}]), 400)
    assert told["param"] == "messages"


async def test_a_schema_that_is_none():
    schema = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "banana"}}}
    assert error(await ask(scripted(ada=FOUR), response_format=schema), 400)["param"] == "response_format"


async def test_tools_are_voted_on_and_passed_on():
    def wants(city):
        return Reply("", [{"name": "weather", "args": {"city": city}, "id": f"call_{city}"}])

    pool = scripted(ada=wants("Bonn"), bob=wants("Rome"), cyd=wants("Rome"))
    choice = (await ask(pool, tools=[WEATHER], tool_choice="required")).json()["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["tool_calls"][0]["function"]["arguments"] == '{"city": "Rome"}'
    streamed = events(await ask(pool, tools=[WEATHER], stream=True))
    [part] = [part for e in streamed for part in e["choices"][0]["delta"].get("tool_calls", ())]
    assert part["function"] == {"name": "weather", "arguments": '{"city": "Rome"}'}


@pytest.mark.parametrize("streaming", [True, False])
async def test_tools_for_candidates_that_cannot_call_any_are_the_clients_error(streaming):
    told = error(await ask(Pool(["pocket:general"]), tools=[WEATHER], stream=streaming), 400)
    assert (told["code"], told["param"]) == ("unsupported_parameter", "tools")
    assert "general" in told["message"]


@pytest.mark.parametrize("streaming", [True, False])
async def test_a_conversation_too_long_for_every_candidate(streaming):
    pool = scripted(**dict.fromkeys(("ada", "bob"), RuntimeError("maximum context length is 4096 tokens")))
    assert error(await ask(pool, stream=streaming), 400)["code"] == "context_length_exceeded"


@pytest.mark.parametrize("streaming", [True, False])
async def test_a_pool_whose_breakers_are_open_is_probed_and_says_when_to_retry(streaming):
    pool = scripted(ada=ConnectionError("refused"))
    for _ in range(5):
        await ask(pool, model="ada")
    calls = len(pool["ada"].model.calls)
    response = await ask(pool, model="ada", stream=streaming)
    assert len(pool["ada"].model.calls) == calls + 1
    assert error(response, 503)["code"] == "unavailable"
    assert 1 <= int(response.headers["retry-after"]) <= 60
    assert "x-should-retry" not in response.headers


async def test_one_client_with_short_time_limits_does_not_shut_out_others():
    pool = scripted(ada=[*[Reply("", hang=True)] * 5, FOUR])
    http = client(pool)
    body = {"model": "ada", "messages": ASKED}
    hasty = {**body, "lightrouter": {"calls": {"timeout_s": 0.001, "boot_timeout_s": 0.001}}}
    answers = await asyncio.gather(*(http.post(PATH, json=hasty) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {504}
    assert text(await http.post(PATH, json=body)) == FOUR


async def test_cost_is_counted():
    http = client(scripted(ada=FOUR, bob=FOUR, price=(1.0, 2.0)))
    response = await http.post(PATH, json={"model": "lightrouter", "messages": ASKED})
    [line] = [
        line for line in (await http.get("/metrics")).text.splitlines() if line.startswith("lightrouter_usd_total{")
    ]
    assert float(line.split()[-1]) == pytest.approx(float(response.headers["x-lightrouter-usd"]))


@pytest.mark.parametrize("streaming", [True, False])
async def test_a_disconnect_cancels_every_candidate(streaming):
    pool = scripted(**dict.fromkeys(("ada", "bob", "cyd"), Reply("", hang=True)))
    body = {"model": "lightrouter", "messages": ASKED, "stream": streaming}
    with served(create_app(pool)) as base_url:
        async with httpx.AsyncClient(trust_env=False) as outside, asyncio.timeout(10):
            asked = asyncio.create_task(outside.post(f"{base_url}/chat/completions", json=body))
            while sum(calls(pool).values()) < 3:  # noqa: ASYNC110  # the server lives in another thread
                await asyncio.sleep(0.001)
            asked.cancel()
            await asyncio.wait([asked])
            while not all(calls_of(pool, name)[0].cancelled for name in pool.names):  # noqa: ASYNC110
                await asyncio.sleep(0.001)


def test_the_official_client_parses_and_streams():
    pool = scripted(ada='{"apples": 4}', bob='{"apples": 4}', cyd='{"apples": 5}')
    http = openai.DefaultHttpxClient(trust_env=False)
    with served(create_app(pool)) as base_url, openai.OpenAI(base_url=base_url, api_key="x", http_client=http) as sdk:
        asked = {"model": "lightrouter", "messages": ASKED, "response_format": Count}
        completion = sdk.chat.completions.parse(**asked)
        assert completion.choices[0].message.parsed == Count(apples=4)
        with sdk.chat.completions.stream(**asked) as streamed:
            said = [event for event in streamed if isinstance(event, ContentDeltaEvent)]
            final = streamed.get_final_completion()
    assert said[-1].parsed == {"apples": 4}
    assert final.choices[0].message.parsed == Count(apples=4)


async def test_langchains_client():
    pool = scripted(ada='{"apples": 4}', bob='{"apples": 4}')
    with served(create_app(pool, api_key="a-key")) as base_url:
        async with httpx.AsyncClient(trust_env=False) as outside:
            chat = ChatOpenAI(model="lightrouter", base_url=base_url, api_key="a-key", http_async_client=outside)
            structured = chat.with_structured_output(Count, method="json_schema")
            assert await structured.ainvoke(QUESTION) == Count(apples=4)
            assert "".join([chunk.text async for chunk in chat.astream(QUESTION)]) == '{"apples": 4}'


class Spy:
    """A prior that records the ids of each query."""

    def __init__(self):
        self.seen = []

    async def score(self, query):
        self.seen.append((query.user_id, query.thread_id))
        return dict.fromkeys(query.pool.names, 1.0)


@pytest.mark.parametrize("streaming", [True, False])
async def test_user_and_session_reach_the_parts(streaming):
    spy = Spy()
    app = create_app(models={"mine": ChatLightRouter(scripted(ada=FOUR, bob=FOUR), prior=spy)})
    http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://app")
    body = {"model": "mine", "messages": ASKED, "stream": streaming}
    await http.post(PATH, json={**body, "user": "ann"}, headers={"x-session-id": "s1"})
    await http.post(PATH, json=body)
    assert spy.seen == [("ann", "s1"), (None, None)]

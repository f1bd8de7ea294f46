"""Client disconnects and keep-alive comments, over loopback and in process."""

import asyncio
from contextlib import aclosing

import httpx
import openai
import pytest
from server.apps import PATH, QUESTION, asking, client, events, model, served, text_of

from lightrouter_graph.server import create_app
from lightrouter_graph.server.sse import while_connected
from lightrouter_graph.testing import Reply, VirtualClock


async def until(condition):
    """Wait for what another thread does."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


async def ended(base_url):
    """Wait until nothing is in flight, and return the counts."""
    async with httpx.AsyncClient(trust_env=False, base_url=base_url.removesuffix("v1")) as outside, asyncio.timeout(10):
        while True:
            text = (await outside.get("metrics")).text
            if "lightrouter_in_flight 0.0" in text:
                return text


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("said", ["", "It is"])
async def test_a_disconnect_cancels_the_model(streaming, said):
    a = model(Reply(said, hang=True))
    with served(create_app(models={"a": a})) as base_url:
        async with httpx.AsyncClient(trust_env=False) as outside:
            asked = asyncio.create_task(outside.post(f"{base_url}/chat/completions", json=asking(stream=streaming)))
            await until(lambda: a.calls)
            asked.cancel()
            await asyncio.wait([asked])
        await until(lambda: a.calls[0].cancelled)
        counted = await ended(base_url)
    assert 'lightrouter_cancelled_total{model="a"} 1.0' in counted
    assert 'lightrouter_requests_total{model="a",status="499"} 1.0' in counted


async def test_a_stream_left_early_cancels_the_model():
    a = model(Reply("It is four and more", hang=True))
    with served(create_app(models={"a": a})) as base_url:
        http = openai.DefaultAsyncHttpxClient(trust_env=False)
        async with openai.AsyncOpenAI(base_url=base_url, api_key="x", http_client=http) as sdk:
            streamed = await sdk.chat.completions.create(model="a", messages=QUESTION, stream=True)
            async with aclosing(streamed.response):
                async for chunk in streamed:
                    if chunk.choices[0].delta.content:
                        break
        await until(lambda: a.calls[0].cancelled)


async def test_a_disconnect_releases_the_slot():
    a = model([Reply("", hang=True), "four"])
    with served(create_app(models={"a": a}, max_concurrency=1)) as base_url:
        async with httpx.AsyncClient(trust_env=False, base_url=base_url) as outside:
            with pytest.raises(httpx.ReadTimeout):
                await outside.post("chat/completions", json=asking(), timeout=0.05)
            await ended(base_url)
            assert (await outside.post("chat/completions", json=asking())).status_code == 200


async def test_one_app_in_two_event_loops_keeps_streams_apart():
    models = {"a": model(Reply("It is", hang=True)), "b": model(Reply("four", delay_s=0.05))}
    app = create_app(models=models, keepalive_s=0.01)
    async with httpx.AsyncClient(trust_env=False) as outside:
        with served(app) as second:
            with served(app) as first:
                left = asyncio.create_task(outside.post(f"{first}/chat/completions", json=asking(stream=True)))
                await until(lambda: models["a"].calls)
                kept = asyncio.create_task(
                    outside.post(f"{second}/chat/completions", json=asking(model="b", stream=True))
                )
                await until(lambda: models["b"].calls)
                left.cancel()
                await asyncio.wait([left])
                await until(lambda: models["a"].calls[0].cancelled)
            assert text_of(events(await kept)) == "four"
            again = await outside.post(f"{second}/chat/completions", json=asking(model="b", stream=True))
            assert text_of(events(again)) == "four"


async def test_a_slow_start_sends_comments():
    clock = VirtualClock()
    a = model(Reply("It is", delay_s=35, delay_per_token_s=1), clock=clock)
    response = await client(a, keepalive_s=10).post(PATH, json=asking(stream=True))
    assert response.text.startswith(": keep-alive\n\n" * 3 + "data: ")
    assert response.text.count(": keep-alive") == 3
    assert text_of(events(response)) == "It is"


async def test_a_pause_in_a_stream_sends_comments():
    a = model(Reply("It is", delay_per_token_s=25), clock=VirtualClock())
    response = await client(a, keepalive_s=10).post(PATH, json=asking(stream=True))
    first, second = response.text.index('"content":"It"'), response.text.index('"content":" is"')
    assert 1 <= response.text[first:second].count(": keep-alive") <= 2


async def test_a_failure_after_a_comment_is_an_event():
    a = model(Reply("", delay_s=15, error=RuntimeError("late")), clock=VirtualClock())
    clock_client = client({"a": a}, keepalive_s=10)
    response = await clock_client.post(PATH, json=asking(stream=True))
    assert response.status_code == 200
    first, last = (line for line in response.text.split("\n\n") if line)
    assert first == ": keep-alive"
    assert last.startswith('data: {"error": {')


async def test_the_official_client_does_not_see_comments():
    a = model(Reply("four", delay_s=0.05))
    with served(create_app(models={"a": a}, keepalive_s=0.01)) as base_url:
        http = openai.DefaultAsyncHttpxClient(trust_env=False)
        async with openai.AsyncOpenAI(base_url=base_url, api_key="x", http_client=http) as sdk:
            streamed = await sdk.chat.completions.create(model="a", messages=QUESTION, stream=True)
            assert "".join([chunk.choices[0].delta.content or "" async for chunk in streamed]) == "four"


# while_connected


async def never():
    await asyncio.Event().wait()


async def test_cancellation_cancels_the_work():
    ended = []

    async def work():
        try:
            await never()
        finally:
            ended.append(True)

    task = asyncio.create_task(while_connected(never, work()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert ended == [True]


async def test_body_messages_are_no_disconnect():
    told = [{"type": "http.request"}, {"type": "http.request"}]

    async def receive():
        return told.pop() if told else await never()

    assert await while_connected(receive, asyncio.sleep(0.001, "done")) == "done"
    assert told == []

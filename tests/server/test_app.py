"""Routes, API key, size and concurrency limits."""

import asyncio

import pytest
from server.apps import PATH, asking, client, error, events, model

from lightrouter_graph import ContextError, PoolError
from lightrouter_graph.server import create_app
from lightrouter_graph.testing import Reply

KEY = "corp-4711-ключ"
BEARER = {"authorization": f"Bearer {KEY}".encode()}


async def test_the_list_of_models():
    told = (await client({"a": model("4"), "b/c": model("5")}).get("/v1/models")).json()
    assert told["object"] == "list"
    assert [entry["id"] for entry in told["data"]] == ["a", "b/c"]
    assert {entry["object"] for entry in told["data"]} == {"model"}
    assert {entry["owned_by"] for entry in told["data"]} == {"lightrouter"}
    assert all(isinstance(entry["created"], int) for entry in told["data"])


async def test_one_model_also_with_a_slash_in_its_name():
    http = client({"b/c": model("5")})
    assert (await http.get("/v1/models/b/c")).json()["id"] == "b/c"
    told = error(await http.get("/v1/models/nobody"), 404)
    assert (told["code"], told["param"]) == ("model_not_found", "model")
    assert "served models are b/c" in told["message"]


async def test_health():
    response = await client(model("4")).get("/healthz")
    assert response.json() == {"status": "ok"}


async def test_an_unknown_endpoint():
    told = error(await client(model("4")).post("/v1/embeddings", json={}), 404)
    assert told["message"].startswith(
        "unknown endpoint: POST /v1/embeddings; endpoints are POST /v1/chat/completions, "
    )


@pytest.mark.parametrize(("method", "path"), [("GET", PATH), ("POST", "/v1/models"), ("DELETE", "/v1/models/a")])
async def test_a_wrong_method(method, path):
    response = await client(model("4")).request(method, path)
    assert error(response, 405)["message"].startswith(f"method not allowed: {method} {path}; ")
    assert response.headers["allow"]


# the key


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer wrong"},
        {"authorization": "Bearer"},
        {"authorization": f"Basic {KEY}".encode()},
        {"authorization": KEY.encode()},
        {"authorization": b"Bearer \xff"},
    ],
)
@pytest.mark.parametrize("path", [PATH, "/v1/models", "/metrics", "/nowhere"])
async def test_requests_without_the_key_are_rejected(headers, path):
    a = model("4")
    response = await client(a, api_key=KEY).post(path, json=asking(), headers=headers)
    told = error(response, 401)
    assert (told["type"], told["code"]) == ("authentication_error", "invalid_api_key")
    assert response.headers["www-authenticate"] == "Bearer"
    assert KEY not in response.text
    assert a.calls == []


@pytest.mark.parametrize("headers", [BEARER, {"authorization": f"bearer  {KEY}".encode()}])
async def test_with_the_key(headers):
    http = client(model("4"), api_key=KEY)
    assert (await http.post(PATH, json=asking(), headers=headers)).status_code == 200
    assert (await http.get("/metrics", headers=headers)).status_code == 200


async def test_health_needs_no_key():
    assert (await client(model("4"), api_key=KEY).get("/healthz")).status_code == 200


# bodies


async def parts_of(number: int, read: list[int]):
    for index in range(number):
        read.append(index)
        yield b" " * 1000


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_too_large_is_not_read_to_its_end(announced):
    read: list[int] = []
    headers = {"content-type": "application/json"} | ({"content-length": "100000"} if announced else {})
    http = client(model("4"), max_body_bytes=2500)
    told = error(await http.post(PATH, content=parts_of(100, read), headers=headers), 413)
    assert told["message"] == "the body is larger than 2500 bytes"
    assert len(read) == (0 if announced else 3)


async def test_a_body_at_the_limit_is_read():
    body = b'{"model": "a", "messages": [{"role": "user", "content": "hi"}]}'
    http = client(model("4"), max_body_bytes=len(body))
    headers = {"content-type": "application/json; charset=utf-8", "content-length": "nonsense"}
    assert (await http.post(PATH, content=body, headers=headers)).status_code == 200


async def test_a_body_that_stops_gets_408():
    async def stopped():
        yield b'{"model": '
        await asyncio.Event().wait()

    http = client(model("4"), body_timeout_s=0.01)
    response = await http.post(PATH, content=stopped(), headers={"content-type": "application/json"})
    assert error(response, 408)["code"] == "request_timeout"
    assert response.headers["connection"] == "close"


async def test_bodies_that_arrive_together_have_a_memory_limit():
    go_on = asyncio.Event()

    async def slow():
        yield b" " * 1000
        await go_on.wait()

    http = client(model("4"), max_body_bytes=1000)
    headers = {"content-type": "application/json"}
    running = [asyncio.create_task(http.post(PATH, content=slow(), headers=headers)) for _ in range(20)]
    done, _ = await asyncio.wait(running, timeout=10, return_when=asyncio.FIRST_COMPLETED)
    assert {task.result().status_code for task in done} == {503}
    go_on.set()
    statuses = [(await task).status_code for task in running]
    assert statuses.count(503) == 4
    assert statuses.count(400) == 16
    assert (await http.post(PATH, json=asking())).status_code == 200


@pytest.mark.parametrize("announced", ["\u00b2".encode("latin-1"), b"9" * 5000, b"-1"])
async def test_an_odd_content_length_is_no_server_error(announced):
    headers = [("content-type", "application/json"), ("content-length", announced)]
    response = await client(model("4")).post(PATH, content=parts_of(1, []), headers=headers)
    assert response.status_code in {400, 413}


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_a_foreign_page_in_a_browser_cannot_call_the_server(content_type):
    a = model("4")
    response = await client(a).post(PATH, content=b"{}", headers={"content-type": content_type})
    assert error(response, 415)["message"].startswith("the content type must be application/json")
    assert a.calls == []


# concurrency


async def test_a_request_over_the_limit_gets_429():
    a = model(Reply("", hang=True))
    http = client({"a": a, "b": model("5")}, max_concurrency=2)
    running = [asyncio.create_task(http.post(PATH, json=asking(stream=streaming))) for streaming in (True, False)]
    while len(a.calls) < 2:  # noqa: ASYNC110  # nothing tells
        await asyncio.sleep(0)
    response = await http.post(PATH, json=asking(model="b"))
    told = error(response, 429)
    assert (told["type"], told["code"]) == ("rate_limit_error", "rate_limit_exceeded")
    assert response.headers["retry-after"] == "1"
    assert (await http.get("/v1/models")).status_code == 200
    for task in running:
        task.cancel()
    await asyncio.wait(running)
    assert (await http.post(PATH, json=asking(model="b"))).status_code == 200


async def test_a_slot_is_released_after_every_outcome():
    http = client({"a": model("4"), "broken": model(Reply("It", error=RuntimeError("x")))}, max_concurrency=1)
    for name, streaming in [("broken", False), ("broken", True), ("a", True), ("nobody", True), ("a", False)]:
        assert (await http.post(PATH, json=asking(model=name, stream=streaming))).status_code != 429


# building


def test_an_app_without_models_is_an_error():
    with pytest.raises(PoolError, match="no model to serve"):
        create_app(models={})


@pytest.mark.parametrize(
    "wrong",
    [{"max_concurrency": 0}, {"max_body_bytes": -1}, {"keepalive_s": 0}, {"body_timeout_s": 0}, {"api_key": " "}],
)
def test_limits_are_checked_when_the_app_is_built(wrong):
    with pytest.raises(ContextError):
        create_app(models={"a": model("4")}, **wrong)


async def test_two_apps_do_not_share_their_counts():
    first, second = client(model("4")), client(model("5"))
    events(await first.post(PATH, json=asking(stream=True)))
    assert 'lightrouter_requests_total{model="a"' in (await first.get("/metrics")).text
    assert 'lightrouter_requests_total{model="a"' not in (await second.get("/metrics")).text

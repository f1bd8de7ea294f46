"""Addresses, the key, the limits, and what is refused at the door."""

import asyncio

import pytest
from server.desk import PATH, asking, client, error, events, model

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
    desk = client({"b/c": model("5")})
    assert (await desk.get("/v1/models/b/c")).json()["id"] == "b/c"
    told = error(await desk.get("/v1/models/nobody"), 404)
    assert (told["code"], told["param"]) == ("model_not_found", "model")
    assert "there are: b/c" in told["message"]


async def test_health():
    response = await client(model("4")).get("/healthz")
    assert response.json() == {"status": "ok"}


async def test_an_unknown_address():
    told = error(await client(model("4")).post("/v1/embeddings", json={}), 404)
    assert told["message"] == "there is no such address: POST /v1/embeddings"


@pytest.mark.parametrize(("method", "path"), [("GET", PATH), ("POST", "/v1/models"), ("DELETE", "/v1/models/a")])
async def test_a_wrong_method(method, path):
    response = await client(model("4")).request(method, path)
    assert error(response, 405)["message"] == f"this address does not take that method: {method} {path}"
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
async def test_without_the_key_nobody_comes_in(headers, path):
    a = model("4")
    response = await client(a, api_key=KEY).post(path, json=asking(), headers=headers)
    told = error(response, 401)
    assert (told["type"], told["code"]) == ("authentication_error", "invalid_api_key")
    assert response.headers["www-authenticate"] == "Bearer"
    assert KEY not in response.text
    assert a.calls == []


@pytest.mark.parametrize("headers", [BEARER, {"authorization": f"bearer  {KEY}".encode()}])
async def test_with_the_key(headers):
    desk = client(model("4"), api_key=KEY)
    assert (await desk.post(PATH, json=asking(), headers=headers)).status_code == 200
    assert (await desk.get("/metrics", headers=headers)).status_code == 200


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
    desk = client(model("4"), max_body_bytes=2500)
    told = error(await desk.post(PATH, content=parts_of(100, read), headers=headers), 413)
    assert told["message"] == "the body is larger than 2500 bytes"
    assert len(read) == (0 if announced else 3)


async def test_a_body_at_the_limit_is_read():
    body = b'{"model": "a", "messages": [{"role": "user", "content": "hi"}]}'
    desk = client(model("4"), max_body_bytes=len(body))
    headers = {"content-type": "application/json; charset=utf-8", "content-length": "nonsense"}
    assert (await desk.post(PATH, content=body, headers=headers)).status_code == 200


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_a_page_in_a_browser_cannot_spend_without_being_allowed_to(content_type):
    a = model("4")
    response = await client(a).post(PATH, content=b"{}", headers={"content-type": content_type})
    assert error(response, 415)["message"].startswith("the content type must be application/json")
    assert a.calls == []


# how many at a time


async def test_one_request_too_many_is_refused_and_told_when_to_come_back():
    a = model(Reply("", hang=True))
    desk = client({"a": a, "b": model("5")}, max_concurrency=2)
    running = [asyncio.create_task(desk.post(PATH, json=asking(stream=streaming))) for streaming in (True, False)]
    while len(a.calls) < 2:  # noqa: ASYNC110  # nothing tells
        await asyncio.sleep(0)
    response = await desk.post(PATH, json=asking(model="b"))
    told = error(response, 429)
    assert (told["type"], told["code"]) == ("rate_limit_error", "rate_limit_exceeded")
    assert response.headers["retry-after"] == "1"
    assert (await desk.get("/v1/models")).status_code == 200
    for task in running:
        task.cancel()
    await asyncio.wait(running)
    assert (await desk.post(PATH, json=asking(model="b"))).status_code == 200


async def test_a_slot_is_given_back_whatever_happens():
    desk = client({"a": model("4"), "broken": model(Reply("It", error=RuntimeError("x")))}, max_concurrency=1)
    for name, streaming in [("broken", False), ("broken", True), ("a", True), ("nobody", True), ("a", False)]:
        assert (await desk.post(PATH, json=asking(model=name, stream=streaming))).status_code != 429


# building


def test_there_must_be_something_to_serve():
    with pytest.raises(PoolError, match="nothing to serve"):
        create_app(models={})


@pytest.mark.parametrize(
    "wrong", [{"max_concurrency": 0}, {"max_body_bytes": -1}, {"keepalive_s": 0}, {"api_key": " "}]
)
def test_limits_are_checked_when_the_app_is_built(wrong):
    with pytest.raises(ContextError):
        create_app(models={"a": model("4")}, **wrong)


async def test_two_apps_do_not_share_their_counts():
    first, second = client(model("4")), client(model("5"))
    events(await first.post(PATH, json=asking(stream=True)))
    assert 'lightrouter_requests_total{model="a"' in (await first.get("/metrics")).text
    assert 'lightrouter_requests_total{model="a"' not in (await second.get("/metrics")).text

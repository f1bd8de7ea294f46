"""The `Host` header: names of web pages that point to the server's address are refused."""

import pytest
from server.apps import PATH, asking, client, error, model

from lightrouter_graph import ContextError
from lightrouter_graph.server.hosts import LOOPBACK_HOSTS, checked_host, host_of

ALLOWED = [*LOOPBACK_HOSTS, "Router.example"]
KEY = "corp-4711-very-long"


async def ask(host, path=PATH, **settings):
    a = model("4")
    response = await client(a, **{"allowed_hosts": ALLOWED, **settings}).post(
        path, json=asking(), headers={"host": host}
    )
    return a, response


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:8000",
        "LOCALHOST.:8000",
        "127.0.0.1",
        "127.0.0.1:65535",
        "[::1]",
        "[::1]:8000",
        "[0:0:0:0:0:0:0:1]:8000",
        "router.example",
        "ROUTER.EXAMPLE.:80",
    ],
)
async def test_an_allowed_host_in_any_spelling(host):
    _, response = await ask(host)
    assert response.status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8000",
        "localhost.evil.example",
        "evil.example#localhost",
        "localhost@evil.example",
        "localhost:80:90",
        "localhost:x",
        "localhost,evil.example",
        "127.0.0.1.evil.example",
        "127.0.0.2",
        "2130706433",
        "0x7f.1",
        "::1",
        "[::1",
        "[::1]evil.example",
        "[::2]",
        "[1.2.3.4]",
        "sub.router.example",
        "..",
        "",
        "x" * 5000,
    ],
)
async def test_any_other_host_is_refused_before_a_model_is_called(host):
    a, response = await ask(host)
    told = error(response, 421)
    assert told["code"] == "host_not_allowed"
    assert "--allowed-host" in told["message"]
    assert len(told["message"]) < 500
    assert a.calls == []


@pytest.mark.parametrize("path", ["/v1/models", "/metrics", "/nowhere", "/", "/healthz/", "//healthz"])
async def test_every_path_but_the_health_check_is_protected(path):
    http = client(model("4"), allowed_hosts=ALLOWED)
    assert (await http.get(path, headers={"host": "evil.example"})).status_code == 421


async def test_the_health_check_answers_a_probe_by_address_and_tells_nothing():
    response = await client(model("4"), allowed_hosts=ALLOWED).get("/healthz", headers={"host": "10.0.0.7:8000"})
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


async def test_two_hosts_are_as_bad_as_the_worse():
    http = client(model("4"), allowed_hosts=ALLOWED)
    headers = [("host", "localhost"), ("host", "evil.example")]
    assert (await http.get("/v1/models", headers=headers)).status_code == 421


async def test_without_a_list_and_with_a_star_any_host_is_allowed():
    for hosts in (None, ["*"]):
        _, response = await ask("evil.example", allowed_hosts=hosts)
        assert response.status_code == 200


async def test_a_key_does_not_lift_a_list():
    _, response = await ask("evil.example", api_key=KEY)
    assert error(response, 421)["code"] == "host_not_allowed"
    _, response = await ask("localhost", api_key=KEY)
    assert error(response, 401)["code"] == "invalid_api_key"


@pytest.mark.parametrize(
    ("given", "known"),
    [("::1", "[::1]"), ("[::1]", "[::1]"), ("fe80::1%eth0", "[fe80::1]"), ("PC.local.", "pc.local"), ("*", "*")],
)
def test_an_allowed_host_is_normalised(given, known):
    assert checked_host(given) == known


@pytest.mark.parametrize("wrong", ["http://pc", "pc:8000", "", "a b", "[::1]:80", "p\u00e4c", "*.example"])
def test_an_invalid_allowed_host_is_an_error_when_the_app_is_built(wrong):
    with pytest.raises(ContextError, match="allowed host"):
        client(model("4"), allowed_hosts=[wrong])


def test_the_parser_of_a_host_is_linear():
    assert host_of("a." * 500_000) is None
    assert host_of("[" + ":" * 1_000_000 + "]") is None

"""CORS: which web pages may call the server from a browser."""

import pytest
from server.apps import PATH, asking, client, error, model

from lightrouter_graph import ContextError

PAGE = "https://app.example"
PREFLIGHT = {
    "origin": PAGE,
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type,x-stainless-lang",
}
KEY = "corp-4711-very-long"


def allowing(*origins, **settings):
    return client(model("4"), cors_origins=origins, **settings)


def cors_headers(response):
    return {name for name in response.headers if name.startswith("access-control-")}


async def test_without_an_origin_no_page_is_allowed():
    http = client(model("4"))
    assert (await http.options(PATH, headers=PREFLIGHT)).status_code == 405
    assert not cors_headers(await http.post(PATH, json=asking(), headers={"origin": PAGE}))


async def test_a_preflight_request_of_an_allowed_page_needs_no_key():
    response = await allowing(PAGE, api_key=KEY).options(PATH, headers=PREFLIGHT)
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == PAGE
    assert "POST" in response.headers["access-control-allow-methods"]
    assert response.headers["access-control-allow-headers"] == PREFLIGHT["access-control-request-headers"]
    assert "access-control-allow-credentials" not in response.headers


@pytest.mark.parametrize("streaming", [True, False])
async def test_an_allowed_page_can_read_the_answer_and_its_headers(streaming):
    response = await allowing(PAGE, "http://localhost:5173").post(
        PATH, json=asking(stream=streaming), headers={"origin": PAGE}
    )
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == PAGE
    assert "x-lightrouter-usd" in response.headers["access-control-expose-headers"]
    assert "origin" in response.headers["vary"].lower()


async def test_an_allowed_public_page_may_reach_a_private_address():
    asked = {**PREFLIGHT, "access-control-request-private-network": "true"}
    assert (await allowing(PAGE).options(PATH, headers=asked)).status_code == 200


async def test_an_allowed_page_can_read_errors():
    http = allowing(PAGE, api_key=KEY)
    response = await http.post(PATH, json=asking(), headers={"origin": PAGE})
    assert error(response, 401)["code"] == "invalid_api_key"
    assert response.headers["access-control-allow-origin"] == PAGE


@pytest.mark.parametrize(
    "origin", ["https://app.example.evil.example", "http://app.example", "https://app.example:8443", "null", ""]
)
async def test_another_page_is_not_allowed(origin):
    http = allowing(PAGE)
    refused = await http.options(PATH, headers={**PREFLIGHT, "origin": origin})
    assert refused.status_code == 400
    assert "access-control-allow-origin" not in refused.headers
    response = await http.post(PATH, json=asking(), headers={"origin": origin})
    assert "access-control-allow-origin" not in response.headers


async def test_a_star_allows_every_page_without_credentials():
    http = allowing("*")
    for response in (
        await http.options(PATH, headers=PREFLIGHT),
        await http.post(PATH, json=asking(), headers={"origin": "https://any.example", "cookie": "a=b"}),
    ):
        assert response.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in response.headers


async def test_a_page_under_a_foreign_host_is_refused_before_its_preflight():
    http = allowing(PAGE, allowed_hosts=["localhost"])
    assert (await http.options(PATH, headers={**PREFLIGHT, "host": "evil.example"})).status_code == 421


async def test_an_origin_is_compared_as_a_browser_sends_it():
    for given in ("HTTPS://App.Example", "https://app.example/", "https://app.example:443"):
        response = await allowing(given).options(PATH, headers=PREFLIGHT)
        assert response.headers["access-control-allow-origin"] == PAGE


@pytest.mark.parametrize(
    "wrong", ["app.example", "https://app.example/page", "https://*.example", "null", "", "https://"]
)
def test_an_invalid_origin_is_an_error_when_the_app_is_built(wrong):
    with pytest.raises(ContextError, match="CORS origin"):
        allowing(wrong)

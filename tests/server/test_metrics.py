"""Metrics, as a Prometheus scraper reads them."""

import pytest
from helpers import scripted
from prometheus_client.parser import text_string_to_metric_families
from server.apps import PATH, asking, client, model, routed

from lightrouter_graph import ChatLightRouter
from lightrouter_graph.testing import Reply

FOUR = "The answer is 4."
ANSWERED = {"model": "a", "status": "200"}


async def counts(http):
    text = (await http.get("/metrics")).text
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]

    def value(name, **labels):
        found = [s.value for s in samples if s.name == name and s.labels == labels]
        return found[0] if found else None

    return value


async def test_answers_are_counted_with_tokens_and_cost():
    http = client(model(routed("It is four.")))
    whole = (await http.post(PATH, json=asking())).json()["usage"]
    await http.post(PATH, json=asking(stream=True))
    value = await counts(http)
    assert value("lightrouter_requests_total", **ANSWERED) == 2
    assert value("lightrouter_in_flight") == 0
    assert value("lightrouter_request_seconds_count", model="a") == 2
    assert value("lightrouter_first_token_seconds_count", model="a") == 1
    assert value("lightrouter_tokens_total", model="a", direction="in") == 2 * whole["prompt_tokens"]
    assert value("lightrouter_tokens_total", model="a", direction="out") == 2 * whole["completion_tokens"]
    assert value("lightrouter_usd_total", model="a") == pytest.approx(2 * 0.0000125)


@pytest.mark.parametrize("streaming", [True, False])
async def test_failures_are_counted_by_status(streaming):
    http = client(model(Reply("It is", error=RuntimeError("a bug"))))
    await http.post(PATH, json=asking(stream=streaming))
    value = await counts(http)
    assert value("lightrouter_requests_total", model="a", status="500") == 1
    assert value("lightrouter_cancelled_total", model="a") is None
    assert value("lightrouter_tokens_total", model="a", direction="in") is None


async def test_candidates_that_failed_are_counted_by_cause_also_where_others_answered():
    pool = scripted(ada=FOUR, bob=TimeoutError("late"), cyd=RuntimeError("no"))
    http = client({"a": ChatLightRouter(pool=pool)})
    for _ in range(2):
        assert (await http.post(PATH, json=asking())).status_code == 200
    value = await counts(http)
    assert value("lightrouter_candidate_failures_total", candidate="bob", cause="timeout") == 2
    assert value("lightrouter_candidate_failures_total", candidate="cyd", cause="bad_response") == 2
    assert value("lightrouter_candidate_failures_total", candidate="ada", cause="timeout") is None


async def test_the_cost_of_a_failed_run_is_counted():
    http = client({"a": ChatLightRouter(pool=scripted(ada="", bob=TimeoutError("late"), price=(1.0, 1.0)))})
    assert (await http.post(PATH, json=asking())).status_code == 502
    value = await counts(http)
    assert value("lightrouter_candidate_failures_total", candidate="ada", cause="empty") == 1
    assert value("lightrouter_tokens_total", model="a", direction="in") > 0
    assert value("lightrouter_usd_total", model="a") > 0


async def test_names_of_unknown_models_are_not_counted():
    http = client(model("4"))
    for name in ("x", "y", "z"):
        await http.post(PATH, json=asking(model=name))
    await http.post(PATH, json=asking(n=3))
    value = await counts(http)
    assert value("lightrouter_requests_total", model="unknown", status="404") == 3
    assert value("lightrouter_requests_total", model="unknown", status="400") == 1


async def test_the_scraper_chooses_the_format():
    accept = {"accept": "application/openmetrics-text; version=1.0.0"}
    response = await client(model("4")).get("/metrics", headers=accept)
    assert response.headers["content-type"].startswith("application/openmetrics-text")
    assert response.text.endswith("# EOF\n")

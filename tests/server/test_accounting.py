"""Fields for accounting on their way to providers, over HTTP."""

import httpx
import pytest
from langchain_openai import ChatOpenAI
from server.apps import PATH, QUESTION

from lightrouter_graph import Candidate, Context, Pool
from lightrouter_graph.server import create_app
from lightrouter_graph.testing import RecordedModelServer, ScriptedChatModel

RECORD = {"question": QUESTION[0]["content"], "outputs": {name: {"text": "The answer is 4."} for name in "ab"}}
FIELDS = {
    "user": "customer-42",
    "safety_identifier": "s1",
    "metadata": {"order": "7"},
    "prompt_cache_key": "k1",
    "service_tier": "flex",
    "store": False,
}


@pytest.fixture
def server():
    with RecordedModelServer([RECORD]) as running:
        yield running


def pool_at(server):
    at = {"base_url": server.base_url, "api_key": "none", "max_retries": 0}
    other = ScriptedChatModel(responses="The answer is 5.", name="other", then="repeat_last")
    models = {name: ChatOpenAI(model=name, **at) for name in "ab"} | {"other": other}
    return Pool([Candidate(name, model) for name, model in models.items()])


@pytest.mark.parametrize("streaming", [True, False])
async def test_they_reach_every_candidate_that_can_take_them(server, streaming):
    pool = pool_at(server)
    transport = httpx.ASGITransport(create_app(pool, context=Context(width=None, agree=None, top_k=3)))
    async with httpx.AsyncClient(transport=transport, base_url="http://app") as http:
        body = {"model": "lightrouter", "messages": QUESTION, "stream": streaming, **FIELDS}
        assert (await http.post(PATH, json=body)).status_code == 200
    assert {request.body["model"] for request in server.requests} == {"a", "b"}
    assert all({name: request.body.get(name) for name in FIELDS} == FIELDS for request in server.requests)
    [*others] = pool["other"].model.calls
    assert others
    assert not any(FIELDS.keys() & call.kwargs.keys() or "extra_body" in call.kwargs for call in others)

"""A model with injected faults, and two clients of it."""

import httpx
import pytest
from langchain_openai import ChatOpenAI

from lightrouter_graph.testing import RecordedModelServer

REPLY = "Two plus two is four, of course."


@pytest.fixture(scope="module")
def running_model():
    with RecordedModelServer(responders={"m": lambda body: REPLY}) as server:
        yield server


@pytest.fixture
def played(running_model):
    """The server; its model "m" replies `REPLY`."""
    running_model.reset()
    yield running_model
    running_model.wait_until_idle()
    running_model.failures.clear()
    running_model.behaviours.clear()


@pytest.fixture
def post(played):
    """Call it over plain HTTP."""
    with httpx.Client(base_url=played.base_url, trust_env=False) as client:

        def post(*contents, **body):
            asked = [{"role": "user", "content": content} for content in contents or ("2 + 2?",)]
            return client.post("chat/completions", json={"model": "m", "messages": asked, **body})

        yield post


@pytest.fixture
async def talk(played):
    """Call it through `ChatOpenAI`."""
    async with httpx.AsyncClient(trust_env=False) as client:

        def talk(**settings):
            return ChatOpenAI(
                model="m",
                base_url=played.base_url,
                api_key="any",
                http_async_client=client,
                **{"timeout": 5.0, "stream_usage": True, "max_retries": 0, **settings},
                stream_chunk_timeout=0,  # its wait_for loses cancellations on Python 3.11
            )

        yield talk

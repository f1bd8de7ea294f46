"""A client of the test module's `server`."""

import httpx
import pytest
from langchain_openai import ChatOpenAI


@pytest.fixture
async def chat(server):
    """Call a recorded model through `ChatOpenAI`."""
    async with httpx.AsyncClient(trust_env=False) as client:

        def chat(model="small", **settings):
            return ChatOpenAI(
                model=model,
                base_url=server.base_url,
                api_key="secret",
                http_async_client=client,
                max_retries=0,
                stream_usage=True,
                **settings,
            )

        yield chat

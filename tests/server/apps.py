"""Apps with scripted models: in process, and on a loopback port."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from starlette.applications import Starlette

from lightrouter_graph.server import create_app
from lightrouter_graph.testing import Response, ScriptedChatModel
from lightrouter_graph.testing.server.uvicorn_thread import ServerThread

QUESTION = [{"role": "user", "content": "How many apples are in the basket?"}]
PATH = "/v1/chat/completions"
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Tell the weather.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
DECISION = {
    "merged": "vote",
    "merged_by": "ada",
    "stopped": "2 answers agree",
    "bill": {"calls": 3, "usd": 0.0000125, "usd_known": 0.0000125},
}


def model(*script: Response, **fields: Any) -> ScriptedChatModel:
    """Script a model: one response for every call, or several in turn."""
    responses = script[0] if len(script) == 1 else list(script)
    return ScriptedChatModel(**{"responses": responses, "name": "a", **fields})


def routed(text: str = "four", **metadata: Any) -> AIMessage:
    """Build an answer with a decision record, as the router gives it."""
    return AIMessage(text, response_metadata={"lightrouter": DECISION, **metadata})


def asking(**fields: Any) -> dict[str, Any]:
    """Build a request body."""
    return {"model": "a", "messages": QUESTION, **fields}


def client(
    models: Mapping[str, BaseChatModel] | BaseChatModel, *, raises: bool = True, **settings: Any
) -> httpx.AsyncClient:
    """Return a client of an app in this process; a lone model is served as `a`."""
    served = {"a": models} if isinstance(models, BaseChatModel) else models
    transport = httpx.ASGITransport(create_app(models=served, **settings), raise_app_exceptions=raises)
    return httpx.AsyncClient(transport=transport, base_url="http://app")


async def post(models: Mapping[str, BaseChatModel] | BaseChatModel, **fields: Any) -> httpx.Response:
    """Send one request to a new app."""
    return await client(models).post(PATH, json=asking(**fields))


async def stream(models: Mapping[str, BaseChatModel] | BaseChatModel, **fields: Any) -> list[dict[str, Any]]:
    """Request a stream from a new app and return its events."""
    return events(await post(models, stream=True, **fields))


def events(response: httpx.Response) -> list[dict[str, Any]]:
    """Return the events of a stream after a check of its end."""
    lines = [line for line in response.text.splitlines() if line and not line.startswith(":")]
    assert lines[-1] == "data: [DONE]"
    return [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]


def text_of(streamed: list[dict[str, Any]]) -> str:
    """Join the text of a stream."""
    deltas = [choice["delta"] for event in streamed for choice in event["choices"]]
    return "".join(delta.get("content") or "" for delta in deltas)


def error(response: httpx.Response, status: int) -> dict[str, Any]:
    """Return the error of a response after a check of its keys."""
    assert response.status_code == status, response.text
    told = response.json()["error"]
    assert set(told) == {"message", "type", "param", "code"}
    return told


@contextmanager
def served(app: Starlette) -> Iterator[str]:
    """Serve an app on a loopback port, in a thread; yields the base URL for clients."""
    thread = ServerThread(app, 0)
    thread.start()
    try:
        yield f"http://127.0.0.1:{thread.port}/v1"
    finally:
        thread.stop()

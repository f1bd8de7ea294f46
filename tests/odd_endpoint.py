"""An OpenAI-compatible endpoint that answers with whatever JSON a test gives it, without a network."""

import json
from collections.abc import Callable
from typing import Any

import httpx
from langchain_openai import ChatOpenAI

from lightrouter_graph import Candidate

COUNTED = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}


class Endpoint(httpx.MockTransport):
    """Answers each request with what `reply(body)` returns: one JSON body, or the list of the chunks of a stream.

    A stream ends with `data: [DONE]`. `bodies` has the requests.
    """

    def __init__(self, reply: Callable[[dict[str, Any]], Any]) -> None:
        self._reply, self.bodies = reply, []
        super().__init__(self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        self.bodies.append(body)
        found = self._reply(body)
        if isinstance(found, list):
            events = [f"data: {chunk if isinstance(chunk, str) else json.dumps(chunk)}\n\n" for chunk in found]
            content = "".join([*events, "data: [DONE]\n\n"])
            return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=content.encode())
        content = found if isinstance(found, str) else json.dumps(found)
        return httpx.Response(200, headers={"content-type": "application/json"}, content=content.encode())

    def candidate(self, name: str = "a", price: Any = (1.0, 10.0), *, model: str | None = None, **known: Any):
        """Build a candidate that is served by this endpoint; retries are off."""
        settings = {"base_url": "http://odd.test/v1", "api_key": "none", "max_retries": 0}
        settings |= known.pop("settings", {})
        chat = ChatOpenAI(model=model or name, http_async_client=httpx.AsyncClient(transport=self), **settings)
        return Candidate(name, chat, price=price, **known)


def body(
    text: Any = "The answer is 391.", reason: Any = "stop", usage: Any = COUNTED, **message: Any
) -> dict[str, Any]:
    """Build a whole response."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text, **message}, "finish_reason": reason}
    sent = {"id": "r1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
    return sent if usage is None else {**sent, "usage": usage}


def chunk(delta: Any, reason: Any = None, usage: Any = None, **others: Any) -> dict[str, Any]:
    """Build a chunk of a stream."""
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    sent = {"id": "r1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice], **others}
    return sent if usage is None else {**sent, "usage": usage}


def either(sent: dict[str, Any], text: str, reason: Any = "stop", usage: Any = COUNTED) -> Any:
    """Build a response in the form that the request asks for."""
    if not sent.get("stream"):
        return body(text, reason, usage)
    return [chunk({"role": "assistant", "content": text}), chunk({}, reason, usage)]

"""Models that repeat the key they were given, in every way a provider, a proxy or a careless package does."""

import base64
import html
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from lightrouter_graph import Candidate

SHAPED = "sk-proj-q7Zr2Lw9XcV4bN6mK8tYuP3s"
PLAIN = "plain-secret-value-42"
ODD = 'k/e+y="4&2<odd>#tail'

KEYS = {"of a provider's shape": SHAPED, "of no shape": PLAIN, "of odd characters": ODD}

Told = tuple[int, str, str]
"""Status, content type and body of a response."""


def _as_error(status: int, message: str) -> Told:
    return status, "application/json", json.dumps({"error": {"message": message, "type": "x", "code": None}})


SAID: dict[str, Callable[[str], Told]] = {
    "refused-key": lambda key: _as_error(401, f"Incorrect API key provided: {key}. Find yours at https://x/keys."),
    "masked": lambda key: _as_error(401, f"Incorrect API key provided: {key[:11]}*****{key[-4:]}."),
    "dotted": lambda key: _as_error(403, f"Key {key[:11]}... may not do that"),
    "address": lambda key: _as_error(404, f"GET /v1/chat?api_key={quote(key, safe='')} and /{quote(key)}/x not found"),
    "base64": lambda key: _as_error(400, f"bad header: {base64.b64encode(f'me:{key}'.encode()).decode()}"),
    "nested-json": lambda key: _as_error(
        500, json.dumps({"upstream": json.dumps({"headers": {"authorization": key}})})
    ),
    "page": lambda key: (502, "text/html", f"<html><body><pre>Authorization: Bearer {html.escape(key)}</pre></body>"),
    "page-that-is-no-error": lambda key: (200, "text/html", f"<html><body>{html.escape(key)}</body></html>"),
    "no-completion": lambda key: (200, "application/json", json.dumps({"debug": {"key": key}, "choices": None})),
    "curtailed": lambda key: (200, "application/json", f'{{"choices": [{{"message": "{key}'),
    "limited": lambda key: _as_error(429, f"{key} is over its quota"),
}
"""What a provider says by the name of the model that is asked."""


@contextmanager
def echoing_server() -> Iterator[str]:
    """Serve all of `SAID` on a free port; yields the base URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        status, content_type, said = SAID[asked["model"]](self.headers["authorization"].removeprefix("Bearer "))
        body = said.encode()
        self.send_response(status)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(body)))
        self.send_header("x-debug-key", self.headers["authorization"])
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class LeakyChat(BaseChatModel):
    """A chat model of somebody's own that shows its key wherever it can."""

    key: SecretStr
    fails: bool = True

    def __repr__(self) -> str:
        return f"LeakyChat(key={self.key.get_secret_value()!r})"

    __str__ = __repr__

    @property
    def _llm_type(self) -> str:
        return "leaky"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        key = self.key.get_secret_value()
        if self.fails:
            refused = ConnectionError(f"401 for {{'Authorization': 'Bearer {key}'}}")
            raise RuntimeError(f"could not log in as {key}", {"key": key}) from refused
        debug = {"headers": {"authorization": f"Bearer {key}"}}
        message = AIMessage("The answer is 4.", response_metadata=debug, additional_kwargs=debug)
        return ChatResult(generations=[ChatGeneration(message=message)])


def leaking(base_url: str, key: str) -> list[Candidate]:
    """Build a candidate for each way to leak; all of them fail."""
    named = {name: _chat(name, base_url, key) for name in SAID}
    named["nobody-there"] = _chat("m", f"http://127.0.0.1:{_closed_port()}/{quote(key, safe='')}/v1", key)
    return [
        *(Candidate(name, model) for name, model in named.items()),
        Candidate("in-a-header", _chat("refused-key", base_url, "none", {"Authorization": f"Bearer {key}"})),
        Candidate("own-class", LeakyChat(key=SecretStr(key))),
    ]


def _chat(name: str, base_url: str, key: str, headers: dict[str, str] | None = None) -> ChatOpenAI:
    return ChatOpenAI(model=name, base_url=base_url, api_key=SecretStr(key), max_retries=0, default_headers=headers)


def _closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def shown(key: str, where: str | bytes) -> list[str]:
    """Return what of a key can be read somewhere: written out, encoded, or eight characters of it in a row."""
    text = where.decode(errors="replace") if isinstance(where, bytes) else where
    forms = {key, quote(key, safe=""), html.escape(key), json.dumps(key)[1:-1], key.encode().hex()}
    forms |= {base64.b64encode(b"me:" + key.encode()).decode()[4:-4], base64.b64encode(key.encode()).decode()[:-4]}
    forms |= {key[at : at + 8] for at in range(len(key) - 7)}
    return sorted(form for form in forms if form in text)

"""A stand-in for LangSmith that also keeps data sets, examples and projects, and refuses what is there already."""

import json
import uuid
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from langsmith_ingest import _INFO, LangSmithIngest

TENANT = str(uuid.UUID(int=7))
WHEN = "2026-01-02T03:04:05+00:00"
PAGE = 100
INFO = _INFO | {"instance_flags": {"dataset_examples_multipart_enabled": True}}


class LangSmithStore(LangSmithIngest):
    """Serves on a free port of 127.0.0.1 while it is entered.

    Attributes:
        datasets: By name.
        projects: By name.
        examples: By id, with their `inputs`, `outputs` and `metadata`.
        refusals: What to answer instead, by path: a status and a body.
    """

    def __init__(self) -> None:
        super().__init__()
        self._server.RequestHandlerClass = _handler_of(self)
        self.datasets: dict[str, dict[str, Any]] = {}
        self.projects: dict[str, dict[str, Any]] = {}
        self.examples: dict[str, dict[str, Any]] = {}
        self.refusals: dict[str, tuple[int, str]] = {}
        self.keys: set[str | None] = set()

    def look_up(self, path: str, asked: dict[str, list[str]]) -> list[Any]:
        kept = {"/datasets": self.datasets, "/sessions": self.projects}.get(path)
        if kept is not None:
            return (
                [kept[name] for name in asked.get("name", []) if name in kept] if "name" in asked else [_project("-")]
            )
        offset = int(asked["offset"][0])
        found = [one for one in self.examples.values() if one["dataset_id"] == asked["dataset"][0]]
        return found[offset : offset + PAGE]

    def keep(self, path: str, body: bytes) -> tuple[int, Any]:
        if path == "/datasets":
            return _keep(self.datasets, {"id": str(uuid.uuid4()), "created_at": WHEN, **json.loads(body)})
        if path == "/sessions":
            return _keep(self.projects, {"reference_dataset_id": None} | _project("") | json.loads(body))
        if path.endswith("/examples"):
            return self._keep_examples(path.split("/")[-2])
        return 202, {}

    def _keep_examples(self, dataset_id: str) -> tuple[int, Any]:
        came: dict[str, dict[str, Any]] = {}
        while self._parts and not self._parts[-1][0].startswith(("post.", "feedback.")):
            name, content = self._parts.pop()
            example_id, _, part = name.partition(".")
            came.setdefault(example_id, {}).update({part: json.loads(content)} if part else json.loads(content))
        if set(came) & set(self.examples):
            return 409, {"detail": "there is such an example"}
        for example_id, told in reversed(came.items()):
            self.examples[example_id] = {"created_at": WHEN} | told | {"id": example_id, "dataset_id": dataset_id}
        return 201, {"example_ids": list(came), "count": len(came)}


def _keep(kept: dict[str, dict[str, Any]], new: dict[str, Any]) -> tuple[int, Any]:
    if new["name"] in kept:
        return 409, {"detail": "there is one of that name"}
    kept[new["name"]] = new
    return 200, new


def _project(name: str) -> dict[str, Any]:
    return {
        "id": str(uuid.UUID(int=1)),
        "name": name,
        "tenant_id": TENANT,
        "start_time": WHEN,
        "reference_dataset_id": None,
    }


def _handler_of(store: LangSmithStore) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            address = urlsplit(self.path)
            store.requests.append(f"GET {self.path}")
            self._answer(
                address.path,
                lambda: (
                    200,
                    INFO if address.path == "/info" else store.look_up(address.path, parse_qs(address.query)),
                ),
            )

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.path not in store.refusals:
                store.take(f"POST {self.path}", self.headers["content-type"] or "", body)
            self._answer(self.path, lambda: store.keep(self.path, body))

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def _answer(self, path: str, act: Any) -> None:
            store.keys.add(self.headers["x-api-key"])
            status, said = store.refusals.get(path) or act()
            body = said.encode() if isinstance(said, str) else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler

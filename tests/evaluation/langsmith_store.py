"""LangSmith server on loopback that keeps uploaded experiments and looks them up by name."""

import json
import uuid
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from langsmith_ingest import _INFO, LangSmithIngest

TENANT = str(uuid.UUID(int=7))
WHEN = "2026-01-02T03:04:05+00:00"
UPLOAD = "/datasets/upload-experiment"


class LangSmithStore(LangSmithIngest):
    """Serves on a free port of 127.0.0.1 while it is entered.

    Attributes:
        uploads: Body of each uploaded experiment by name.
        datasets: Id of each data set by name.
        refusals: Status and body to answer instead, by path.
        keys: API keys of the requests.
    """

    def __init__(self) -> None:
        super().__init__()
        self._server.RequestHandlerClass = _handler_of(self)
        self.uploads: dict[str, dict[str, Any]] = {}
        self.projects: dict[str, dict[str, Any]] = {}
        self.datasets: dict[str, str] = {}
        self.refusals: dict[str, tuple[int, str]] = {}
        self.keys: set[str | None] = set()

    def upload(self, body: dict[str, Any]) -> tuple[int, Any]:
        name, dataset = body["experiment_name"], body["dataset_name"]
        if name in self.uploads:
            return 409, {"detail": "there is one of that name"}
        self.uploads[name] = body
        dataset_id = self.datasets.setdefault(dataset, str(uuid.uuid4()))
        self.projects[name] = {
            "id": str(uuid.uuid4()),
            "name": name,
            "tenant_id": TENANT,
            "start_time": WHEN,
            "reference_dataset_id": dataset_id,
        }
        return 200, {"experiment": self.projects[name], "dataset": {"id": dataset_id, "name": dataset}}

    def look_up(self, names: list[str]) -> list[Any]:
        return [self.projects[name] for name in names if name in self.projects]


def _handler_of(store: LangSmithStore) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            address = urlsplit(self.path)
            store.requests.append(f"GET {self.path}")
            names = parse_qs(address.query).get("name", [])
            self._answer(address.path, 200, _INFO if address.path == "/info" else store.look_up(names))

        def do_POST(self) -> None:
            store.requests.append(f"POST {self.path}")
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            refused = self.path in store.refusals
            self._answer(self.path, *((0, None) if refused else store.upload(body)))

        def log_message(self, *_: object) -> None:
            """Log nothing."""

        def _answer(self, path: str, status: int, content: Any) -> None:
            store.keys.add(self.headers["x-api-key"])
            status, content = store.refusals.get(path, (status, content))
            body = content.encode() if isinstance(content, str) else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler

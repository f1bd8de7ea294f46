"""A stand-in for LangSmith's ingest: keeps every byte that was posted and puts the runs together again."""

import json
import threading
import uuid
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from langsmith import Client, tracing_context

_INFO = {
    "version": "0.13.0",
    "batch_ingest_config": {
        "use_multipart_endpoint": True,
        "scale_up_qsize_trigger": 1000,
        "scale_up_nthreads_limit": 16,
        "scale_down_nempty_trigger": 4,
        "size_limit": 100,
        "size_limit_bytes": 20_000_000,
    },
    "instance_flags": {},
}


@dataclass
class Run:
    """One run as posted and patched."""

    id: str
    fields: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.fields["name"]

    @property
    def kind(self) -> str:
        return self.fields["run_type"]

    @property
    def parent(self) -> str | None:
        return self.fields.get("parent_run_id")

    @property
    def tags(self) -> set[str]:
        return set(self.fields.get("tags") or ())

    @property
    def metadata(self) -> dict[str, Any]:
        return self.fields["extra"]["metadata"]

    @property
    def order(self) -> str:
        return self.fields["dotted_order"]


class LangSmithIngest:
    """Serves on a free port of 127.0.0.1 while it is entered."""

    def __init__(self) -> None:
        self.bodies: deque[bytes] = deque()
        self.requests: deque[str] = deque()
        self._parts: deque[tuple[str, bytes]] = deque()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "LangSmithIngest":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @contextmanager
    def traced(self, project: str = "test", **settings: Any) -> Iterator[None]:
        """Trace to here what happens inside; at the end everything has arrived."""
        client = Client(api_url=self.url, api_key="lsv2-none", **settings)
        with tracing_context(enabled=True, client=client, project_name=project):
            yield
        client.flush()
        client.cleanup()

    @property
    def sent(self) -> bytes:
        """Everything that was posted."""
        return b"\n".join(self.bodies)

    @property
    def feedback(self) -> list[dict[str, Any]]:
        """The feedback that was posted."""
        return [json.loads(body) for name, body in self._parts if name.startswith("feedback.")]

    @property
    def runs(self) -> list[Run]:
        """The runs, in the order of the trace; a patch is laid over its post."""
        runs: dict[str, Run] = {}
        for name, body in self._parts:
            verb, _, rest = name.partition(".")
            if verb in ("post", "patch"):
                run_id, _, key = rest.partition(".")
                given = json.loads(body)
                runs.setdefault(run_id, Run(run_id)).fields.update({key: given} if key else given)
        return sorted(runs.values(), key=lambda run: run.order)

    @property
    def root(self) -> Run:
        """The one run without a parent."""
        (root,) = (run for run in self.runs if run.parent is None)
        return root

    def named(self, name: str) -> Run:
        """Return the one run of that name."""
        (run,) = (run for run in self.runs if run.name == name)
        return run

    def paths(self) -> list[str]:
        """Return every run as its names from the root down, sorted: parallel branches may finish in any order."""
        by_id = {run.id: run for run in self.runs}

        def names(run: Run) -> Iterator[str]:
            if run.parent is not None:
                yield from names(by_id[run.parent])
            yield run.name

        return sorted(" > ".join(names(run)) for run in by_id.values())

    def take(self, line: str, content_type: str, body: bytes) -> None:
        """Note one request."""
        self.requests.append(line)
        self.bodies.append(body)
        if content_type.startswith("multipart/"):
            message = BytesParser().parsebytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
            for part in message.get_payload():
                name = unquote(str(part.get_param("name", header="content-disposition")))
                self._parts.append((name, part.get_payload(decode=True)))


def project_of(name: str) -> dict[str, Any]:
    """Return a project as the API tells it."""
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_DNS, name)),
        "name": name,
        "tenant_id": str(uuid.UUID(int=0)),
        "reference_dataset_id": None,
    }


def _handler_of(ingest: LangSmithIngest) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            ingest.requests.append(f"GET {self.path}")
            address = urlsplit(self.path)
            names = parse_qs(address.query).get("name", [])
            self._answer(200, _INFO if address.path == "/info" else [project_of(name) for name in names])

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            ingest.take(f"POST {self.path}", self.headers["content-type"] or "", body)
            self._answer(202, {})

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def _answer(self, status: int, said: Any) -> None:
            body = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler

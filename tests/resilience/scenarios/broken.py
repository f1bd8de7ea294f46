"""Broken HTTP and broken bodies: whatever arrives, the others answer, and one alone is the one error."""

import gzip
import json
from collections.abc import Iterator

from resilience.scenarios.replies import RIGHT, SSE, events, piece, whole
from resilience.scenarios.scenario import Scenario, beside, scenario
from resilience.scenarios.wire import Reply, Respond

KIND = "broken"
JSON = {"content-type": "application/json"}
_BODY = json.dumps(whole(RIGHT)).encode()
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
_WORD = piece({"role": "assistant", "content": "The river"})

RAW: dict[str, bytes] = {
    "nothing": b"",
    "garbage": b"\x00\x01\x02 no http at all\r\n\r\n",
    "half-a-head": b"HTTP/1.1 200 OK\r\ncontent-ty",
    "no-status": b"HTTP/1.1  \r\n\r\n",
    "status-of-four-digits": b"HTTP/1.1 2000 OK\r\ncontent-length: 0\r\n\r\n",
    "another-protocol": b"SSH-2.0-OpenSSH_9.6\r\n",
    "too-short": _HEAD + b"content-length: 4000\r\n\r\n" + _BODY,
    "negative-length": _HEAD + b"content-length: -5\r\n\r\n" + _BODY,
    "two-lengths": _HEAD + b"content-length: 5\r\ncontent-length: 9\r\n\r\n" + _BODY,
    "bad-chunk": _HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
    "cut-chunk": _HEAD + b"transfer-encoding: chunked\r\n\r\nff\r\nhello",
    "early-hints-only": b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n",
    "upgrade": b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n",
    "control-in-a-header": _HEAD + b"x-odd: a\x00b\r\ncontent-length: 2\r\n\r\n{}",
    "many-headers": b"HTTP/1.1 200 OK\r\n" + b"x-odd: 1\r\n" * 400 + b"content-length: 2\r\n\r\n{}",
    "a-long-header": _HEAD + b"x-odd: " + b"a" * 200_000 + b"\r\ncontent-length: 2\r\n\r\n{}",
}

BODIES: dict[str, Reply] = {
    "empty": Reply(b""),
    "spaces": Reply(b"   \n"),
    "no-content": Reply(b"", 204),
    "html": Reply(b"<html><body>Sign in to the network</body></html>", 200, {"content-type": "text/html"}),
    "text": Reply(RIGHT.encode(), 200, {"content-type": "text/plain"}),
    "half-json": Reply(_BODY[:90]),
    "two-documents": Reply(_BODY + _BODY),
    "byte-order-mark": Reply(b"\xef\xbb\xbf" + _BODY),
    "latin": Reply(_BODY.replace(b"answer", b"answ\xe9r")),
    "utf-16": Reply(_BODY.decode().encode("utf-16")),
    "null": Reply(b"null"),
    "true": Reply(b"true"),
    "number": Reply(b"17"),
    "list": Reply(b"[" + _BODY + b"]"),
    "string": Reply(json.dumps(_BODY.decode()).encode()),
    "nan": Reply(_BODY.replace(b'"index": 0', b'"index": NaN')),
    "said-to-be-gzip": Reply(_BODY, 200, {**JSON, "content-encoding": "gzip"}),
    "half-gzip": Reply(gzip.compress(_BODY)[:40], 200, {**JSON, "content-encoding": "gzip"}),
    "unknown-encoding": Reply(_BODY, 200, {**JSON, "content-encoding": "lz9"}),
    "error-with-status-200": Reply(b'{"error": {"message": "no capacity", "code": 503}}'),
    "error-as-text": Reply(b'{"error": "no capacity"}'),
    "detail": Reply(b'{"detail": "no capacity"}', 500),
    "events-for-a-whole-reply": Reply([events(_WORD, piece({}, "stop"))], 200, SSE),
}

STREAMS: dict[str, Reply] = {
    "nothing": Reply([b""], headers=SSE),
    "done-at-once": Reply([b"data: [DONE]\n\n"], headers=SSE),
    "comments-only": Reply([b": ping\n\n: ping\n\n"], headers=SSE),
    "no-json": Reply([b"data: hello\n\ndata: [DONE]\n\n"], headers=SSE),
    "cut-in-a-word": Reply([events(_WORD, done=False) + b'data: {"id": "c'], headers=SSE, end="cut"),
    "cut-after-a-word": Reply([events(_WORD, done=False)], headers=SSE, end="cut"),
    "other-events": Reply([b"event: ping\ndata: {}\n\n" * 4], headers=SSE),
    "latin": Reply([b'data: {"choices": [{"delta": {"content": "\xe9"}}]}\n\n'], headers=SSE),
    "null": Reply([b"data: null\n\ndata: [DONE]\n\n"], headers=SSE),
    "list": Reply([b"data: []\n\ndata: [DONE]\n\n"], headers=SSE),
    "html": Reply(b"<html>Sign in</html>", 200, {"content-type": "text/html"}),
}


def _always(reply: Reply) -> Respond:
    return lambda _: reply


def _raw(content: bytes) -> Respond:
    return lambda _: Reply(raw=content, end="cut")


def _made() -> Iterator[Scenario]:
    for name, content in RAW.items():
        yield beside(KIND, f"raw-{name}", _raw(content), modes=("plain",))
    for name in ("garbage", "too-short", "bad-chunk"):
        yield scenario(KIND, f"raw-{name}-alone", _raw(RAW[name]), settings={"calls": {"max_retries": 0}})
    for name, reply in BODIES.items():
        yield beside(KIND, f"body-{name}", _always(reply), modes=("plain",))
    for name, reply in STREAMS.items():
        yield beside(KIND, f"stream-{name}", _always(reply), modes=("streamed",))
        if name in {"nothing", "cut-after-a-word", "null"}:
            alone = {"calls": {"max_retries": 0}}
            yield scenario(KIND, f"stream-{name}-alone", _always(reply), settings=alone, modes=("streamed", "spec"))


SCENARIOS = list(_made())

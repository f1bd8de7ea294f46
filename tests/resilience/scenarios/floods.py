"""The bytes of a reply are bounded, after decompression as well."""

import json
import zlib
from collections.abc import Iterator
from functools import cache
from typing import Any

from resilience.scenarios.outcome import Check, Outcome
from resilience.scenarios.replies import SSE, events, piece, whole
from resilience.scenarios.scenario import Scenario, beside, scenario
from resilience.scenarios.wire import Reply, Respond

KIND = "floods"
MB = 1 << 20
MOST_SENT, MOST_GROWN = 40 * MB, 96 * MB  # a body of 16 MB, and what the buffers of two sockets take
_OFFERED = 48
"""Megabytes of a reply that is as good as endless, so that a client that reads on fails in a bounded time."""

_JSON = {"content-type": "application/json"}
_OPENING = b'{"choices": '


def _breaks_off(outcome: Outcome) -> Iterator[str]:
    if outcome.sent > MOST_SENT:
        yield f"{outcome.sent // MB} MB of a reply were read, not at most {MOST_SENT // MB}"


def _repeated(block: bytes, megabytes: int = _OFFERED) -> Iterator[bytes]:
    times = max(1 << 16, len(block)) // len(block)
    for _ in range(megabytes * MB // (len(block) * times)):
        yield block * times


@cache
def _bomb(encoding: str, content: bytes, megabytes: int) -> bytes:
    squeeze = zlib.compressobj(1, zlib.DEFLATED, 31 if encoding == "gzip" else 15)
    parts = [squeeze.compress(content)]
    parts += [squeeze.compress(b" " * MB) for _ in range(megabytes)]
    return b"".join([*parts, squeeze.flush()])


def _models() -> Iterator[tuple[str, Respond, str]]:
    opening = json.dumps(whole("x")).encode()[:-2]
    word = events(piece({"content": "river "}), done=False)
    thought = events(piece({"reasoning_content": "hm "}), done=False)
    silent = events(piece({}), done=False)
    line = b"data: " + json.dumps(piece({"content": "x"})).encode()[:-40]
    yield "endless-body", lambda _: Reply(_repeated(b" " * 4096)), "plain"
    yield "endless-json", lambda _: Reply(_then(opening, _repeated(b'"y",' * 1024))), "plain"
    for status in (400, 401, 429, 500, 503):
        head = {"content-type": "text/html", "x-should-retry": "false"}
        yield f"endless-page-{status}", lambda _, s=status, h=head: Reply(_repeated(b"<p>busy</p>"), s, h), "plain"
    yield "endless-line", lambda _: Reply(_then(line, _repeated(b"x" * 4096)), headers=SSE), "streamed"
    yield "endless-comments", lambda _: Reply(_repeated(b": ping\n\n"), headers=SSE), "streamed"
    yield "endless-words", lambda _: Reply(_repeated(word), headers=SSE), "streamed"
    yield "endless-reasoning", lambda _: Reply(_repeated(thought), headers=SSE), "streamed"
    yield "endless-silence", lambda _: Reply(_repeated(silent), headers=SSE), "streamed"
    yield (
        "one-large-event",
        lambda _: Reply([events(piece({"content": "x " * (8 * MB)}, "stop"))], headers=SSE),
        "streamed",
    )
    yield "endless-body-for-a-stream", lambda _: Reply(_repeated(b" " * 4096)), "streamed"


_MANY_EVENTS = frozenset({"endless-comments", "endless-words", "endless-reasoning", "endless-silence"})


def _then(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _made() -> Iterator[Scenario]:
    checks: tuple[Check, ...] = (_breaks_off,)
    bounded: dict[str, Any] = {"grows": MOST_GROWN, "cpu_s": 2.5}
    once: dict[str, Any] = {**bounded, "settings": {"calls": {"max_retries": 0}}}
    for name, model, mode in _models():
        # Each event of these costs time in the client: 16 MB of them take seconds.
        many = {"slow": True, "cpu_s": 60.0, "limit_s": 90.0} if name in _MANY_EVENTS else {}
        yield scenario(KIND, f"{name}-alone", model, *checks, modes=(mode,), **{**once, **many})
        if name in {"endless-body", "endless-line", "endless-page-500"}:
            yield beside(KIND, name, model, *checks, modes=(mode,), **bounded)
    for encoding in ("gzip", "deflate"):
        for status in (200, 500):
            head = {**_JSON, "content-encoding": encoding, "x-should-retry": "false"}
            model: Respond = lambda _, e=encoding, s=status, h=head: Reply(_bomb(e, _OPENING, 96), s, h)  # noqa: E731
            yield scenario(KIND, f"bomb-{encoding}-{status}-alone", model, modes=("plain",), **once)


SCENARIOS = list(_made())

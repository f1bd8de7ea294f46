"""Schemas, recursion, error pages, other hosts, log lines, echoed keys and ignored streams as weapons."""

import base64
import html
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from langchain_core.messages import HumanMessage
from resilience.scenarios.checks import answers, asked, nobody_fails, nothing_elsewhere
from resilience.scenarios.outcome import Outcome
from resilience.scenarios.playing import SECRET
from resilience.scenarios.replies import RIGHT, SSE, as_json, events, in_turn, piece, refuse, say, whole
from resilience.scenarios.scenario import ESSAY, HEALTHY, Scenario, beside, scenario
from resilience.scenarios.wire import Reply, Request, Respond

SCHEMAS, RECURSION, PAGES, HOSTS = "schemas", "recursion", "error-pages", "redirects"
LOGS, KEYS, UNSTREAMED = "log-lines", "keys", "ignored-stream"


def _schemas() -> Iterator[Scenario]:
    nested: Any = 1
    for _ in range(24):
        nested = {"a": nested}
    twice = {"allOf": [{"properties": {"a": {"$ref": "#"}}}] * 2}
    items = {"type": "object", "properties": {"l": {"type": "array", "uniqueItems": True}}}
    price = {"type": "object", "properties": {"p": {"type": "number", "multipleOf": 0.01}}}
    keys = {"patternProperties": {"^(a+)+$": {}}, "additionalProperties": False}
    weapons: dict[str, tuple[dict[str, Any], str]] = {
        "pattern-of-keys": (keys, json.dumps({"a" * 28 + "!": 1})),
        "unevaluated-keys": (
            {"patternProperties": {"^(b|b)+$": {}}, "unevaluatedProperties": False},
            json.dumps({"b" * 28 + "!": 1}),
        ),
        "itself-twice": ({"title": "t", **twice}, json.dumps(nested)),
        "unique-objects": (items, json.dumps({"l": [{"n": n} for n in range(1600)]})),
        "unique-lists": (items, json.dumps({"l": [[n] for n in range(1600)]})),
        "multiple-of-infinity": (price, '{"p": 1e400}'),
        "multiple-of-a-long-number": (price, '{"p": ' + "9" * 400 + "}"),
        "negative-infinity": (price, '{"p": -1e400}'),
        "pattern": (
            {"type": "object", "properties": {"s": {"pattern": "^(a|a)+$"}}},
            json.dumps({"s": "a" * 28 + "!"}),
        ),
        "many-branches": (
            {"anyOf": [{"required": [f"k{n}"]} for n in range(400)], "type": "object"},
            json.dumps({f"x{n}": n for n in range(400)}),
        ),
    }
    for name, (schema, reply) in weapons.items():
        given = {"response_format": {"title": "Out", **schema}}
        yield scenario(SCHEMAS, name, {"a": say(reply), "b": HEALTHY}, arguments=given, modes=("plain",))
    fine = {
        "title": "Out",
        "type": "object",
        "properties": {"p": {"type": "number", "multipleOf": 0.01}},
        "required": ["p"],
    }
    good = say('{"p": 2.5}')
    yield scenario(
        SCHEMAS,
        "one-misfit-beside",
        {"a": say('{"p": 1e400}'), "b": good, "c": good},
        answers('{"p": 2.5}'),
        arguments={"response_format": fine},
        modes=("plain",),
    )


def _recursion() -> Iterator[Scenario]:
    apart = {f"m{number}": say(f"The answer is {number}.") for number in range(12)}
    four = dict(list(apart.items())[:4])
    for name, settings, pool in (
        ("eight-layers", {"layers": 8}, four),
        ("seven-layers", {"layers": 7}, four),
        ("one-after-the-other", {"width": 1, "top_k": 12}, apart),
        ("top-k-twenty", {"top_k": 20}, apart),
    ):
        yield scenario(
            RECURSION,
            name,
            pool,
            nobody_fails,
            arguments=settings,
            question=[HumanMessage(ESSAY)],
            modes=("plain",),
            cpu_s=4.0,
        )
    limited = {"config": {"recursion_limit": 5}}
    yield scenario(RECURSION, "limit-of-the-caller", four, nobody_fails, arguments=limited, modes=("plain",))


def _pages() -> Iterator[Scenario]:
    units = {
        "token-like": "eyJaaaaaaaa-",
        "token-like-with-points": "eyJaaaaaaaa.",
        "key-like": "sk-aaaaaaaa",
        "bearer": "Bearer ",
        "basic": "Authorization: Basic ",
        "password": "password=",
        "address": "http://a:b@",
        "letters": "a",
        "base64": "QUJD",
        "hex": "0f",
        "percent": "%41",
        "entities": "&#97;",
        "escapes": "\\u0061",
        "tags": "<p class='x'>",
        "pem": "-----BEGIN ",
        "spaces": " ",
    }
    stop = {"x-should-retry": "false"}
    for name, unit in units.items():
        text = unit * (200_000 // len(unit))
        page = refuse("", 500, body=f"<html>{text}</html>".encode(), headers={"content-type": "text/html", **stop})
        yield beside(PAGES, f"page-{name}", page, modes=("plain",), cpu_s=2.0)
        if name in {"token-like", "letters", "address", "base64"}:
            message = refuse(text, 400 if name == "letters" else 503, headers=stop)
            yield scenario(PAGES, f"message-{name}-alone", message, modes=("plain",), cpu_s=2.0)


def _redirects() -> Iterator[Scenario]:
    # `elsewhere` is known when the scenario is played: the address stands in the request's own header.
    for status in (301, 302, 303, 307, 308):
        yield beside(
            HOSTS,
            f"status-{status}",
            _sends_to("{elsewhere}/a/v1/chat/completions", status),
            nothing_elsewhere,
            modes=("plain",),
        )
    for name, location in {
        "without-a-scheme": "//{host}/a/v1/chat/completions",
        "localhost": "http://localhost:{port}/a/v1/chat/completions",
        "with-a-user": "http://me:pw@{host}/a/v1/chat/completions",
        "streamed": "{elsewhere}/a/v1/chat/completions",
    }.items():
        mode = "streamed" if name == "streamed" else "plain"
        yield beside(HOSTS, name, _sends_to(location, 307), nothing_elsewhere, modes=(mode,))
    loop: Respond = lambda r: Reply(b"", 307, {"location": r.path})  # noqa: E731
    yield beside(HOSTS, "loop", loop, asked(a=30), modes=("plain",))
    yield scenario(
        HOSTS, "alone", _sends_to("{elsewhere}/a/v1/chat/completions", 308), nothing_elsewhere, modes=("plain",)
    )
    yield beside(HOSTS, "nowhere", lambda _: Reply(b"", 307, {"location": ""}), modes=("plain",))
    yield beside(HOSTS, "no-location", lambda _: Reply(b"", 302), modes=("plain",))
    yield beside(HOSTS, "file", lambda _: Reply(b"", 307, {"location": "file:///etc/hostname"}), modes=("plain",))


def _sends_to(location: str, status: int) -> Respond:
    def respond(request: Request) -> Reply:
        host = request.headers["x-elsewhere"]
        to = location.format(elsewhere=f"http://{host}", host=host, port=host.rpartition(":")[2])
        return Reply(b"", status, {"location": to})

    return respond


def _log_lines() -> Iterator[Scenario]:
    forged = {
        "line": "no\nCRITICAL lightrouter_graph: the wheel is off",
        "carriage-return": "no\rCRITICAL: the wheel is off",
        "clears-the-screen": "no \x1b[2J\x1b[H",
        "csi-of-8-bits": "no \u009b2J",
        "line-separator": "no\u2028CRITICAL: the wheel is off",
        "bidi": "no \u202egnorw",
        "nul": "no \x00",
    }
    stop = {"x-should-retry": "false"}
    for name, text in forged.items():
        yield scenario(LOGS, name, refuse(text, 500, headers=stop), modes=("served", "plain"))
    yield scenario(LOGS, "finish-reason", say(None, "stop\nCRITICAL: the wheel is off"), modes=("served",))


def _keys() -> Iterator[Scenario]:
    key = SECRET.format("a")
    wide = "\u200b".join(key)
    forms = {
        "plain": key,
        "upper": key.upper(),
        "lower": key.lower(),
        "bearer": f"Bearer {key}",
        "base64": base64.b64encode(key.encode()).decode(),
        "base64-twice": base64.b64encode(base64.b64encode(key.encode())).decode(),
        "hex": key.encode().hex(),
        "url": quote(key, safe=""),
        "entities": "".join(f"&#{ord(letter)};" for letter in key),
        "named-entities": html.escape(key.replace("-", "&#45;")),
        "escapes": "".join(f"\\u{ord(letter):04x}" for letter in key),
        "reversed": key[::-1],
        "spaced": " ".join(key),
        "zero-width": wide,
        "broken-by-a-newline": f"{key[:14]}\n{key[14:]}",
        "behind-20-kB": "x" * 21_000 + key,
        "quoted": json.dumps({"key": key}),
    }
    stop = {"x-should-retry": "false"}
    for name, shown in forms.items():
        check = _does_not_show(shown, key)
        yield scenario(
            KEYS,
            f"message-{name}",
            refuse(f"Incorrect API key provided: {shown}.", 401, headers=stop),
            check,
            modes=("plain",),
        )
    for name, model in {
        "finish-reason": say("The answer is 5.", key),
        "model": say("The answer is 5.", top={"model": key}),
        "fingerprint": say("The answer is 5.", top={"system_fingerprint": key}),
        "code": refuse("no", 401, code=key),
        "html": refuse("", 401, body=f"<p>{key}</p>".encode(), headers=stop),
    }.items():
        yield scenario(KEYS, f"in-{name}", {"a": model, "b": HEALTHY, "c": HEALTHY}, _does_not_show(key, key))


def _does_not_show(*forms: str) -> Any:
    def check(outcome: Outcome) -> Iterator[str]:
        error = f"{outcome.error!r} {outcome.error} {dict(outcome.failures)}"
        shown = f"{outcome.said()} {error} {outcome.record} {outcome.messages}"
        if any(form in shown for form in forms):
            yield f"a key is shown: {shown[:200]}"

    return check


def _ignored_streams() -> Iterator[Scenario]:
    as_whole: Respond = lambda _: as_json(whole(RIGHT), tokens=(10, 5))  # noqa: E731
    yield scenario(UNSTREAMED, "alone", as_whole, answers(), asked(a=2), modes=("streamed", "spec"))
    yield scenario(UNSTREAMED, "remembered", as_whole, answers(), asked(a=3), _asks_whole, turns=2, modes=("streamed",))
    yield scenario(
        UNSTREAMED, "three-of-them", dict.fromkeys("abc", as_whole), answers(), nobody_fails, modes=("streamed",)
    )
    quorum = {"calls": {"boot_quorum": 1, "boot_timeout_s": 3, "timeout_s": 3}}
    yield scenario(UNSTREAMED, "quorum", {"a": as_whole}, answers(), settings=quorum, modes=("streamed",))
    for name, head in {
        "said-to-be-events": SSE,
        "text": {"content-type": "text/plain"},
        "no-type": {},
        "utf-8": {"content-type": "application/json; charset=utf-8"},
    }.items():
        body = json.dumps(whole(RIGHT)).encode()
        model: Respond = lambda _, h=head, b=body: Reply(b, 200, h, tokens=(10, 5))  # noqa: E731
        yield scenario(UNSTREAMED, f"content-type-{name}", model, answers(), modes=("streamed",))
    no = refuse("Streaming is not supported for this model.", param="stream")
    refusing: Respond = lambda r: no(r) if r.streams else as_whole(r)  # noqa: E731
    yield scenario(UNSTREAMED, "refused", refusing, answers(), asked(a=2), modes=("streamed", "spec"))
    event = events(piece({"role": "assistant", "content": RIGHT}, "stop", (10, 5)))
    one: Respond = lambda _: Reply([event], headers=SSE, tokens=(10, 5))  # noqa: E731
    yield scenario(UNSTREAMED, "all-in-one-event", one, answers(), modes=("streamed",))
    nulls = in_turn(lambda _: as_json(whole(RIGHT, None), tokens=(10, 5)), as_whole)
    yield scenario(UNSTREAMED, "without-a-reason", nulls, answers(), modes=("streamed",))


def _asks_whole(outcome: Outcome) -> Iterator[str]:
    if outcome.requests[-1].streams:
        yield "an endpoint that ignores `stream` is still asked to stream"


SCENARIOS = [
    *_schemas(),
    *_recursion(),
    *_pages(),
    *_redirects(),
    *_log_lines(),
    *_keys(),
    *_ignored_streams(),
]

"""Waiting and limits: delays told in headers and bodies, time limits, breakers, and what a slow reply had said."""

import time
from collections.abc import Iterator
from typing import Any

from langchain_core.messages import HumanMessage
from resilience.scenarios.checks import answers, asked, asked_at_least, fails, nobody_fails
from resilience.scenarios.replies import RIGHT, SSE, as_json, events, in_turn, piece, refusal, refuse, say, whole
from resilience.scenarios.scenario import ESSAY, HEALTHY, Scenario, beside, scenario
from resilience.scenarios.wire import Reply, Respond

KIND = "waiting"
QUICK = {"calls": {"boot_timeout_s": 0.15, "timeout_s": 0.15}}


def _long_delays() -> Iterator[Scenario]:
    """A wait that is longer than the call may take: no second request in this run, whatever words tell it."""
    bodies: dict[str, Any] = {
        "try-again-in": "Rate limit reached for m-1. Please try again in 47.3s.",
        "minutes": "Rate limit reached for m-1. Please try again in 3m12.5s. Visit the docs for more.",
        "retry-after-seconds": "Too many requests, retry after 40 seconds.",
        "wait": "You are sending requests too fast, please wait 35 seconds before retrying.",
        "retry-in": "Resource has been exhausted. Please retry in 52.183s.",
        "in-a-minute": "Requests to the deployment have exceeded the limit. Please retry after 1 minute.",
        "milliseconds": "Rate limit exceeded, please try again in 45000ms.",
    }
    for name, words in bodies.items():
        yield _given_up(f"body-{name}", refuse(words, 429, code="rate_limit_exceeded"))
    fields: dict[str, Any] = {
        "retry-after-field": {"error": {"message": "slow down", "code": 429, "retry_after": 45}},
        "retry-after-top": {"message": "slow down", "retry_after": 45.5},
        "retry-after-ms-field": {"error": {"message": "slow down", "retry_after_ms": 45000}},
        "retry-delay": {
            "error": {
                "code": 429,
                "message": "Quota exceeded",
                "details": [{"@type": "RetryInfo", "retryDelay": "41s"}],
            }
        },
        "metadata-headers": {"error": {"message": "limited", "metadata": {"headers": {"Retry-After": "45"}}}},
    }
    for name, body in fields.items():
        yield _given_up(f"body-{name}", refuse("", 429, body=body))
    headers = {
        "seconds": {"retry-after": "45"},
        "decimal": {"retry-after": "45.25"},
        "milliseconds": {"retry-after-ms": "45000"},
        "date": {"retry-after": "Fri, 31 Dec 2100 23:59:59 GMT"},
        "reset-requests": {"x-ratelimit-reset-requests": "6m0s", "x-ratelimit-remaining-requests": "0"},
        "reset-epoch": {"x-ratelimit-reset": str(int((time.time() + 3000) * 1000)), "x-ratelimit-remaining": "0"},
    }
    for name, head in headers.items():
        yield _given_up(f"header-{name}", refuse("slow down", 429, headers=head))
    for name in ("try-again-in", "retry-in"):
        yield beside(KIND, f"body-{name}", refuse(bodies[name], 429), asked(a=1), modes=("streamed",))
    warming = refuse("warming up", 503, headers={"retry-after": "45"})
    yield scenario(KIND, "header-of-a-503", warming, fails("rate_limited", "45 s"), asked(a=1), modes=("plain",))
    yield beside(
        KIND, "header-forbids", refuse("no", 429, headers={"x-should-retry": "false"}), asked(a=1), modes=("plain",)
    )


def _given_up(name: str, model: Respond) -> Scenario:
    return scenario(KIND, name, model, fails("rate_limited"), asked(a=1), modes=("plain",))


def _short_delays() -> Iterator[Scenario]:
    """A short wait: the same endpoint is asked again, and answers."""
    replies: dict[str, Respond] = {
        "header": refuse("busy", 429, headers={"retry-after": "0"}),
        "milliseconds": refuse("busy", 429, headers={"retry-after-ms": "5"}),
        "body": refuse("Please try again in 4ms.", 429),
        "loading": refuse("Loading model", 503, type="unavailable_error", code=503, headers={"retry-after": "0"}),
        "conflict": refuse("The model is being loaded, try again", 503, headers={"retry-after": "0"}),
    }
    for name, first in replies.items():
        yield scenario(
            KIND, f"short-{name}", in_turn(first, HEALTHY), answers(), nobody_fails, asked(a=2), modes=("plain",)
        )
    odd = ("soon", "-3", "1e999", "nan", "", "0x10", "99999999999999999999")
    for text in odd:
        pool = {"a": refuse("busy", 429, headers={"retry-after": text}), "b": HEALTHY, "c": HEALTHY}
        yield scenario(KIND, f"odd-header-{text or 'empty'}-{len(text)}", pool, answers(), modes=("plain",))


def _breakers() -> Iterator[Scenario]:
    """When every breaker is open, the best candidate is probed."""
    down = refuse("boom", 500, headers={"x-should-retry": "false"})
    back = in_turn(*[down] * 6, HEALTHY)
    yield scenario(KIND, "all-breakers-open", back, answers(), asked_at_least(a=7), turns=7, modes=("plain",))
    pool = {"a": back, "b": in_turn(*[down] * 6, HEALTHY)}
    yield scenario(KIND, "all-breakers-of-two-open", pool, answers(), turns=8, modes=("plain",))
    slow = in_turn(*[lambda _: Reply(b"", delay_s=30)] * 6, HEALTHY)
    hasty = {"calls": {"boot_timeout_s": 0.15, "timeout_s": 0.15}}
    yield scenario(
        KIND,
        "own-time-limits-open-no-breaker",
        slow,
        answers(),
        turns=11,
        turn_settings=(hasty,) * 10,  # not each of these requests reaches the endpoint in time
        modes=("plain",),
        limit_s=4.0,
    )


def _hanging() -> Iterator[Scenario]:
    """What never ends is given up in time, and what it had said counts."""
    body = as_json(whole(RIGHT)).body
    assert isinstance(body, bytes)
    half = events(piece({"role": "assistant", "content": RIGHT}), done=False)
    hangs: dict[str, Respond] = {
        "before-the-head": lambda _: Reply(b"", delay_s=30),
        "after-the-head": lambda _: Reply(iter([b" "]), end="hang"),
        "within-the-body": lambda _: Reply(iter([body[:60]]), end="hang"),
    }
    for name, model in hangs.items():
        yield scenario(KIND, f"hangs-{name}", model, fails("timeout"), settings=QUICK, limit_s=0.2)
    words = [piece({"role": "assistant", "content": "The river "}), piece({"content": "is wide and slow."})]
    talking = lambda _: Reply(iter([events(*words, done=False)]), headers=SSE, end="hang")  # noqa: E731
    yield scenario(
        KIND,
        "what-it-had-said-counts",
        talking,
        _says("The river is wide"),
        question=[HumanMessage(ESSAY)],
        settings={"deadline_s": 0.3},
        modes=("streamed",),
        limit_s=0.3,
    )
    told = lambda _: Reply(iter([half]), headers=SSE, end="hang")  # noqa: E731
    yield scenario(
        KIND,
        "a-boot-that-never-ends-beside",
        {"a": told, "b": HEALTHY, "c": HEALTHY},
        answers(),
        modes=("streamed",),
        limit_s=1.0,
    )


def _says(start: str) -> Any:
    def check(outcome: Any) -> Iterator[str]:
        if outcome.answer is None or not str(outcome.answer.text).startswith(start):
            yield f"{outcome.said()}, not {start!r}..."

    return check


def _statuses() -> Iterator[Scenario]:
    for status in (401, 402, 403, 404, 405, 406, 409, 410, 418, 421, 451, 498, 499):
        yield beside(KIND, f"status-{status}", lambda _, s=status: refusal("no", s), modes=("plain",))
    for status in (500, 502, 503, 504, 520, 524, 529, 599):
        model = in_turn(lambda _, s=status: refusal("busy", s, headers={"retry-after": "0"}), say(RIGHT))
        yield scenario(KIND, f"status-{status}-once", model, answers(), asked(a=2), modes=("plain",))


SCENARIOS = [*_long_delays(), *_short_delays(), *_breakers(), *_hanging(), *_statuses()]

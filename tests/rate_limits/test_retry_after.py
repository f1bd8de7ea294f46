"""The time a provider asks to wait, in all formats that providers use."""

import math
import time

import httpx
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightrouter_graph.rate_limits import retry_after_s
from lightrouter_graph.rate_limits.retry_after import MAX_RETRY_AFTER_S

NOW = 1_790_000_000.0  # Mon, 21 Sep 2026 14:13:20 GMT
REQUEST = httpx.Request("POST", "https://api.example.com/v1")


def refused(headers=None, status=429, body=None):
    response = httpx.Response(status, request=REQUEST, headers=headers)
    return openai.APIStatusError("refused", response=response, body=body)


def retry_after(headers, status=429, body=None):
    return retry_after_s(refused(headers, status, body), now=lambda: NOW)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"Retry-After": "0.5"}, 0.5),
        ({"retry-after-ms": "1500"}, 1.5),
        ({"retry-after-ms": "1500", "retry-after": "7"}, 1.5),
        ({"retry-after-ms": "soon", "retry-after": "7"}, 7),
        ({"retry-after": "0"}, 0),
        ({"retry-after": "-5"}, 0),
        ({"retry-after": "1e9"}, 0),  # in the past
        ({"retry-after": "999999999"}, MAX_RETRY_AFTER_S),
        ({"retry-after": "1" + "0" * 400}, MAX_RETRY_AFTER_S),
        ({"retry-after": "Mon, 21 Sep 2026 14:14:00 GMT"}, 40),
        ({"retry-after": "Mon, 21 Sep 2026 14:13:00 GMT"}, 0),
        ({"retry-after": "Mon, 21 Sep 2026 14:14:00 GMT", "date": "Mon, 21 Sep 2026 14:13:55 GMT"}, 5),
        ({"retry-after": "2026-09-21T14:13:30Z"}, 10),
        ({"retry-after": "Mon, 21 Sep 2026 14:14:00 +99999999999999999999"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({}, None),
    ],
)
def test_retry_after_headers(headers, seconds):
    assert retry_after(headers) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1s", 1),
        ("6m0s", 360),
        ("120ms", 0.12),
        ("2m59.56s", 179.56),
        ("1h2m3s", MAX_RETRY_AFTER_S),
        ("59m59s", 3599),
        ("0s", 0),
        ("500us", 0.0005),
        ("30", 30),
        (str(int(NOW) + 30), 30),
        (str(int(NOW + 30) * 1000), 30),
        ("2026-09-21T14:13:50Z", 30),
        ("2026-09-21T16:13:50+02:00", 30),
        ("2026-09-21T14:13:50", 30),
        ("1s later", None),
        ("6 minutes", 360),
        ("1 Minute 30 Seconds", 90),
        ("20 sheep", None),
    ],
)
@pytest.mark.parametrize("name", ["x-ratelimit-reset-tokens", "x-ratelimit-reset", "anthropic-ratelimit-tokens-reset"])
def test_reset_headers(name, text, seconds):
    assert retry_after({name: text}) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    "family",
    [
        ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
        ("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
        ("x-ratelimit-remaining", "x-ratelimit-reset"),
        ("ratelimit-remaining", "ratelimit-reset"),
        ("anthropic-ratelimit-input-tokens-remaining", "anthropic-ratelimit-input-tokens-reset"),
    ],
)
@pytest.mark.parametrize(("status", "remaining", "seconds"), [(503, "0", 9), (503, "3", None), (429, "0", 9)])
def test_a_reset_counts_if_nothing_of_its_limit_remains(family, status, remaining, seconds):
    assert retry_after({family[0]: remaining, family[1]: "9"}, status) == seconds


@pytest.mark.parametrize(
    ("requests", "tokens", "seconds"),
    [
        (("4999", "12ms"), ("0", "6s"), 6),  # only the one used up
        (("0", "90s"), ("0", "6s"), 90),  # both: the later
        ((None, "90s"), ("100", "6s"), 90),  # the one that does not say what remains
        (("-1", "0"), ("-1", "6s"), 6),  # Azure's way of not saying
        (("50", "90s"), ("100", "6s"), 6),  # neither is used up: the soonest
    ],
)
def test_of_two_limits(requests, tokens, seconds):
    headers = {"x-ratelimit-reset-requests": requests[1], "x-ratelimit-reset-tokens": tokens[1]}
    headers |= {"x-ratelimit-remaining-requests": requests[0]} if requests[0] else {}
    headers |= {"x-ratelimit-remaining-tokens": tokens[0]}
    assert retry_after(headers) == pytest.approx(seconds)


def test_retry_after_precedes_a_reset():
    assert retry_after({"retry-after": "2", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "40"}) == 2


def test_without_status_429_a_reset_alone_is_ignored():
    assert retry_after({"x-ratelimit-reset-tokens": "6m0s"}, 503) is None


def test_x_should_retry_false_overrides_retry_after():
    assert retry_after({"retry-after": "7", "x-should-retry": "false"}) is None
    assert retry_after({"retry-after": "7", "x-should-retry": "true"}) == 7


WAITS = [
    ("Rate limit reached for model m in organization o. Please try again in 1m2.5s. Visit the page.", 62.5),
    ("Please try again in 20s.", 20),
    ("Please try again in 6m0s", 360),
    ("please TRY AGAIN IN 450ms", 0.45),
    ("Please retry in 34.074824224s.", 34.074824224),
    ("Requests exceed the call rate limit. Please retry after 7 seconds.", 7),
    ("Too many requests, wait 20 seconds", 20),
    ("Please wait for at least 1 minute and 20 seconds before the next request", 80),
    ("wait 2 min 5 sec", 125),
    ("Retrying in 3 secs", 3),
    ("Your quota will reset after 10m24s.", 624),
    ("limit resets in 12 seconds", 12),
    ("quota resets at 2026-09-21T14:13:50Z", 30),
    ("Try again at 2026-09-21 14:13:50+00:00", 30),
    ("try again in 1 hour", MAX_RETRY_AFTER_S),
    ("try again in 5 days", MAX_RETRY_AFTER_S),
    ("try again in 0s", 0),
    ("Error code: 429 - [{'error': {'details': [{'@type': 'x/google.rpc.RetryInfo', 'retryDelay': '34s'}]}}]", 34),
    ("Error code: 429 - {'error': 'slow down', 'retry_after': 2.5}", 2.5),
    ('{"retryAfter": 11}', 11),
    ('{"retry_after_seconds": "9"}', 9),
    ('{"retry_after_ms": 1500}', 1.5),
    ("429 Quota exceeded. retry_delay {\n  seconds: 48\n}\n", 48),
    ("Retry-After: 5", 5),
    ("Please try again later.", None),
    ("wait a moment", None),
    ("wait 20% longer", None),
    ("tried again 3 times", None),
    ("retry after 20", 20),
    ("try again in 20 sheep", None),
    ("HTTP 429", None),
    ("", None),
]


@pytest.mark.parametrize(("text", "seconds"), WAITS)
@pytest.mark.parametrize("status", [429, 503, 529])
def test_waits_in_the_text_of_an_error(text, seconds, status):
    exc = openai.APIStatusError(text, response=httpx.Response(status, request=REQUEST), body=None)
    assert retry_after_s(exc, now=lambda: NOW) == (None if seconds is None else pytest.approx(seconds))
    wrapped = RuntimeError("failed")
    wrapped.__cause__ = exc
    assert retry_after_s(wrapped, now=lambda: NOW) == retry_after_s(exc, now=lambda: NOW)


def test_a_header_precedes_the_text_and_the_text_precedes_a_reset():
    headers = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "40s"}
    for sent, seconds in ((headers, 20), ({**headers, "retry-after": "3"}, 3)):
        response = httpx.Response(429, request=REQUEST, headers=sent)
        assert retry_after_s(openai.APIStatusError("try again in 20s", response=response, body=None)) == seconds


@pytest.mark.parametrize("status", [400, 401, 404, 422])
def test_a_refused_request_is_not_read_for_a_wait(status):
    exc = openai.APIStatusError("wait 20 seconds", response=httpx.Response(status, request=REQUEST), body=None)
    assert retry_after_s(exc) is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"x-ms-retry-after-ms": "2500"}, 2.5),
        ({"x-retry-after": "4"}, 4),
        ({"retry-after": "20 seconds"}, 20),
        ({"retry-after": "1m2.5s"}, 62.5),
        ({"x-rate-limit-remaining": "0", "x-rate-limit-reset": "8"}, 8),
    ],
)
def test_rarer_headers(headers, seconds):
    assert retry_after(headers) == pytest.approx(seconds)


UNITS = ["try again in ", "again ", "retry ", "wait for ", "1m", "1 ", "1.", "and ", ", ", "retry_after", "': '", "20s"]


@pytest.mark.parametrize("first", UNITS)
@pytest.mark.parametrize("second", UNITS)
def test_the_time_to_read_a_text_grows_linearly(first, second):
    def seconds(size):
        exc = RuntimeError((first + second) * (size // len(first + second)))
        begun = time.process_time()
        for _ in range(3):
            retry_after_s(exc)
        return time.process_time() - begun

    assert seconds(20_000) < 4 * seconds(10_000) + 0.02


@pytest.mark.parametrize("wrap", [lambda inner: inner, lambda inner: {"error": inner}])
def test_openrouter_sends_the_headers_in_the_body(wrap):
    reset = {"X-RateLimit-Limit": "50", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": f"{(NOW + 60) * 1000:.0f}"}
    body = {"message": "Rate limit exceeded: free-models-per-day", "code": 429, "metadata": {"headers": reset}}
    assert retry_after({}, body=wrap(body)) == 60


@pytest.mark.parametrize(
    "body", [None, "text", [], {"error": "text"}, {"metadata": None}, {"metadata": {"headers": 3}}]
)
def test_other_bodies_are_ignored(body):
    assert retry_after({"retry-after": "7"}, body=body) == 7


def test_the_response_of_the_cause_is_read_but_not_of_the_context():
    wrapped, later = RuntimeError("wrapped"), RuntimeError("later")
    wrapped.__cause__ = later.__context__ = refused({"retry-after": "7"})
    assert retry_after_s(wrapped) == 7
    assert retry_after_s(later) is None


def test_responses_of_httpx_and_botocore_are_read():
    botocore = RuntimeError("ThrottlingException")
    botocore.response = {"ResponseMetadata": {"HTTPStatusCode": 429, "HTTPHeaders": {"retry-after": "3"}}}
    response = httpx.Response(429, request=REQUEST, headers={"retry-after": "4"})
    assert retry_after_s(botocore) == 3
    assert retry_after_s(httpx.HTTPStatusError("429", request=REQUEST, response=response)) == 4


@pytest.mark.parametrize("exc", [ValueError("no response"), TimeoutError(), openai.APIConnectionError(request=REQUEST)])
def test_an_error_without_a_response_has_no_retry_after(exc):
    assert retry_after_s(exc) is None


class Odd(Exception):
    """An error with headers that an HTTP library would reject."""

    def __init__(self, headers):
        self.response = type("Response", (), {"status_code": 429, "headers": headers})()


NAMES = st.sampled_from(["retry-after", "retry-after-ms", "x-ratelimit-reset", "x-ratelimit-remaining", "date"])


@given(
    st.dictionaries(NAMES, st.one_of(st.text(), st.floats().map(str), st.integers().map(str), st.datetimes().map(str)))
)
def test_any_header_gives_a_finite_time_or_none(headers):
    seconds = retry_after_s(Odd(headers))
    assert seconds is None or (0 <= seconds <= MAX_RETRY_AFTER_S and math.isfinite(seconds))

"""How long a provider asks to be left alone, in every way the providers have of saying it."""

import math

import httpx
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightrouter_graph.rate_limits import retry_after_s
from lightrouter_graph.rate_limits.retry_after import LONGEST_S

NOW = 1_790_000_000.0  # Mon, 21 Sep 2026 14:13:20 GMT
REQUEST = httpx.Request("POST", "https://api.example.com/v1")


def refused(headers=None, status=429, body=None):
    response = httpx.Response(status, request=REQUEST, headers=headers)
    return openai.APIStatusError("refused", response=response, body=body)


def told(headers, status=429, body=None):
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
        ({"retry-after": "1e9"}, 0),  # a moment long ago
        ({"retry-after": "999999999"}, LONGEST_S),
        ({"retry-after": "1" + "0" * 400}, LONGEST_S),
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
def test_what_is_asked_for(headers, seconds):
    assert told(headers) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1s", 1),
        ("6m0s", 360),
        ("120ms", 0.12),
        ("2m59.56s", 179.56),
        ("1h2m3s", LONGEST_S),
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
        ("6 minutes", None),
    ],
)
@pytest.mark.parametrize("name", ["x-ratelimit-reset-tokens", "x-ratelimit-reset", "anthropic-ratelimit-tokens-reset"])
def test_when_a_limit_is_reset(name, text, seconds):
    assert told({name: text}) == (None if seconds is None else pytest.approx(seconds))


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
def test_a_limit_is_listened_to_when_nothing_of_it_remains(family, status, remaining, seconds):
    assert told({family[0]: remaining, family[1]: "9"}, status) == seconds


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
    assert told(headers) == pytest.approx(seconds)


def test_what_is_asked_for_comes_before_what_is_reset():
    assert told({"retry-after": "2", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "40"}) == 2


def test_without_a_429_a_reset_alone_says_nothing():
    assert told({"x-ratelimit-reset-tokens": "6m0s"}, 503) is None


def test_waiting_does_not_help_where_the_provider_forbids_to_try_again():
    assert told({"retry-after": "7", "x-should-retry": "false"}) is None
    assert told({"retry-after": "7", "x-should-retry": "true"}) == 7


@pytest.mark.parametrize("wrap", [lambda inner: inner, lambda inner: {"error": inner}])
def test_openrouter_says_it_in_the_body(wrap):
    reset = {"X-RateLimit-Limit": "50", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": f"{(NOW + 60) * 1000:.0f}"}
    body = {"message": "Rate limit exceeded: free-models-per-day", "code": 429, "metadata": {"headers": reset}}
    assert told({}, body=wrap(body)) == 60


@pytest.mark.parametrize(
    "body", [None, "text", [], {"error": "text"}, {"metadata": None}, {"metadata": {"headers": 3}}]
)
def test_any_other_body_is_no_trouble(body):
    assert told({"retry-after": "7"}, body=body) == 7


def test_the_response_of_the_cause_is_read_but_not_that_of_an_earlier_failure():
    wrapped, later = RuntimeError("wrapped"), RuntimeError("later")
    wrapped.__cause__ = later.__context__ = refused({"retry-after": "7"})
    assert retry_after_s(wrapped) == 7
    assert retry_after_s(later) is None


def test_httpx_and_botocore_are_read_as_well():
    botocore = RuntimeError("ThrottlingException")
    botocore.response = {"ResponseMetadata": {"HTTPStatusCode": 429, "HTTPHeaders": {"retry-after": "3"}}}
    response = httpx.Response(429, request=REQUEST, headers={"retry-after": "4"})
    assert retry_after_s(botocore) == 3
    assert retry_after_s(httpx.HTTPStatusError("429", request=REQUEST, response=response)) == 4


@pytest.mark.parametrize("exc", [ValueError("no response"), TimeoutError(), openai.APIConnectionError(request=REQUEST)])
def test_an_error_without_a_response_says_nothing(exc):
    assert retry_after_s(exc) is None


class Odd(Exception):
    """An error with any headers, as no HTTP library would let them pass."""

    def __init__(self, headers):
        self.response = type("Response", (), {"status_code": 429, "headers": headers})()


NAMES = st.sampled_from(["retry-after", "retry-after-ms", "x-ratelimit-reset", "x-ratelimit-remaining", "date"])


@given(
    st.dictionaries(NAMES, st.one_of(st.text(), st.floats().map(str), st.integers().map(str), st.datetimes().map(str)))
)
def test_whatever_a_provider_sends_it_is_a_sensible_time_or_none(headers):
    seconds = retry_after_s(Odd(headers))
    assert seconds is None or (0 <= seconds <= LONGEST_S and math.isfinite(seconds))

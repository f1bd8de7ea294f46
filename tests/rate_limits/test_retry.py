"""Retry policy: which failures are retried, how often, and after which backoff."""

import threading

import httpx
import openai
import pytest

from lightrouter_graph.rate_limits import RetryBudget, backoff_s, worth_retrying
from lightrouter_graph.rate_limits.retry import exponential_s

REQUEST = httpx.Request("POST", "https://api.example.com/v1")


def test_a_budget_is_used_up():
    budget = RetryBudget(2)
    assert [budget.take() for _ in range(4)] == [True, True, False, False]
    assert budget.left == 0


@pytest.mark.parametrize("most", [0, -1])
def test_a_budget_of_zero_allows_no_retry(most):
    assert not RetryBudget(most).take()


def test_threads_share_a_budget():
    budget, taken, start = RetryBudget(500), [], threading.Barrier(8)

    def take():
        start.wait(10)
        taken.append(sum(budget.take() for _ in range(200)))

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sum(taken) == 500


def test_the_backoff_doubles_up_to_its_maximum():
    assert [backoff_s(attempt, random=lambda: 1.0) for attempt in (1, 2, 3, 4, 5, 6, 5000)] == [
        0.5,
        1,
        2,
        4,
        8,
        8,
        8,
    ]
    assert backoff_s(3, random=lambda: 0.0) == 0


def test_retry_after_is_added_to_the_jitter():
    assert backoff_s(1, 20, random=lambda: 0.0) == 20
    assert backoff_s(3, 20, random=lambda: 0.5) == 21


def test_by_default_two_waits_differ():
    assert len({backoff_s(3) for _ in range(20)}) > 10


@pytest.mark.parametrize("cause", ["rate_limited", "unavailable", "disconnected"])
def test_transient_causes_are_retried(cause):
    assert worth_retrying(cause)


@pytest.mark.parametrize(
    "cause",
    ["auth", "timeout", "cancelled", "content_filter", "context_length", "bad_response", "invalid", "empty"],
)
def test_permanent_causes_are_not_retried(cause):
    assert not worth_retrying(cause)


def limited(headers=None, body=None):
    response = httpx.Response(429, request=REQUEST, headers=headers)
    return openai.RateLimitError("slow down", response=response, body=body)


def test_x_should_retry_false_forbids_a_retry():
    assert worth_retrying("rate_limited", limited())
    assert worth_retrying("rate_limited", limited({"x-should-retry": "true"}))
    assert not worth_retrying("rate_limited", limited({"X-Should-Retry": "false"}))


def test_an_exceeded_quota_forbids_a_retry():
    assert not worth_retrying("rate_limited", limited(body={"code": "insufficient_quota", "message": "pay"}))


def test_an_error_without_a_response_is_judged_by_its_cause():
    assert worth_retrying("disconnected", ConnectionResetError())


def test_doubling_stops_at_the_maximum():
    assert [exponential_s(times, 0.5, 8.0) for times in (1, 2, 5, 6, 2000)] == [0.5, 1, 8, 8, 8]
    assert exponential_s(2000, 5, 300) == 300

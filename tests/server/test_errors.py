"""Exceptions as error responses of the API."""

import json

import pytest
from langchain_core.messages import AIMessage

from lightrouter_graph import (
    BudgetError,
    Context,
    ContextError,
    LightRouterError,
    NoSurvivorError,
    QueryError,
    SelectionError,
)
from lightrouter_graph.errors import BrokenStreamError
from lightrouter_graph.server.errors import ApiError, to_api_error


def no_survivor(*causes: str) -> NoSurvivorError:
    return NoSurvivorError(layer=1, failures={f"m{i}": f"{cause}: what it said" for i, cause in enumerate(causes)})


def body(error: ApiError):
    return json.loads(error.body())["error"]


@pytest.mark.parametrize(
    ("causes", "status", "code"),
    [
        (["rate_limited", "rate_limited"], 429, "rate_limit_exceeded"),
        (["timeout", "timeout"], 504, "timeout"),
        (["context_length"], 400, "context_length_exceeded"),
        (["content_filter", "content_filter"], 400, "content_filter"),
        (["timeout", "rate_limited"], 502, "no_survivor"),
        (["auth", "auth"], 502, "no_survivor"),
        ([], 502, "no_survivor"),
    ],
)
def test_a_cause_shared_by_all_candidates_decides(causes, status, code):
    error = to_api_error(no_survivor(*causes), "id")
    assert (error.status, body(error)["code"]) == (status, code)


def test_every_cause_is_body():
    message = body(to_api_error(no_survivor("auth", "timeout"), "id"))["message"]
    assert "m0: auth: what it said" in message
    assert "m1: timeout: what it said" in message


@pytest.mark.parametrize(
    ("causes", "again"),
    [(["auth"], False), (["auth", "unavailable"], True), (["rate_limited"], True), (["context_length"], False)],
)
def test_clients_retry_only_transient_failures(causes, again):
    assert (to_api_error(no_survivor(*causes), "id").headers.get("x-should-retry") != "false") is again


def test_a_rate_limit_has_a_retry_after():
    assert to_api_error(no_survivor("rate_limited"), "id").headers["retry-after"] == "1"


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ("top_k = 0: must be at least 1", "lightrouter.top_k"),
        ("unknown setting 'topk'; known are top_k", "lightrouter.topk"),
        ("agree = 5 can never be reached with top_k = 2: agree must be <= top_k", "lightrouter.agree"),
        ("settings must be a dict", "lightrouter"),
    ],
)
def test_a_wrong_setting_is_named(message, param):
    assert body(to_api_error(ContextError(message), "id"))["param"] == param


@pytest.mark.parametrize("calls", [{"timeout_s": 0}, {"timeout_s": 9, "max_retrys": 1}])
def test_a_wrong_setting_of_a_group_is_named_with_its_group(calls):
    with pytest.raises(ContextError) as caught:
        Context(calls=calls)
    assert body(to_api_error(caught.value, "id"))["param"] == f"lightrouter.calls.{list(calls)[-1]}"


@pytest.mark.parametrize(
    ("limits", "param"),
    [
        ({"usd": -1}, "lightrouter.budget.usd"),
        ({"euro": 1}, "lightrouter.budget.euro"),
        (5, "lightrouter.budget"),
    ],
)
def test_a_wrong_limit_is_named(limits, param):
    with pytest.raises(ContextError) as caught:
        Context(budget=limits)
    assert body(to_api_error(caught.value, "id"))["param"] == param


@pytest.mark.parametrize(("scope", "param"), [("run", "lightrouter.budget"), ("thread", "lightrouter.thread_budget")])
def test_a_budget_too_small_is_not_retried(scope, param):
    error = to_api_error(BudgetError("too small", needed={"usd": 2.0}, left={"usd": 1.0}, scope=scope), "id")
    assert (error.status, error.headers) == (429, {"x-should-retry": "false"})
    quota = "insufficient_quota"
    assert body(error) == {"message": "too small", "type": quota, "code": quota, "param": param}


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ("tool_choice = 'x': it must be auto", "tool_choice"),
        ("response_format is no JSON schema: x", "response_format"),
        ("there is nothing to answer", "messages"),
    ],
)
def test_an_invalid_query_names_the_field(message, param):
    error = to_api_error(QueryError(message), "id")
    assert (error.status, body(error)["param"]) == (400, param)


def test_the_answer_after_a_broken_stream_is_included():
    error = to_api_error(BrokenStreamError(AIMessage("the other answer")), "id")
    assert error.status == 502
    assert body(error)["code"] == "broken_stream"
    assert body(error)["answer"] == "the other answer"


@pytest.mark.parametrize("exc", [SelectionError("no seed"), LightRouterError("else")])
def test_other_library_errors_keep_their_message(exc):
    error = to_api_error(exc, "id")
    assert (error.status, body(error)["message"]) == (500, str(exc))
    assert error.headers == {"x-should-retry": "false"}


@pytest.mark.parametrize(
    ("causes", "wait_s", "status", "seconds"),
    [
        (["unavailable", "unavailable", "auth"], 11.2, 503, "12"),
        (["unavailable"], 0.0, 503, "1"),
        (["disconnected"], 29.5, 503, "30"),
        (["unavailable"], 1e30, 503, "3600"),
        (["rate_limited"], 42.0, 429, "42"),
        (["rate_limited", "timeout"], 42.0, 503, "42"),
    ],
)
def test_a_pool_that_must_not_be_called_says_when_to_retry(causes, wait_s, status, seconds):
    failures = {f"m{number}": f"{cause}: x" for number, cause in enumerate(causes)}
    error = to_api_error(NoSurvivorError(layer=1, failures=failures, retry_after_s=wait_s), "id")
    assert (error.status, error.headers) == (status, {"retry-after": seconds})


def test_an_error_is_not_as_long_as_what_the_client_sent():
    assert len(ApiError(400, "x" * 10**6).body()) < 11_000

"""What one run holds in memory: its work in flight and its budget of retries."""

import pytest

from lightrouter_graph.runtime.run_scope import REQUEST_KEY, SCOPE_KEY, RunScope, scope_of, with_scope


def test_closing_a_scope_cancels_what_is_in_flight_and_nothing_else():
    scope, cancelled = RunScope(), []
    with scope.track(lambda: cancelled.append("ended")):
        pass
    with scope.track(lambda: cancelled.append("a")), scope.track(lambda: cancelled.append("b")):
        scope.close()
    assert cancelled == ["a", "b"]
    scope.close()
    assert cancelled == ["a", "b"]


def test_work_that_failed_is_no_longer_in_flight():
    scope, cancelled = RunScope(), []
    with pytest.raises(ValueError, match="failed"), scope.track(lambda: cancelled.append("failed")):
        raise ValueError("failed")
    scope.close()
    assert cancelled == []


def test_all_calls_of_a_run_share_its_retries():
    scope = RunScope()
    assert scope.retries(1) is scope.retries(5)
    assert scope.retries(1).take()
    assert not scope.retries(5).take()
    assert RunScope().retries(1).take()


def test_a_scope_is_found_in_the_configuration_and_replaces_that_of_an_outer_run():
    inner, outer = RunScope(), RunScope()
    config = with_scope(with_scope({"tags": ["t"], "configurable": {"thread_id": "1"}}, outer), inner)
    assert config == {"tags": ["t"], "configurable": {REQUEST_KEY: None, "thread_id": "1", SCOPE_KEY: inner}}
    assert scope_of(config) is inner
    assert scope_of(None) is not scope_of({})

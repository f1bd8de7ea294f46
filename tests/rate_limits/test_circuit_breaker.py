"""Five failures in a row open a breaker; one probe at a time tests whether it can close."""

import threading

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from lightrouter_graph.rate_limits.circuit_breaker import (
    FAILURES_IN_A_ROW,
    FIRST_OPEN_S,
    MAX_OPEN_S,
    CircuitBreaker,
)


class ManualClock:
    """A clock that the test sets."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def breaker(clock):
    return CircuitBreaker(clock)


def opened(breaker):
    for _ in range(FAILURES_IN_A_ROW):
        breaker.fail(breaker.admit())
    return breaker


def test_it_opens_after_failures_in_a_row(breaker):
    for _ in range(FAILURES_IN_A_ROW - 1):
        breaker.fail(breaker.admit())
    assert not breaker.refuses()
    breaker.fail(breaker.admit())
    assert breaker.refuses()
    assert breaker.admit() is None
    assert breaker.reason == "failed 5 times in a row; next try in 30 s"


def test_a_success_resets_the_count(breaker):
    for _ in range(3):
        for _ in range(FAILURES_IN_A_ROW - 1):
            breaker.fail(breaker.admit())
        breaker.succeed(breaker.admit())
    assert not breaker.refuses()


def test_after_the_open_time_one_request_is_admitted(breaker, clock):
    opened(breaker)
    clock.now = FIRST_OPEN_S - 0.001
    assert breaker.admit() is None
    clock.now = FIRST_OPEN_S
    assert breaker.admit() is not None
    assert [breaker.admit() for _ in range(20)] == [None] * 20
    assert breaker.reason == "failed 5 times in a row; a probe is in flight"


def test_a_successful_probe_closes_the_breaker(breaker, clock):
    opened(breaker)
    clock.now = FIRST_OPEN_S
    breaker.succeed(breaker.admit())
    assert not breaker.refuses()
    assert breaker.admit() is not None


def test_each_failed_probe_doubles_the_open_time_up_to_the_maximum(breaker, clock):
    opened(breaker)
    open_times = []
    for _ in range(2000):  # far beyond what a float can double
        open_times.append(breaker._next_try - clock.now)
        clock.now = breaker._next_try
        breaker.fail(breaker.admit())
    assert open_times[:5] == [30, 60, 120, 240, 300]
    assert max(open_times) == MAX_OPEN_S


def test_a_success_resets_the_open_time(breaker, clock):
    opened(breaker)
    for _ in range(3):
        clock.now = breaker._next_try
        breaker.fail(breaker.admit())
    clock.now = breaker._next_try
    breaker.succeed(breaker.admit())
    opened(breaker)
    assert breaker._next_try - clock.now == FIRST_OPEN_S


def test_after_an_abandoned_probe_the_next_request_is_the_probe(breaker, clock):
    opened(breaker)
    clock.now = FIRST_OPEN_S
    probe = breaker.admit()
    breaker.abandon(probe)
    assert breaker.admit() is not None
    assert breaker.admit() is None


def test_a_late_outcome_of_an_abandoned_probe_is_ignored(breaker, clock):
    opened(breaker)
    clock.now = FIRST_OPEN_S
    lost = breaker.admit()
    breaker.abandon(lost)
    breaker.succeed(lost)
    assert breaker.admit() is not None
    breaker.fail(lost)
    breaker.abandon(lost)
    assert breaker.admit() is None


def test_requests_from_before_the_opening_neither_close_nor_extend_it(breaker, clock):
    early = breaker.admit()
    opened(breaker)
    clock.now = 10
    breaker.succeed(early)
    breaker.fail(early)
    assert breaker.reason == "failed 5 times in a row; next try in 20 s"
    clock.now = FIRST_OPEN_S
    breaker.succeed(breaker.admit())
    for _ in range(10):
        breaker.fail(early)
    assert not breaker.refuses()


def test_one_of_many_threads_gets_the_probe(breaker, clock):
    opened(breaker)
    clock.now = FIRST_OPEN_S
    start, admitted = threading.Barrier(8), []

    def try_it():
        start.wait(10)
        admitted.extend(generation for _ in range(50) if (generation := breaker.admit()) is not None)

    threads = [threading.Thread(target=try_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(admitted) == 1


class AnyTraffic(RuleBasedStateMachine):
    """Requests start, succeed, fail and are cancelled in any order while time passes."""

    def __init__(self):
        super().__init__()
        self.clock = ManualClock()
        self.breaker = CircuitBreaker(self.clock)
        self.calls = []  # (generation, begun while open)
        self.open = False

    @rule(seconds=st.floats(0, 400))
    def wait(self, seconds):
        self.clock.now += seconds

    @rule()
    def begin(self):
        expected = not self.breaker.refuses()
        generation = self.breaker.admit()
        assert (generation is not None) is expected
        if generation is not None:
            self.calls.append((generation, self.open))

    @precondition(lambda self: self.calls)
    @rule(data=st.data(), how=st.sampled_from(["succeed", "fail", "abandon"]))
    def end(self, data, how):
        generation, probe = self.calls.pop(data.draw(st.integers(0, len(self.calls) - 1)))
        was_open = self.open
        getattr(self.breaker, how)(generation)
        self.breaker.abandon(generation)  # as on leaving a permit
        self.open = self.breaker._openings > 0
        if was_open:
            assert self.open is not (probe and how == "succeed"), "only a successful probe closes"
        elif self.open:
            assert how == "fail"

    @invariant()
    def no_more_than_one_probe_is_in_flight(self):
        if self.open:
            assert sum(probe for _, probe in self.calls) <= 1

    @invariant()
    def a_closed_breaker_rejects_no_request(self):
        if not self.open:
            assert not self.breaker.refuses()


AnyTraffic.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestAnyTraffic = AnyTraffic.TestCase

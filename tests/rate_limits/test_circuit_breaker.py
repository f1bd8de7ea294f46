"""Five failures in a row open a breaker, one probe at a time finds out whether it may close."""

import threading

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from lightrouter_graph.rate_limits.circuit_breaker import (
    FAILURES_IN_A_ROW,
    FIRST_REST_S,
    LONGEST_REST_S,
    CircuitBreaker,
)


class Hand:
    """A clock moved by hand."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def hand():
    return Hand()


@pytest.fixture
def breaker(hand):
    return CircuitBreaker(hand)


def opened(breaker):
    for _ in range(FAILURES_IN_A_ROW):
        breaker.fail(breaker.admit())
    return breaker


def test_it_opens_after_failures_in_a_row(breaker):
    for _ in range(FAILURES_IN_A_ROW - 1):
        breaker.fail(breaker.admit())
    assert not breaker.refuses
    breaker.fail(breaker.admit())
    assert breaker.refuses
    assert breaker.admit() is None
    assert breaker.reason == "failed 5 times in a row; next try in 30 s"


def test_a_success_in_between_begins_the_count_anew(breaker):
    for _ in range(3):
        for _ in range(FAILURES_IN_A_ROW - 1):
            breaker.fail(breaker.admit())
        breaker.succeed(breaker.admit())
    assert not breaker.refuses


def test_after_a_rest_one_call_is_let_through_and_no_other(breaker, hand):
    opened(breaker)
    hand.now = FIRST_REST_S - 0.001
    assert breaker.admit() is None
    hand.now = FIRST_REST_S
    assert breaker.admit() is not None
    assert [breaker.admit() for _ in range(20)] == [None] * 20
    assert breaker.reason == "failed 5 times in a row; it is being tried again now"


def test_the_probes_success_closes(breaker, hand):
    opened(breaker)
    hand.now = FIRST_REST_S
    breaker.succeed(breaker.admit())
    assert not breaker.refuses
    assert breaker.admit() is not None


def test_each_failed_probe_doubles_the_rest_up_to_the_longest(breaker, hand):
    opened(breaker)
    rests = []
    for _ in range(2000):  # far beyond what a float can double
        rests.append(breaker._next_try - hand.now)
        hand.now = breaker._next_try
        breaker.fail(breaker.admit())
    assert rests[:5] == [30, 60, 120, 240, 300]
    assert max(rests) == LONGEST_REST_S


def test_after_a_success_the_rest_is_short_again(breaker, hand):
    opened(breaker)
    for _ in range(3):
        hand.now = breaker._next_try
        breaker.fail(breaker.admit())
    hand.now = breaker._next_try
    breaker.succeed(breaker.admit())
    opened(breaker)
    assert breaker._next_try - hand.now == FIRST_REST_S


def test_a_probe_that_is_abandoned_lets_the_next_call_be_the_probe(breaker, hand):
    opened(breaker)
    hand.now = FIRST_REST_S
    probe = breaker.admit()
    breaker.abandon(probe)
    assert breaker.admit() is not None
    assert breaker.admit() is None


def test_what_an_abandoned_probe_says_later_is_not_heard(breaker, hand):
    opened(breaker)
    hand.now = FIRST_REST_S
    lost = breaker.admit()
    breaker.abandon(lost)
    breaker.succeed(lost)
    assert breaker.admit() is not None
    breaker.fail(lost)
    breaker.abandon(lost)
    assert breaker.admit() is None


def test_calls_from_before_the_opening_neither_close_it_nor_make_it_rest_longer(breaker, hand):
    early = breaker.admit()
    opened(breaker)
    hand.now = 10
    breaker.succeed(early)
    breaker.fail(early)
    assert breaker.reason == "failed 5 times in a row; next try in 20 s"
    hand.now = FIRST_REST_S
    breaker.succeed(breaker.admit())
    for _ in range(10):
        breaker.fail(early)
    assert not breaker.refuses


def test_of_many_threads_one_gets_the_probe(breaker, hand):
    opened(breaker)
    hand.now = FIRST_REST_S
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
    """Calls begin, end, fail, are cancelled and outlive each other while time passes."""

    def __init__(self):
        super().__init__()
        self.hand = Hand()
        self.breaker = CircuitBreaker(self.hand)
        self.calls = []  # (generation, begun while open)
        self.open = False

    @rule(seconds=st.floats(0, 400))
    def wait(self, seconds):
        self.hand.now += seconds

    @rule()
    def begin(self):
        expected = not self.breaker.refuses
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
            assert self.open is not (probe and how == "succeed"), "the probe's success closes, and nothing else"
        elif self.open:
            assert how == "fail"

    @invariant()
    def no_more_than_one_probe_is_under_way(self):
        if self.open:
            assert sum(probe for _, probe in self.calls) <= 1

    @invariant()
    def a_closed_breaker_refuses_nobody(self):
        if not self.open:
            assert not self.breaker.refuses


AnyTraffic.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestAnyTraffic = AnyTraffic.TestCase

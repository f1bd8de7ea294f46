"""Stop rules: when the answers suffice, which candidates are queried next, and which answers are merged."""

import pytest
from builders import query

from lightrouter_graph import Context
from lightrouter_graph.state_queries import LayerStatus
from lightrouter_graph.stopping import AgreementStop, FixedTopK, counted, next_candidates, rule_for, stop_reason

QUERY = query()


def status(candidates, *, late=False, **answers):
    """Build the status of a layer; an answer of "-" is one without a key."""
    keys = {name: None if key == "-" else key for name, key in answers.items()}
    return LayerStatus(tuple(candidates), keys, late)


def names(chosen):
    return "".join(chosen)


def test_the_settings_choose_the_rule():
    assert rule_for(Context(top_k=3, agree=None)) == FixedTopK()
    assert rule_for(Context(top_k=3, agree=2)) == AgreementStop()


def test_a_rule_without_limits_has_those_of_the_settings():
    asked = query(settings=Context(top_k=3, agree=3))
    assert names(next_candidates(AgreementStop(), asked, status("abcd"))) == "abc"
    assert names(next_candidates(FixedTopK(), asked, status("abcd"))) == "abc"


# exactly k -------------------------------------------------------------------------------------------------

TOP_TWO = FixedTopK(2)


@pytest.mark.parametrize(
    ("at", "up", "merged", "why"),
    [
        (status("abc"), "ab", "", "0 of top_k = 2 answered"),
        (status("abc", a="4"), "b", "a", "1 of top_k = 2 answered"),
        (status("abc", a="4", b="4"), "", "ab", "2 of top_k = 2 answered"),
        (status("abc", c="4"), "ab", "c", "1 of top_k = 2 answered"),
        (status("abc", b="5", c="4"), "a", "b", "1 of top_k = 2 answered"),
        (status("abc", a="4", b="5", c="4"), "", "ab", "2 of top_k = 2 answered"),
        (status("a", a="4"), "", "a", "all 1 answered"),
        (status(""), "", "", "0 of top_k = 2 answered"),
        (status("abc", late=True), "", "", "the deadline has passed"),
        (status("abc", a="4", late=True), "", "a", "the deadline has passed"),
        (status("abcd", c="4", d="5", late=True), "", "cd", "the deadline has passed"),
    ],
)
def test_exactly_the_k_best_answer(at, up, merged, why):
    assert names(tuple(next_candidates(TOP_TWO, QUERY, at))) == up
    assert names(counted(TOP_TWO, QUERY, at)) == merged
    assert stop_reason(TOP_TWO, QUERY, at).text == why


# until enough agree ----------------------------------------------------------------------------------------

TWO_OF_FOUR = AgreementStop(agree=2, top_k=4)
UNDECIDED = "top_k = 4 answered without agreement"


@pytest.mark.parametrize(
    ("at", "up"),
    [
        (status("abcd"), "ab"),
        (status("abcd", a="4"), "b"),
        (status("abcd", b="4"), "a"),
        (status("abcd", c="4"), "ab"),
        (status("abcd", a="4", b="5"), "c"),
        (status("abcd", a="4", c="5"), "b"),
        (status("abcd", a="-", b="4"), "c"),
        (status("abcd", b="-", c="-"), "a"),
        (status("abcdef", a="1", b="2", c="3"), "d"),
        (status("abcdef", d="1", e="2", f="3"), "a"),
        (status("a"), "a"),
    ],
)
def test_the_first_wave_then_one_at_a_time(at, up):
    assert names(tuple(next_candidates(TWO_OF_FOUR, QUERY, at))) == up


@pytest.mark.parametrize(
    ("at", "merged", "why"),
    [
        (status("abcd", a="4", b="4"), "ab", "2 answers agree"),
        (status("abcd", c="4", d="4"), "cd", "2 answers agree"),
        (status("abcd", a="5", b="4", d="4"), "abd", "2 answers agree"),
        (status("abcd", a="4", b="4", c="4"), "abc", "3 answers agree"),
        (status("abcdef", a="1", b="2", c="3", d="4"), "abcd", UNDECIDED),
        (status("abcdef", a="4", b="-", c="-", d="-"), "abcd", UNDECIDED),
        (status("abcdef", a="-", b="-", f="-"), "abf", "the answers cannot be compared"),
        (status("abc", a="1", b="2", c="3"), "abc", "no candidate is left to query"),
        (status(""), "", "no candidate is left to query"),
        (status("abcd", a="4", late=True), "a", "the deadline has passed"),
        (status("abcd", a="4", b="4", late=True), "ab", "2 answers agree"),
        (status("abcd", late=True), "", "the deadline has passed"),
    ],
)
def test_it_ends_with_everybody_who_answered_counted(at, merged, why):
    assert tuple(next_candidates(TWO_OF_FOUR, QUERY, at)) == ()
    assert names(counted(TWO_OF_FOUR, QUERY, at)) == merged
    assert stop_reason(TWO_OF_FOUR, QUERY, at).text == why


def test_nobody_is_asked_for_an_agreement_that_is_out_of_reach():
    rule = AgreementStop(agree=3, top_k=4)
    assert names(tuple(next_candidates(rule, QUERY, status("abcdef", a="1", b="1", c="2")))) == "d"
    assert tuple(next_candidates(rule, QUERY, status("abcdef", a="1", b="2", c="3"))) == ()
    assert stop_reason(rule, QUERY, status("abcdef", a="1", b="2", c="3")).text == "agree = 3 is out of reach"


def test_the_first_wave_is_as_large_as_the_agreement():
    assert names(next_candidates(AgreementStop(agree=3, top_k=5), QUERY, status("abcdef"))) == "abc"


def test_never_more_than_top_k_are_asked():
    assert names(next_candidates(AgreementStop(agree=3, top_k=3), QUERY, status("abcdef", f="1"))) == "ab"


class OneByOne:
    """A stop rule with the one method that is required."""

    def next_candidates(self, query, status):
        return [name for name in status.candidates if name not in status.answers][:1]


def test_a_rule_needs_one_method_only():
    rule, at = OneByOne(), status("abc", b="4")
    assert next_candidates(rule, QUERY, at) == ["a"]
    assert counted(rule, QUERY, at) == ["b"]
    assert stop_reason(rule, QUERY, at) == ("rule", "the stop rule selected no candidate")


@pytest.mark.parametrize(
    ("at", "code"),
    [
        (status("abc", late=True), "deadline"),
        (LayerStatus(("a", "b"), {}, closed_reason="a quorum of 2 has answered"), "quorum"),
        (LayerStatus(("a", "b"), {}, closed_reason="the remaining budget cannot pay for another answer"), "budget"),
    ],
)
def test_the_graph_closes_a_layer_whatever_the_rule_returns(at, code):
    assert next_candidates(OneByOne(), QUERY, at) == []
    assert stop_reason(TWO_OF_FOUR, QUERY, at).code == code

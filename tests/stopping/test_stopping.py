"""When it is enough, who is next, and whose answers count."""

import pytest

from lightrouter_graph.stopping import AgreementStop, FixedTopK, LayerStatus, rule_for


def standing(contenders, *, late=False, **answers):
    """Build a standing; an answer of "-" is one without a key."""
    keys = {name: None if key == "-" else key for name, key in answers.items()}
    return LayerStatus(tuple(contenders), keys, late)


def names(chosen):
    return "".join(chosen)


def test_the_settings_choose_the_rule():
    assert rule_for(top_k=3, agree=None) == FixedTopK(3)
    assert rule_for(top_k=3, agree=2) == AgreementStop(2, 3)


# exactly k -------------------------------------------------------------------------------------------------

TOP_TWO = FixedTopK(2)


@pytest.mark.parametrize(
    ("at", "up", "counted", "why"),
    [
        (standing("abc"), "ab", "", "0 of top_k = 2 answered"),
        (standing("abc", a="4"), "b", "a", "1 of top_k = 2 answered"),
        (standing("abc", a="4", b="4"), "", "ab", "2 of top_k = 2 answered"),
        (standing("abc", c="4"), "ab", "c", "1 of top_k = 2 answered"),
        (standing("abc", b="5", c="4"), "a", "b", "1 of top_k = 2 answered"),
        (standing("abc", a="4", b="5", c="4"), "", "ab", "2 of top_k = 2 answered"),
        (standing("a", a="4"), "", "a", "all 1 answered"),
        (standing(""), "", "", "0 of top_k = 2 answered"),
        (standing("abc", late=True), "", "", "the deadline has passed"),
        (standing("abc", a="4", late=True), "", "a", "the deadline has passed"),
        (standing("abcd", c="4", d="5", late=True), "", "cd", "the deadline has passed"),
    ],
)
def test_exactly_the_k_best_answer(at, up, counted, why):
    assert names(TOP_TWO.next_up(at)) == up
    assert names(TOP_TWO.counted(at)) == counted
    assert TOP_TWO.why(at) == why


# until enough agree ----------------------------------------------------------------------------------------

TWO_OF_FOUR = AgreementStop(agree=2, top_k=4)
UNDECIDED = "top_k = 4 answered without agreement"


@pytest.mark.parametrize(
    ("at", "up"),
    [
        (standing("abcd"), "ab"),
        (standing("abcd", a="4"), "b"),
        (standing("abcd", b="4"), "a"),
        (standing("abcd", c="4"), "ab"),
        (standing("abcd", a="4", b="5"), "c"),
        (standing("abcd", a="4", c="5"), "b"),
        (standing("abcd", a="-", b="4"), "c"),
        (standing("abcd", b="-", c="-"), "a"),
        (standing("abcdef", a="1", b="2", c="3"), "d"),
        (standing("abcdef", d="1", e="2", f="3"), "a"),
        (standing("a"), "a"),
    ],
)
def test_the_first_wave_then_one_at_a_time(at, up):
    assert names(TWO_OF_FOUR.next_up(at)) == up


@pytest.mark.parametrize(
    ("at", "counted", "why"),
    [
        (standing("abcd", a="4", b="4"), "ab", "2 answers agree"),
        (standing("abcd", c="4", d="4"), "cd", "2 answers agree"),
        (standing("abcd", a="5", b="4", d="4"), "abd", "2 answers agree"),
        (standing("abcd", a="4", b="4", c="4"), "abc", "3 answers agree"),
        (standing("abcdef", a="1", b="2", c="3", d="4"), "abcd", UNDECIDED),
        (standing("abcdef", a="4", b="-", c="-", d="-"), "abcd", UNDECIDED),
        (standing("abcdef", a="-", b="-", f="-"), "abf", "the answers cannot be compared"),
        (standing("abc", a="1", b="2", c="3"), "abc", "nobody is left to ask"),
        (standing(""), "", "nobody is left to ask"),
        (standing("abcd", a="4", late=True), "a", "the deadline has passed"),
        (standing("abcd", a="4", b="4", late=True), "ab", "2 answers agree"),
        (standing("abcd", late=True), "", "the deadline has passed"),
    ],
)
def test_it_ends_with_everybody_who_answered_counted(at, counted, why):
    assert TWO_OF_FOUR.next_up(at) == ()
    assert names(TWO_OF_FOUR.counted(at)) == counted
    assert TWO_OF_FOUR.why(at) == why


def test_nobody_is_asked_for_an_agreement_that_is_out_of_reach():
    rule = AgreementStop(agree=3, top_k=4)
    assert names(rule.next_up(standing("abcdef", a="1", b="1", c="2"))) == "d"
    assert rule.next_up(standing("abcdef", a="1", b="2", c="3")) == ()
    assert rule.why(standing("abcdef", a="1", b="2", c="3")) == "agree = 3 is out of reach"


def test_the_first_wave_is_as_large_as_the_agreement():
    assert names(AgreementStop(agree=3, top_k=5).next_up(standing("abcdef"))) == "abc"


def test_never_more_than_top_k_are_asked():
    assert names(AgreementStop(agree=3, top_k=3).next_up(standing("abcdef", f="1"))) == "ab"

"""`LayerView` on plain dict states."""

import time

import pytest
from builders import FAILED, answer, boot, finished, lost, query, ranking, state
from langchain_core.messages import AIMessage, HumanMessage

from lightrouter_graph import Context
from lightrouter_graph.answer_keys.voting import agreement_of
from lightrouter_graph.state import answer_from
from lightrouter_graph.state_queries import LayerView
from lightrouter_graph.stopping import counted, rule_for

FIXED = Context(top_k=2, agree=None)


def counted_answers(view):
    found = counted(rule_for(view.settings), query(settings=view.settings), view.status)
    return [view.answers[name] for name in found]


def names(records):
    return [record["candidate"] for record in records]


def ranked(*boots, settings=FIXED, **others):
    """Build a state whose surviving boots are ranked as listed."""
    order = [b["candidate"] for b in boots if b["failure"] is None]
    return state(settings=settings, boots=list(boots), rankings=[ranking(*order)], **others)


def test_only_the_present_layer_is_read():
    earlier, now = boot("a", layer=1), boot("a", layer=2)
    at = state(layer=2, boots=[earlier, now, boot("b", layer=2, failure=FAILED)])
    assert LayerView(at).boots == [now, at["boots"][2]]
    assert LayerView(at).survivors == [now]


def test_those_that_have_not_booted_come_after_the_ranked():
    at = state("abcd", first_wave=["a", "b"], boots=[boot("a"), boot("b")], rankings=[ranking("b", "a")])
    assert LayerView(at).candidates == ("b", "a", "c", "d")


def test_who_failed_is_out_of_the_running():
    at = state("abcd", first_wave=["a", "b", "c"], rankings=[ranking("b", "a")], answers=[lost("b")])
    at["boots"] = [boot("a"), boot("b"), boot("c", failure=FAILED)]
    assert LayerView(at).candidates == ("a", "d")


def test_without_a_ranking_the_first_wave_comes_first():
    assert LayerView(state("abc", first_wave=["b"])).candidates == ("b", "a", "c")


def test_a_finished_boot_is_an_answer_that_costs_nothing_more():
    at = ranked(finished("a", "4"), boot("b"))
    assert list(LayerView(at).answers) == ["a"]
    given = LayerView(at).answers["a"]
    assert (given["text"], given["key"], given["via"], given["usd"]) == ("It is 4.", "4", "boot", 0.0)
    assert given["usage"]["output_tokens"] == 0


def test_a_failed_answer_is_not_at_hand():
    at = ranked(boot("a"), boot("b"), answers=[answer("a"), lost("b")])
    assert list(LayerView(at).answers) == ["a"]


def test_answers_are_counted_by_rank_not_by_arrival():
    at = ranked(boot("b"), boot("a"), answers=[answer("a", "4"), answer("b", "5")])
    assert names(counted_answers(LayerView(at))) == ["b", "a"]


def test_a_fixed_k_counts_no_finished_boot_below_it():
    at = ranked(boot("a"), boot("b"), finished("c", "5"), answers=[answer("a"), answer("b")])
    assert names(counted_answers(LayerView(at))) == ["a", "b"]


def test_under_agreement_every_finished_boot_counts():
    at = ranked(boot("a"), boot("b"), finished("c", "4"), settings=Context(), answers=[answer("a", "4")])
    assert names(counted_answers(LayerView(at))) == ["a", "c"]


# whether the boots suffice ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "agree", "settled"),
    [
        (["4", "4", "4"], None, True),
        (["4", "4", "5"], None, False),
        (["4", "4", None], None, False),
        (["4", "4", "5"], 2, True),
        (["4", "4", None], 2, True),
        (["4", "5", "6"], 2, False),
        ([None, None, None], None, False),
        ([None, None, None], 2, False),
        (["4"], None, False),
    ],
)
def test_boots_settle_the_answer_when_all_are_equal_or_enough_agree(keys, agree, settled):
    boots = [finished(name, key) for name, key in zip("abc", keys, strict=False)]
    assert LayerView(ranked(*boots, settings=Context(agree=agree))).is_settled is settled


@pytest.mark.parametrize("other", [boot("b"), boot("b", key="4"), boot("b", failure=FAILED)])
def test_a_boot_that_did_not_finish_settles_nothing(other):
    assert not LayerView(ranked(finished("a", "4"), other)).is_settled


# who goes on and who does not ------------------------------------------------------------------------------


def test_the_chosen_boots_are_the_k_best_in_rank_order():
    at = state(settings=FIXED, boots=[boot("a"), boot("b"), boot("c")], rankings=[ranking("c", "a", "b")])
    assert names(LayerView(at).top_boots) == ["c", "a"]


def test_nobody_is_chosen_before_a_ranking():
    assert LayerView(state(boots=[boot("a")])).top_boots == []


def test_in_an_inner_layer_the_chosen_go_into_the_draft():
    at = ranked(boot("a"), boot("b"), boot("c"), settings=Context(top_k=2, agree=None, layers=2))
    assert LayerView(at).selected == ["a", "b"]


def test_in_the_last_layer_those_go_on_that_have_not_answered_yet():
    at = ranked(finished("a", "4"), boot("b"), boot("c"), next_candidates=["b"])
    assert LayerView(at).selected == ["b"]


def test_each_drop_has_its_reason():
    at = ranked(boot("a"), boot("b"), boot("c"), boot("d", failure=FAILED), boot("e"))
    at["rankings"] = [ranking("a", "b", "c")]
    assert LayerView(at).dropped == {
        "c": "rank 3, below top_k = 2",
        "d": "unavailable: InternalServerError: down",
        "e": "excluded by the selector",
    }


def test_under_agreement_a_low_rank_only_means_later():
    assert LayerView(ranked(boot("a"), boot("b"), boot("c"), settings=Context(top_k=2))).dropped == {}


def test_a_layer_is_inner_until_the_last_or_until_answers_were_counted():
    two = Context(layers=2)
    assert LayerView(state(settings=two, layer=1)).is_inner
    assert not LayerView(state(settings=two, layer=2)).is_inner
    assert not LayerView(state(settings=two, layer=1, agreement=agreement_of([answer("a")]))).is_inner


# agreement -------------------------------------------------------------------------------------------------


def test_agreement_groups_the_answers_by_their_key():
    found = agreement_of([answer("a", "4"), answer("b", "5"), answer("c", "5"), answer("d", None)])
    assert found == {"agreed": 2, "answered": 4, "leader": "5", "groups": {"4": ["a"], "5": ["b", "c"]}}


def test_answers_that_cannot_be_compared_agree_with_nobody():
    found = agreement_of([answer("a", None), answer("b", None)])
    assert (found["agreed"], found["leader"], found["groups"]) == (0, None, {})


def test_of_equal_groups_the_better_ranked_leads():
    assert agreement_of([answer("a", "5"), answer("b", "4")])["leader"] == "5"


# time ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("age", "deadline_s", "left"), [(0, None, 60), (0, 1000, 60), (5, 10, 5), (20, 10, 0)])
def test_a_call_may_take_its_cap_or_the_rest_of_the_run(age, deadline_s, left):
    view = LayerView(state(settings=Context(deadline_s=deadline_s), started_at=time.time() - age))
    assert view.seconds_left(60.0) == pytest.approx(left, abs=0.5)


def test_equal_answers_with_different_keys_have_the_key_of_their_group():
    agreement = {"agreed": 2, "answered": 2, "leader": "4", "groups": {"4": ["a", "b"]}}
    view = LayerView(state(answers=[answer("a", "4"), answer("b", "four")], agreement=agreement))
    assert view.keys == {"a": "4", "b": "4"}


def test_no_model_gets_the_decision_record_of_an_earlier_answer():
    earlier = AIMessage("4", response_metadata={"lightrouter": {"run": "r"}, "model_name": "m"})
    view = LayerView(state(messages=[earlier, HumanMessage("And now?")]))
    assert [message.response_metadata for message in view.messages] == [{"model_name": "m"}, {}]


def test_a_boot_turned_answer_keeps_what_it_said_and_how_it_ended():
    given = answer_from(finished("a", "4", layer=2))
    assert (given["layer"], given["candidate"], given["finish_reason"], given["failure"]) == (2, "a", "stop", None)

"""The decisions between the steps, on plain dict states."""

import pytest
from builders import FAILED, answer, boot, finished, lost, ranking, state
from langgraph.graph import END
from langgraph.types import Send

from lightrouter_graph import Context
from lightrouter_graph.edges import fan_out_boots, fan_out_top_k, next_layer_or_end, next_or_merge
from lightrouter_graph.state_queries import agreement_of

FIXED = Context(top_k=2, agree=None)
TWO_LAYERS = Context(top_k=2, agree=None, layers=2)


def ranked(*boots, settings=FIXED, **others):
    order = [b["candidate"] for b in boots if b["failure"] is None]
    return state(settings=settings, boots=list(boots), rankings=[ranking(*order)], **others)


def sent(sends):
    """Say who is sent where."""
    return [(send.node, send.arg["candidate"]) for send in sends]


def task(sends, candidate):
    return next(send.arg for send in sends if send.arg["candidate"] == candidate)


# open -> ---------------------------------------------------------------------------------------------------


def test_the_first_wave_boots():
    assert sent(fan_out_boots(state("abc", booting=["a", "b"]))) == [("boot", "a"), ("boot", "b")]


def test_a_single_candidate_answers_at_once():
    sends = fan_out_boots(state("abc", booting=["a"]))
    assert sent(sends) == [("generate", "a")]
    assert sends[0].arg["boot"] is None


# select -> -------------------------------------------------------------------------------------------------


def test_the_k_best_answer_in_full():
    assert sent(fan_out_top_k(ranked(boot("b"), boot("c"), boot("a")))) == [("generate", "b"), ("generate", "c")]


def test_a_finished_boot_among_the_k_best_is_not_asked_again():
    assert sent(fan_out_top_k(ranked(finished("a", "4"), boot("b"), boot("c")))) == [("generate", "b")]


@pytest.mark.parametrize("settings", [FIXED, TWO_LAYERS, Context()])
def test_boots_that_settle_the_answer_go_straight_to_the_tally(settings):
    at = ranked(finished("a", "4"), finished("b", "4"), settings=settings)
    assert fan_out_top_k(at) == "tally"


def test_enough_finished_boots_under_a_fixed_k_go_to_the_tally_even_when_they_differ():
    assert fan_out_top_k(ranked(finished("a", "4"), finished("b", "5"), boot("c"))) == "tally"


def test_an_inner_layer_merges_its_boots_as_they_are():
    assert fan_out_top_k(ranked(boot("a"), boot("b"), boot("c"), settings=TWO_LAYERS)) == "aggregate"


def test_an_inner_layer_without_boots_asks_those_that_have_not_booted():
    at = ranked(boot("a", failure=FAILED), settings=TWO_LAYERS, booting=["a"])
    assert sent(fan_out_top_k(at)) == [("generate", "b"), ("generate", "c")]


def test_once_the_deadline_has_passed_nobody_is_asked():
    assert fan_out_top_k(ranked(boot("a"), boot("b"), late=True)) == "tally"


def test_where_nobody_is_left_it_goes_on_to_the_tally():
    at = ranked(boot("a", failure=FAILED), boot("b", failure=FAILED), boot("c", failure=FAILED))
    assert fan_out_top_k(at) == "tally"


# tally -> --------------------------------------------------------------------------------------------------


def test_answers_that_agree_are_merged():
    at = ranked(boot("a"), boot("b"), boot("c"), settings=Context(), answers=[answer("a", "4"), answer("b", "4")])
    assert next_or_merge(at) == "aggregate"


def test_while_they_do_not_agree_the_next_in_rank_is_brought_in_alone():
    at = ranked(boot("a"), boot("b"), boot("c"), settings=Context(), answers=[answer("a", "4"), answer("b", "5")])
    assert sent(next_or_merge(at)) == [("generate", "c")]


def test_a_failed_candidate_is_replaced_by_the_next_in_rank():
    at = ranked(boot("a"), boot("b"), boot("c"), answers=[answer("a"), lost("b")])
    assert sent(next_or_merge(at)) == [("generate", "c")]


# aggregate -> ----------------------------------------------------------------------------------------------


def test_after_a_draft_the_first_wave_boots_again():
    draft = {"layer": 1, "text": "Perhaps four.", "candidates": ["a", "b"]}
    sends = next_layer_or_end(state("abc", TWO_LAYERS, layer=2, booting=["a", "b"], drafts=[draft]))
    assert sent(sends) == [("boot", "a"), ("boot", "b")]
    assert {send.arg["draft"] for send in sends} == {"Perhaps four."}
    assert {send.arg["layer"] for send in sends} == {2}


def test_after_the_answer_the_run_ends():
    assert next_layer_or_end(state(agreement=agreement_of([answer("a")]))) == END


# what a task carries ---------------------------------------------------------------------------------------


def test_a_candidate_gets_its_own_boot_and_nobody_elses():
    sends = fan_out_top_k(ranked(boot("a", "from a"), boot("b", "from b")))
    assert task(sends, "b")["boot"]["text"] == "from b"
    assert task(sends, "b")["shared"] == []


def test_under_shared_conditioning_it_gets_the_boots_of_the_chosen():
    at = ranked(boot("a", "from a"), boot("b", "from b"), boot("c", "from c"))
    at["settings"]["conditioning"] = "shared"
    assert task(fan_out_top_k(at), "a")["shared"] == ["from a", "from b"]


def test_a_task_knows_the_answers_already_found():
    at = ranked(finished("c", "4"), boot("a"), boot("b"), settings=Context())
    assert task(fan_out_top_k(at), "a")["peers"] == {"c": "4"}


def test_a_task_carries_the_settings_and_the_run_it_belongs_to():
    at = state("abc", booting=["a", "b"], started=5.0)
    sent_task = task(fan_out_boots(at), "a")
    assert {key: sent_task[key] for key in ("messages", "settings", "run", "started", "layer")} == {
        key: at[key] for key in ("messages", "settings", "run", "started", "layer")
    }


@pytest.mark.parametrize(
    ("names", "settings", "stream_to_user"),
    [
        ("a", Context(), True),
        ("ab", Context(), False),
        ("ab", Context(top_k=1, agree=None), True),
        ("ab", Context(top_k=2, agree=None), False),
    ],
)
def test_only_an_answer_that_must_be_the_final_one_may_stream(names, settings, stream_to_user):
    sends = fan_out_boots(state(names, settings, booting=["a"]))
    assert sends[0].arg["stream_to_user"] is stream_to_user


def test_where_a_finished_boot_could_still_be_the_answer_nothing_streams():
    best = Context(top_k=1, agree=None)
    assert task(fan_out_top_k(ranked(boot("a"), boot("b"), settings=best)), "a")["stream_to_user"]
    assert not task(fan_out_top_k(ranked(boot("a"), finished("b", "4"), settings=best)), "a")["stream_to_user"]


def test_edges_leave_the_state_as_it_was():
    at = ranked(finished("a", "4"), boot("b"), boot("c"))
    before = repr(at)
    sends = fan_out_top_k(at)
    assert all(isinstance(send, Send) for send in sends)
    assert repr(at) == before

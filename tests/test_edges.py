"""Routing functions on plain dict states."""

import pytest
from builders import answer, boot, finished, ranking, state
from langgraph.graph import END

from lightrouter_graph import Context
from lightrouter_graph.answer_keys.voting import agreement_of
from lightrouter_graph.edges import route_answers, route_boots, route_layer, route_top_k

FIXED = Context(top_k=2, agree=None)
TWO_LAYERS = Context(top_k=2, agree=None, layers=2)


def ranked(*boots, settings=FIXED, **others):
    order = [b["candidate"] for b in boots if b["failure"] is None]
    return state(settings=settings, boots=list(boots), rankings=[ranking(*order)], **others)


@pytest.mark.parametrize(("wave", "node"), [(["a", "b"], "boot"), (["a"], "generate")])
def test_the_first_wave_boots_unless_a_single_candidate_answers_at_once(wave, node):
    assert route_boots(state("abc", first_wave=wave)) == node


def test_the_selected_candidates_answer_in_full():
    assert route_top_k(ranked(boot("b"), boot("c"), boot("a"), next_candidates=["b", "c"])) == "generate"


@pytest.mark.parametrize("settings", [FIXED, TWO_LAYERS, Context()])
def test_boots_that_settle_the_answer_go_straight_to_the_tally(settings):
    assert route_top_k(ranked(finished("a", "4"), finished("b", "4"), settings=settings)) == "tally"


def test_an_inner_layer_merges_its_boots_as_they_are():
    assert route_top_k(ranked(boot("a"), boot("b"), boot("c"), settings=TWO_LAYERS)) == "aggregate"


def test_without_a_next_candidate_the_ranking_leads_to_the_tally():
    assert route_top_k(ranked(boot("a"), boot("b"), deadline_exceeded=True)) == "tally"


@pytest.mark.parametrize(("names", "node"), [(["c"], "generate"), ([], "aggregate")])
def test_answers_are_merged_once_no_candidate_is_queried_next(names, node):
    assert route_answers(ranked(boot("a"), answers=[answer("a")], next_candidates=names)) == node


def test_after_a_draft_the_first_wave_boots_again():
    draft = {"layer": 1, "text": "Perhaps four.", "candidates": ["a", "b"]}
    assert route_layer(state("abc", TWO_LAYERS, layer=2, first_wave=["a", "b"], drafts=[draft])) == "boot"
    assert route_layer(state("abc", TWO_LAYERS, layer=2, first_wave=["a"], drafts=[draft])) == "generate"


def test_after_the_answer_the_run_ends():
    assert route_layer(state(agreement=agreement_of([answer("a")]))) == END


def test_edges_leave_the_state_as_it_was():
    at = ranked(finished("a", "4"), boot("b"), boot("c"))
    before = repr(at)
    route_top_k(at), route_answers(at), route_boots(at), route_layer(at)
    assert repr(at) == before

"""The bill of a run, and the estimates of its alternatives."""

import json

import pytest
from builders import FAILED, answer, boot, call_cost, finished, usage
from helpers import scripted

from lightrouter_graph.telemetry.bill import make_bill, usage_metadata

POOL = scripted(a="", b="", c="", price=(1.0, 10.0))
UNPRICED = scripted(a="", b="", c="")
MILLION = 1_000_000


def bill(call_costs=(), boots=(), answers=(), *, pool=POOL, first="a", merged_tokens=5):
    return make_bill(
        call_costs,
        boots,
        answers,
        pool=pool,
        first=first,
        merged_tokens=merged_tokens,
        merge_prompt_tokens=0,
        seconds=1.5,
    )


def test_a_lost_call_is_estimated_by_the_mean_of_its_stage():
    lost = {**call_cost("boot", "a", None, output_tokens=0, estimated=True), "outcome": "lost", "cap": 200}
    drawn = bill([lost, call_cost("boot", "b", output_tokens=20), call_cost("generate", "b", output_tokens=900)])
    assert drawn["by_stage"]["boot"]["output_tokens"] == 40
    assert drawn["usage"]["estimated"]


def test_the_estimate_of_a_lost_call_is_limited_by_its_cap():
    lost = {**call_cost("boot", "a", None, output_tokens=0, estimated=True), "outcome": "lost", "cap": 8}
    assert bill([lost])["usage"]["output_tokens"] == 8
    assert bill([lost, call_cost("boot", "b", output_tokens=20)])["usage"]["output_tokens"] == 28


def test_a_call_that_was_not_sent_is_not_counted():
    unsent = {**call_cost("boot", "a", None), "outcome": "not_sent"}
    drawn = bill([unsent, call_cost("boot", "b")])
    assert (drawn["calls"], drawn["unpriced"]) == (1, [])


def test_an_estimated_answer_is_at_least_as_long_as_its_boot():
    boots = [boot("a", usage=usage(output_tokens=200)), boot("b", finished=True, usage=usage(output_tokens=20))]
    assert bill(boots=boots)["one_model"]["usage"]["output_tokens"] == 200


def tokens(part):
    return part["usage"]["input_tokens"], part["usage"]["output_tokens"]


def test_every_call_is_counted():
    made = [call_cost("boot", "a", 0.25), call_cost("boot", "b", 0.5), call_cost("aggregate", "a", 1.0)]
    drawn = bill(made)
    assert (drawn["calls"], drawn["usd"], drawn["seconds"]) == (3, 1.75, 1.5)
    assert tokens(drawn) == (30, 15)


def test_the_stages_add_up_to_the_whole():
    made = [call_cost("boot", input_tokens=7), call_cost("boot"), call_cost("select", output_tokens=1)]
    drawn = bill(made)
    assert list(drawn["by_stage"]) == ["boot", "select"]
    for kind in ("input_tokens", "output_tokens"):
        assert sum(part[kind] for part in drawn["by_stage"].values()) == drawn["usage"][kind]


def test_one_unknown_price_leaves_the_sum_unknown_but_not_the_rest():
    drawn = bill([call_cost(usd=0.5), call_cost(usd=None), call_cost(usd=0.25)])
    assert drawn["usd"] is None
    assert drawn["usd_known"] == 0.75


def test_a_run_without_a_call_costs_nothing():
    drawn = bill()
    assert (drawn["calls"], drawn["usd"], tokens(drawn)) == (0, 0, (0, 0))


def test_a_sum_with_an_estimate_in_it_is_an_estimate():
    assert bill([call_cost(), call_cost(estimated=True)])["usage"]["estimated"]
    assert not bill([call_cost(), call_cost()])["usage"]["estimated"]


# one model alone -------------------------------------------------------------------------------------------


def test_a_boot_that_finished_is_what_the_model_alone_would_have_cost():
    alone = bill(boots=[finished("a", "4", usage=usage(20, 8))])["one_model"]
    assert (alone["what"], tokens(alone), alone["estimated"]) == ("a alone", (20, 8), False)
    assert alone["usd"] == pytest.approx((20 * 1 + 8 * 10) / MILLION)


def test_a_regenerated_answer_costs_the_same_alone():
    alone = bill(boots=[boot("a", usage=usage(20, 5))], answers=[answer("a", usage=usage(20, 40))])["one_model"]
    assert (tokens(alone), alone["estimated"]) == ((20, 40), False)


def test_a_continued_answer_counts_its_prompt_once():
    continued = answer("a", via="continuation", usage=usage(25, 35))
    alone = bill(boots=[boot("a", usage=usage(20, 5))], answers=[continued])["one_model"]
    assert tokens(alone) == (20, 40)


def test_one_model_alone_has_no_other_boots_in_its_prompt():
    shared = answer("a", usage=usage(400, 40))
    alone = bill(boots=[boot("a", usage=usage(20, 5))], answers=[shared])["one_model"]
    assert (tokens(alone), alone["estimated"]) == ((20, 40), True)


def test_a_candidate_without_a_boot_is_counted_by_its_answer():
    alone = bill(answers=[answer("b", usage=usage(20, 40))], first="b")["one_model"]
    assert (alone["what"], tokens(alone)) == ("b alone", (20, 40))


def test_a_failed_answer_is_no_basis_for_an_estimate():
    answers = [answer("a", failure=FAILED, usage=usage(20, 0)), answer("b", usage=usage(20, 60))]
    alone = bill(answers=answers)["one_model"]
    assert (tokens(alone), alone["estimated"]) == ((20, 60), True)


# the full ensemble -----------------------------------------------------------------------------------------


def test_the_full_ensemble_is_every_candidate_and_an_aggregator():
    answers = [answer(name, usage=usage(20, 40)) for name in "abc"]
    ensemble = bill(answers=answers, merged_tokens=50)["full_ensemble"]
    assert ensemble["what"] == "all 3 in full, then an aggregator"
    assert tokens(ensemble) == (3 * 20 + 20 + 3 * 40, 3 * 40 + 50)
    assert ensemble["estimated"]


def test_a_missing_answer_is_estimated_by_the_mean_of_the_others():
    answers = [answer("a", usage=usage(20, 30)), answer("b", usage=usage(20, 50))]
    ensemble = bill(answers=answers, merged_tokens=0)["full_ensemble"]
    assert tokens(ensemble) == (3 * 20 + 20 + 120, 120)


def test_an_alternative_without_a_price_has_usd_none():
    drawn = bill(answers=[answer("a")], pool=UNPRICED)
    assert drawn["one_model"]["usd"] is None
    assert drawn["full_ensemble"]["usd"] is None


def test_the_bill_is_plain_json():
    drawn = bill([call_cost()], [boot("a")], [answer("a")])
    assert json.loads(json.dumps(drawn)) == drawn


def test_usage_metadata_has_only_integers():
    converted = usage_metadata(usage(10, 5, cached_tokens=4, reasoning_tokens=2, estimated=True))
    assert converted == {
        "input_tokens": 10,
        "output_tokens": 5,
        "total_tokens": 15,
        "input_token_details": {"cache_read": 4},
        "output_token_details": {"reasoning": 2},
    }


def test_the_output_of_a_lost_call_is_priced_by_its_own_model_in_the_pool_or_not():
    lost = {**call_cost("select", "judge", 0.5, output_tokens=0, estimated=True), "outcome": "lost", "cap": 100}
    assert bill([{**lost, "output_price": 2.0}])["usd"] == pytest.approx(0.5 + 100 * 2.0 / 1e6)
    assert bill([lost])["usd"] is None

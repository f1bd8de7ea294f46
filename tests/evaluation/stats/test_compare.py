import random

import pytest
from evaluation.stats.made import made_result

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.stats.compare import compare


def run(ids, right, method="ours", **rest):
    return [
        made_result(f"q{at:03d}", float(right(at)), method, seconds=1 + at % 10, output_tokens=10 + at % 5, **rest)
        for at in ids
    ]


def changes(comparison):
    (method,) = comparison["methods"]
    return {change["figure"]: change for change in method["changes"]}


def test_the_same_questions_are_compared_in_pairs():
    before = run(range(100), lambda at: at % 2)
    after = run(range(100), lambda at: at % 2 or at % 10 == 0, usd=0.0005)
    found = compare(before, after)
    (method,) = found["methods"]
    assert (method["paired"], method["before"], method["after"]) == (True, 100, 100)
    quality, usd, tokens = (changes(found)[name] for name in ("quality", "usd", "output_tokens"))
    assert (quality["before"], quality["after"]) == (0.5, 0.6)
    assert quality["difference"]["value"] == pytest.approx(0.1)
    assert quality["excludes_zero"]
    assert usd["difference"]["value"] == pytest.approx(-0.5)
    assert usd["excludes_zero"]
    assert (tokens["difference"]["value"], tokens["excludes_zero"]) == (0.0, False)


def test_every_figure_of_a_method_is_compared():
    found = changes(compare(run(range(20), bool), run(range(20), bool)))
    latencies = ["first_token_p50", "first_token_p95", "seconds_p50", "seconds_p95"]
    assert list(found) == ["quality", "output_tokens", "total_tokens", "calls", "usd", *latencies]
    assert not any(change["excludes_zero"] for change in found.values())


def test_a_run_that_was_stopped_is_compared_over_what_it_answered():
    found = compare(run(range(100), lambda at: at < 30), run(range(40), lambda at: at < 20))
    (method,) = found["methods"]
    assert (method["paired"], method["before"], method["after"]) == (True, 40, 40)
    assert changes(found)["quality"]["difference"]["value"] == pytest.approx(20 / 40 - 30 / 40)


def test_other_questions_are_compared_as_two_samples_with_wider_intervals():
    def right(at):
        return at % 2

    together = compare(run(range(100), right), run(range(100), lambda at: right(at) or at % 10 == 0))
    apart = compare(run(range(100), right), run(range(100, 250), lambda at: right(at) or at % 10 == 0))
    (method,) = apart["methods"]
    assert (method["paired"], method["before"], method["after"]) == (False, 100, 150)
    one, other = (changes(found)["quality"]["difference"] for found in (together, apart))
    assert one["value"] == pytest.approx(other["value"]) == pytest.approx(0.1)
    assert other["high"] - other["low"] > 1.5 * (one["high"] - one["low"])


def test_latency_that_doubled_is_seen():
    slow = [{**result, "seconds": 2 * result["seconds"]} for result in run(range(100), bool)]
    found = changes(compare(run(range(100), bool), slow))["seconds_p50"]
    assert (found["before"], found["after"]) == (5.5, 11.0)
    assert found["excludes_zero"]
    assert found["difference"]["low"] <= 5.5 <= found["difference"]["high"]


def test_latency_of_the_same_questions_is_compared_in_pairs():
    before = [{**result, "seconds": float(at)} for at, result in enumerate(run(range(100), bool))]
    after = [{**result, "seconds": result["seconds"] + 1} for result in before]
    found = changes(compare(before, after))
    for figure in ("seconds_p50", "seconds_p95"):
        difference = found[figure]["difference"]
        assert (difference["low"], difference["value"], difference["high"]) == pytest.approx((1, 1, 1))


def test_what_one_run_does_not_have_is_left_out():
    unmeasured = run(range(10), bool, usd=None, first_token_s=None)
    found = changes(compare(run(range(10), bool), unmeasured))
    assert list(found) == ["quality", "output_tokens", "total_tokens", "calls", "seconds_p50", "seconds_p95"]


def test_pairs_without_both_scores_are_left_out():
    after = [made_result("q000", None), made_result("q001", 1.0)]
    found = changes(compare(run(range(2), lambda at: at == 0), after))["quality"]
    assert (found["before"], found["after"], found["difference"]["value"]) == (0.0, 1.0, 1.0)


def test_methods_that_only_one_run_has_are_named():
    before = [*run(range(5), bool), *run(range(5), bool, "old")]
    after = [*run(range(5), bool, "new"), *run(range(5), bool)]
    found = compare(before, after)
    assert [method["method"] for method in found["methods"]] == ["ours"]
    assert (found["only_before"], found["only_after"]) == (["old"], ["new"])


def test_the_order_of_answering_changes_nothing():
    before, after = run(range(30), lambda at: at % 2), run(range(30), lambda at: at % 3)
    shuffled = random.Random(1).sample(before, 30)
    assert compare(before, after) == compare(shuffled, after)


def test_runs_without_a_common_method_are_an_error():
    with pytest.raises(EvaluationError, match="share no method: one has old, the other new"):
        compare(run(range(2), bool, "old"), run(range(2), bool, "new"))

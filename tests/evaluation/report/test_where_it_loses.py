from copy import deepcopy

import pytest
from evaluation.report.example import Example, interval

from lightrouter_graph.evaluation.records import Interval, MethodStats, Summary
from lightrouter_graph.evaluation.report.where_it_loses import lead_of, losses, where_it_loses


def _row(summary: Summary, name: str) -> MethodStats:
    return next(row for row in summary["methods"] if row["method"] == name)


@pytest.fixture
def pair(run: Example) -> Summary:
    """LightRouter and a majority vote that is dearer and as good."""
    summary = deepcopy(run.summary)
    summary["methods"] = [_row(summary, "lightrouter"), _row(summary, "majority"), _row(summary, "oracle")]
    for row in summary["methods"]:
        row["against"] = {}
        row["usd"] = interval(1.0, 0.1)
    _row(summary, "oracle")["usd"] = interval(0.1, 0.0)
    _row(summary, "majority")["usd"] = interval(2.0, 0.1)
    _lead(summary, interval(0.0, 0.02))
    return summary


def _lead(summary: Summary, lead: Interval) -> None:
    _row(summary, "majority")["against"] = {"lightrouter": lead}


def test_a_more_expensive_method_and_an_upper_bound_are_no_loss(pair: Summary) -> None:
    assert losses(pair) == []
    assert "is neither beaten nor tied by any other method at no more cost." in where_it_loses(pair)[0]


@pytest.mark.parametrize(
    ("lead", "outcome"),
    [(interval(0.05, 0.02), "beats"), (interval(0.02, 0.02), "ties"), (interval(-0.01, 0.02), "ties")],
)
def test_the_interval_decides_between_win_and_tie(pair: Summary, lead: Interval, outcome: str) -> None:
    _row(pair, "majority")["usd"] = interval(1.0, 0.1)
    _lead(pair, lead)
    assert [(loss.other["method"], loss.outcome) for loss in losses(pair)] == [("majority", outcome)]


def test_a_worse_method_is_no_loss_at_any_cost(pair: Summary) -> None:
    _row(pair, "majority")["usd"] = interval(0.01, 0.0)
    _lead(pair, interval(-0.05, 0.02))
    assert losses(pair) == []


def test_tokens_decide_where_a_price_is_not_known(pair: Summary) -> None:
    _row(pair, "majority")["usd"] = None
    tokens = _row(pair, "lightrouter")["output_tokens"]["value"]
    _row(pair, "majority")["output_tokens"] = interval(tokens + 1, 0)
    assert losses(pair) == []
    _row(pair, "majority")["output_tokens"] = interval(tokens, 0)
    assert [loss.unit for loss in losses(pair)] == ["output_tokens"]


def test_a_difference_held_by_the_other_side_is_turned_round(pair: Summary) -> None:
    ours, other = _row(pair, "lightrouter"), _row(pair, "majority")
    other["against"], ours["against"] = {}, {"majority": {"value": -0.03, "low": -0.05, "high": -0.01}}
    assert lead_of(other, ours) == {"value": 0.03, "low": 0.01, "high": 0.05}


def test_without_a_paired_difference_only_separate_intervals_beat(pair: Summary) -> None:
    other = _row(pair, "majority")
    other["usd"], other["against"] = interval(0.5, 0.1), {}
    _row(pair, "lightrouter")["quality"] = interval(0.6, 0.05)
    other["quality"] = interval(0.69, 0.05)
    assert [(loss.outcome, loss.lead) for loss in losses(pair)] == [("ties", None)]
    assert "USD, unpaired)" in where_it_loses(pair)[0]
    other["quality"] = interval(0.71, 0.05)
    assert [loss.outcome for loss in losses(pair)] == ["beats"]


def test_no_gain_over_the_best_single_is_reported_even_if_that_costs_more(pair: Summary) -> None:
    _row(pair, "lightrouter")["against"] = {"best-single": interval(0.01, 0.02)}
    assert where_it_loses(pair)[0].endswith(
        "not shown to be above the best single candidate (+1.0 [-1.0, +3.0] points)."
    )
    _row(pair, "lightrouter")["against"] = {"best-single": interval(0.03, 0.02)}
    assert "best single" not in where_it_loses(pair)[0]


def test_winners_are_named_with_their_lead_and_ties_with_their_cost(pair: Summary) -> None:
    _row(pair, "majority")["usd"] = interval(0.5, 0.1)
    assert "is tied at no more cost by Majority over all (0.500 USD)." in where_it_loses(pair)[0]
    _lead(pair, interval(0.05, 0.02))
    said = where_it_loses(pair, str.upper)[0]
    assert "is beaten at no more cost by MAJORITY OVER ALL (+5.0 [+3.0, +7.0], 0.500 USD)." in said

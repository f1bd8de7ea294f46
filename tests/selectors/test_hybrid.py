"""What the boots say, weighed against what was believed before."""

import pytest
from builders import boot, query

from lightrouter_graph import HybridSelector, SelectionError
from lightrouter_graph.selectors import Scores

BOOTS = [boot("a"), boot("b")]


class Says:
    """A selector with a fixed verdict."""

    def __init__(self, name="says", **scores):
        reasons = {candidate: f"{name} of {candidate}" for candidate in scores}
        self.verdict = Scores(scores, name, reasons, {f"note of {name}": "1"})

    async def score(self, asked, boots):
        return self.verdict


async def test_the_score_is_the_weighted_mean_with_the_prior():
    hybrid = HybridSelector(((Says(a=1.0, b=0.0), 3.0),), prior=1.0)
    scores = await hybrid.score(query(prior_scores={"a": 0.2, "b": 1.0, "c": 1.0}), BOOTS)
    assert scores.by_candidate == {"a": pytest.approx(0.8), "b": pytest.approx(0.25)}


async def test_a_prior_of_no_weight_counts_for_nothing():
    hybrid = HybridSelector(((Says(a=0.5, b=0.25), 2.0),), prior=0.0)
    assert (await hybrid.score(query(), BOOTS)).by_candidate == {"a": 0.5, "b": 0.25}


async def test_several_parts_are_weighed_against_each_other():
    parts = ((Says("one", a=1.0, b=0.0), 1.0), (Says("two", a=0.0, b=1.0), 3.0))
    scores = await HybridSelector(parts, prior=0.0).score(query(), BOOTS)
    assert scores.by_candidate == {"a": 0.25, "b": 0.75}


async def test_what_one_part_leaves_out_is_dropped():
    parts = ((Says("one", a=1.0, b=0.0), 1.0), (Says("two", b=1.0), 1.0))
    assert set((await HybridSelector(parts).score(query(), BOOTS)).by_candidate) == {"b"}


async def test_names_reasons_and_notes_of_all_parts_are_kept():
    parts = ((Says("one", a=1.0, b=0.0), 1.0), (Says("two", a=1.0, b=1.0), 1.0))
    scores = await HybridSelector(parts).score(query(prior_scores={"a": 0.75, "b": 0.5, "c": 1}), BOOTS)
    assert scores.selector == "one+two+prior"
    assert scores.reasons["a"] == "one of a; two of a; prior 0.75"
    assert scores.notes == {"note of one": "1", "note of two": "1"}


@pytest.mark.parametrize(
    ("parts", "prior"), [((), 1.0), (((Says(), 0.0),), 1.0), (((Says(), -1.0),), 1.0), (((Says(), 1.0),), -0.1)]
)
def test_weights_that_make_no_mean_are_refused_at_once(parts, prior):
    with pytest.raises(SelectionError, match="a hybrid needs parts with weights > 0 and prior >= 0, got"):
        HybridSelector(parts, prior=prior)

"""What is believed before anybody has written a word."""

import pytest
from builders import query
from helpers import run, scripted

from lightrouter_graph import OrderPrior, SelectionError, UniformPrior, create_lightrouter
from lightrouter_graph.priors.base import in_prior_order, score_candidates

POOL = scripted(a="", b="", c="")


async def test_the_order_of_the_pool_is_the_order_of_trust():
    assert await OrderPrior().score(query(POOL)) == {"a": 1.0, "b": 0.75, "c": 0.5}
    assert await OrderPrior(last=0.0).score(query(POOL)) == {"a": 1.0, "b": 0.5, "c": 0.0}


async def test_a_pool_of_one_is_trusted_fully():
    assert await OrderPrior().score(query(scripted(a=""))) == {"a": 1.0}


@pytest.mark.parametrize("size", [2, 3, 5, 10, 50])
async def test_two_equal_answers_outvote_any_third_wherever_they_come_from(size):
    scores = sorted((await OrderPrior().score(query(scripted(**{f"m{n}": "" for n in range(size)})))).values())
    assert scores[0] + scores[1] >= scores[-1]


@pytest.mark.parametrize("last", [-0.1, 1.1, float("nan")])
def test_a_last_score_out_of_range_is_refused_at_once(last):
    with pytest.raises(SelectionError, match="last must be from 0 to 1, got"):
        OrderPrior(last=last)


async def test_without_a_prior_everybody_is_believed_equally():
    assert await UniformPrior().score(query(POOL)) == {"a": 1.0, "b": 1.0, "c": 1.0}


# the order that comes of it --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scores", "order"),
    [
        ({"a": 0.1, "b": 0.9, "c": 0.5}, ["b", "c", "a"]),
        ({"c": 0.5, "b": 0.5, "a": 0.5}, ["a", "b", "c"]),
        ({"c": 0.0, "a": 0.0}, ["a", "c"]),
        ({"b": 1}, ["b"]),
    ],
)
def test_candidates_come_by_score_then_by_place_in_the_pool(scores, order):
    assert in_prior_order(scores, POOL) == order


@pytest.mark.parametrize("scores", [{"a": 1.1}, {"a": -0.1}, {"a": float("nan")}, {"z": 0.5}])
def test_a_prior_that_breaks_its_contract_is_told_which_name_and_score(scores):
    name = next(iter(scores))
    with pytest.raises(SelectionError, match=f"the prior returned .* for '{name}'; it must score .* from 0 to 1"):
        in_prior_order(scores, POOL)


def test_a_prior_must_leave_somebody():
    with pytest.raises(SelectionError, match="returned no score"):
        in_prior_order({}, POOL)


class OldPrior:
    """A prior with the signature of version 0.1."""

    async def score(self, messages, pool):
        return dict.fromkeys(pool.names, len(messages) / 2)


async def test_a_prior_of_version_0_1_works_with_a_warning():
    assert await score_candidates(OldPrior(), query(POOL)) == {"a": 0.5, "b": 0.5, "c": 0.5}
    with pytest.warns(DeprecationWarning, match=r"OldPrior.score\(messages, pool\) is deprecated"):
        create_lightrouter(POOL, prior=OldPrior())


class Observer:
    """A prior that keeps the decision records it receives."""

    def __init__(self, problem=None):
        self.seen, self.problem = [], problem

    async def score(self, query):
        return dict.fromkeys(query.pool.names, 1.0)

    async def observe(self, query, decision):
        self.seen.append((query.text, decision["stopped"]))
        if self.problem:
            raise self.problem


@pytest.mark.parametrize("seam", ["prior", "memory"])
async def test_the_decision_of_each_run_is_observed_once(seam):
    observer = Observer()
    both = {"prior": observer, "memory": observer} if seam == "memory" else {"prior": observer}
    await run(scripted(a="It is 4.", b="It is 4."), question="Two and two?", **both)
    assert observer.seen == [("Two and two?", "boots_agree")]


async def test_an_observer_that_fails_costs_no_answer(caplog):
    observer = Observer(RuntimeError("the disk is full"))
    answer = await run(scripted(a="It is 4.", b="It is 4."), prior=observer)
    assert answer.text == "It is 4."
    assert "Observer.observe failed: RuntimeError: the disk is full" in caplog.text

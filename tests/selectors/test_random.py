"""Chance that can be repeated."""

from builders import boot, query

from lightrouter_graph import RandomSelector

BOOTS = [boot("a"), boot("b"), boot("c")]


async def scored(boots=BOOTS, **others):
    return (await RandomSelector().score(query(**others), boots)).by_candidate


async def test_equal_seeds_score_equally_in_whatever_order_the_boots_came():
    assert await scored(seed=1) == await scored(BOOTS[::-1], seed=1)


async def test_another_seed_or_layer_scores_differently():
    assert await scored(seed=1) != await scored(seed=2)
    assert await scored(layer=1) != await scored(layer=2)


async def test_a_draw_does_not_depend_on_who_else_is_there():
    assert (await scored(BOOTS[:2]))["a"] == (await scored())["a"]


async def test_over_many_seeds_everybody_comes_first_now_and_then():
    firsts = [max(scores, key=scores.get) for scores in [await scored(seed=seed) for seed in range(60)]]
    assert {firsts.count(name) > 5 for name in "abc"} == {True}


async def test_the_seed_is_recorded():
    assert (await RandomSelector().score(query(seed=42), BOOTS)).notes == {"seed": "42"}

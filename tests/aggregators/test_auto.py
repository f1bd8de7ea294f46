"""A vote where it settles the matter, a synthesis where it does not."""

import pytest
from builders import answer, query

from lightrouter_graph import AutoAggregator, LLMAggregator
from lightrouter_graph.testing import ScriptedChatModel


async def merged(*keys):
    model = ScriptedChatModel(responses="the synthesis", name="writer")
    answers = [answer(name, key) for name, key in zip("abcdef", keys, strict=False)]
    weights = dict.fromkeys("abcdef", 1.0)
    result = await AutoAggregator(LLMAggregator(model)).merge(query(prior_scores=weights), answers)
    return result.strategy, len(model.calls)


@pytest.mark.parametrize("keys", [("4", "4", "5"), ("4", "5", "4", None), ("4", "4", "5", "5"), ("4", "4", None)])
async def test_a_vote_settles_where_two_agree_and_most_can_be_compared(keys):
    assert await merged(*keys) == ("vote", 0)


@pytest.mark.parametrize(
    "keys",
    [("4", "5"), ("4", "5", "6"), (None, None), ("4", None), ("4", "4", None, None), ("4", "4", None, None, None)],
)
async def test_else_a_model_writes_the_synthesis(keys):
    assert await merged(*keys) == ("synthesis", 1)

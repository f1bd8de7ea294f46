"""The best-ranked answer, untouched."""

from builders import answer, query

from lightrouter_graph import TopRankedAggregator


async def test_the_first_answer_passes_through():
    won = await TopRankedAggregator().merge(query(), [answer("b", "5", message_id="run-1"), answer("a", "4")])
    assert (won.text, won.candidate, won.strategy) == ("It is 5, says b.", "b", "top_ranked")
    assert won.message_id == "run-1"

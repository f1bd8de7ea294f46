"""The upper bound: it knows."""

from builders import boot, query

from lightrouter_graph import OracleSelector


async def test_each_boot_gets_the_quality_its_candidate_is_known_for_on_the_question():
    truth = {("2 + 2?", "a"): 0.0, ("2 + 2?", "b"): 1.0}
    selector = OracleSelector(lambda question, name: truth[question, name])
    verdict = await selector.score(query(question="2 + 2?"), [boot("a"), boot("b")])
    assert verdict.by_candidate == {"a": 0.0, "b": 1.0}
    assert verdict.selector == "oracle"

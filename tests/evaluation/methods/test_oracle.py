"""Upper bounds read the recorded scores."""

from builders import boot, query
from evaluation.toys import question, run, toy

from lightrouter_graph import OracleSelector
from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.methods.oracle import ORACLE


async def test_each_boot_gets_the_quality_its_candidate_is_known_for_on_the_question():
    truth = {("2 + 2?", "a"): 0.0, ("2 + 2?", "b"): 1.0}
    selector = OracleSelector(lambda question, name: truth[question, name])
    verdict = await selector.score(query(question="2 + 2?"), [boot("a"), boot("b")])
    assert verdict.by_candidate == {"a": 0.0, "b": 1.0}
    assert verdict.selector == "oracle"


def test_an_upper_bound_without_scores_is_an_error() -> None:
    bare = question(1, {"a": (1, None), "b": (2, None)})  # type: ignore[dict-item]
    (one,) = run(ORACLE, toy([bare]))
    assert isinstance(one.error, EvaluationError)
    assert "'q1'" in str(one.error)

"""From a way of scoring to its scorer."""

import pytest

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.optional_dependencies import need
from lightrouter_graph.evaluation.scoring import (
    ExactScorer,
    JudgeScorer,
    LetterScorer,
    NumberScorer,
    RecordedScorer,
    scorer_for,
)
from lightrouter_graph.testing import ScriptedChatModel

PLAIN = {"recorded": RecordedScorer, "exact": ExactScorer, "number": NumberScorer, "letter": LetterScorer}


@pytest.mark.parametrize(("scoring", "kind"), PLAIN.items())
def test_each_way_has_its_scorer(scoring, kind):
    assert isinstance(scorer_for(scoring), kind)


def test_a_judge_is_required_for_the_scoring_judge():
    assert isinstance(scorer_for("judge", judge=ScriptedChatModel(responses=["x"])), JudgeScorer)
    with pytest.raises(EvaluationError, match="judge="):
        scorer_for("judge")


def test_the_removed_scoring_code_names_its_replacements():
    with pytest.raises(EvaluationError, match=r"'code' is not available.*`score` of each output.*inspect-ai"):
        scorer_for("code")


def test_an_unknown_way_is_named():
    with pytest.raises(EvaluationError, match=r"must be one of .recorded., .exact.*got .vibes"):
        scorer_for("vibes")


def test_a_missing_package_is_named_with_its_extra():
    with pytest.raises(
        EvaluationError, match=r"scoring needs the package 'no_such_package'.*lightrouter-graph\[math\]"
    ):
        need("no_such_package.part", extra="math", what="scoring")

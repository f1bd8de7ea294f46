"""How often answers that were scored when they were recorded are scored alike by reading them again."""

from pathlib import Path

import pytest

from lightrouter_graph.evaluation.datasets import load
from lightrouter_graph.evaluation.scoring import scorer_for

REPLAY = Path(__file__).parents[4] / "shared" / "replay"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.replay,
    pytest.mark.skipif(not REPLAY.is_dir(), reason=f"no recorded model outputs at {REPLAY}"),
]


@pytest.mark.parametrize(
    ("name", "scoring", "share"),
    [
        ("gsm8k", "number", 0.99),
        ("gsm8k_plain", "number", 0.99),
        ("math_l5", "number", 0.98),
        ("mmlu_pro", "letter", 0.995),
        ("crux", "exact", 0.97),
    ],
)
async def test_scorers_agree_with_the_recorded_scores(name, scoring, share):
    scorer, questions = scorer_for(scoring), load(str(REPLAY / f"{name}.jsonl.gz"), limit=300).questions
    outputs = [(question, output) for question in questions for output in question.outputs.values()]
    alike = [await scorer.score(question, output.text) == output.score for question, output in outputs]
    assert sum(alike) / len(alike) >= share

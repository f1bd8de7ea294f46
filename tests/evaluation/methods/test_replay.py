"""The baselines on recorded outputs of real models."""

import gzip
import json
from pathlib import Path

import pytest
from evaluation.toys import Answered, Toy, run, toy

from lightrouter_graph.evaluation.methods.registry import baseline_named
from lightrouter_graph.evaluation.questions import Output, Question, fold_of

DATA = Path(__file__).parents[4] / "shared" / "replay" / "math_l5.jsonl.gz"
POOL = ["Qwen2.5-72B-Instruct", "gpt-4o-mini-2024-07-18", "deepseek-v2.5-0908", "gemini-1.5-flash", "gemma-2-27b-it"]
PRICES = dict(zip(POOL, [(1.2, 1.2), (0.15, 0.6), (0.14, 0.28), (0.075, 0.3), (0.8, 0.8)], strict=True))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.replay,
    pytest.mark.skipif(not DATA.exists(), reason="the recorded model outputs in ../shared/replay are not there"),
]


@pytest.fixture(scope="module")
def world() -> Toy:
    with gzip.open(DATA, "rt") as lines:
        questions = [_question(json.loads(line)) for line in lines]
    asked = [q for q in questions if fold_of(q.id, 4) == 0]
    return toy(asked, history=[q for q in questions if fold_of(q.id, 4) != 0], names=POOL, prices=PRICES)


def _question(row: dict) -> Question:
    outputs = {name: Output(o["text"], o["score"], o["tokens"]) for name, o in row["outputs"].items() if name in POOL}
    return Question(row["id"], row["question"], outputs=outputs)


def test_bounds_votes_and_routers_have_the_expected_order(world: Toy) -> None:
    quality = {
        name: _mean(run(baseline_named(name), world)) for name in ("best-single", "majority", "oracle", "cascade")
    }
    assert quality["oracle"] == pytest.approx(_mean_of_best(world))
    assert quality["oracle"] > max(quality["majority"], quality["cascade"], quality["best-single"])
    weak, half, strong = (_usd(run(baseline_named(f"router-{share}"), world)) for share in (0, 50, 100))
    assert weak < half < strong


def test_the_merge_stub_finds_all_answers_and_votes_on_them(world: Toy) -> None:
    voted, mixed = run(baseline_named("majority"), world), run(baseline_named("moa-1"), world)
    assert [one.reply.text for one in mixed if one.reply] == [one.reply.text for one in voted if one.reply]
    for one, other in zip(voted, mixed, strict=True):
        assert other.tokens[1] == one.tokens[1] + other.calls[-1]["output_tokens"]
        assert other.calls[-1]["input_tokens"] > 0.8 * one.tokens[1]  # it reads them all


def _mean(answered: list[Answered]) -> float:
    return sum(one.score or 0 for one in answered) / len(answered)


def _mean_of_best(world: Toy) -> float:
    return sum(max(o.score or 0 for o in q.outputs.values()) for q in world.asked) / len(world.asked)


def _usd(answered: list[Answered]) -> float:
    return sum(call["usd"] or 0 for one in answered for call in one.calls)

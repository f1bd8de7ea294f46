"""`examples/pocket_eval.py` measures what it says: real models, held-out problems, tokens as billed."""

import importlib.util
import sys
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from lightrouter_graph.pocket.chat import ChatPocket
from lightrouter_graph.problems.drawing import draw_problems

PATH = Path(__file__).parents[1] / "examples" / "pocket_eval.py"


@pytest.fixture(scope="module")
def example():
    spec = importlib.util.spec_from_file_location("pocket_eval", PATH)
    module = importlib.util.module_from_spec(spec)
    sys.modules["pocket_eval"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules["pocket_eval"]


def row_of(example, *right):
    return example.Row("any", [example.Outcome(bool(r), 10, 20, 1) for r in right])


def test_the_table_has_every_single_model_the_baselines_and_every_policy(example, capsys):
    arguments = "--problems 2 --wordings seen --only table --workers 1 --seed 3"
    rows = example.main(arguments.split())["seen"]
    singles = [row for name, row in rows.items() if name in example.Pool.pocket().names]
    assert len(singles) == 5
    assert {policy.name for policy in example.POLICIES} < set(rows)
    assert all(len(row.outcomes) == 2 for row in rows.values())
    majority = rows["majority of all 5 in full"]
    assert majority.mean("output_tokens") == pytest.approx(sum(row.mean("output_tokens") for row in singles))
    assert rows["oracle: any of them right"].accuracy >= max(row.accuracy for row in singles)
    shown = capsys.readouterr().out
    assert "2 problems never trained on, wordings seen" in shown
    assert "No model of this pool can judge" in shown


def test_equal_settings_are_run_once_and_ablations_on_fewer_problems(example):
    planned = example.plan(example.parsed(["--problems", "60", "--ablation-problems", "20"]))
    base = example.Policy("whatever it is called", example.all_boot())
    assert [policy.name for policy in planned if policy == base] == ["all boot 16 tokens, best 2, merger"]
    assert planned[base] == 60
    assert {planned[policy] for policy in example.ABLATIONS["top k"] if policy != base} == {20}
    assert len(planned) == len(example.POLICIES) + 4 + 3 + 3


async def test_a_remembered_text_is_the_models_own_and_is_billed_each_time(example):
    question, remembering = draw_problems(1, seed=5)[0].question, example.RememberingPocket(model_name="general")
    own = ChatPocket(model="general").invoke(question)
    first, again = [await remembering.ainvoke(question) for _ in range(2)]
    assert first.text == again.text == own.text
    assert first.usage_metadata == again.usage_metadata == own.usage_metadata
    assert first.id != again.id
    started = [HumanMessage(question), AIMessage(own.text[:9])]
    assert (await remembering.ainvoke(started)).text == ChatPocket(model="general").invoke(started).text


def test_a_majority_ties_to_the_earlier_model(example):
    assert example.majority(["The answer is 4.", "The answer is 5."], "?") == "The answer is 4."
    assert example.majority(["The answer is 4.", "The answer is 5.", "So 5. The answer is 5."], "?").endswith("5.")


def test_intervals(example):
    low, high = example.wilson(0.5, 100)
    assert (low, high) == pytest.approx((0.404, 0.596), abs=0.001)
    mean, least, most = example.gain(row_of(example, 1, 1, 1, 0), row_of(example, 1, 0, 1, 0))
    assert mean == 25
    assert least <= mean <= most
    assert example.gain(row_of(example, 1, 0), row_of(example, 1, 0)) == (0, 0, 0)

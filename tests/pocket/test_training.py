"""Training: a run is saved and resumed; batched answers equal those of the bundled model."""

from importlib.resources import files

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra `train`")

from examples.train_pocket.answering import answer_all  # noqa: E402
from examples.train_pocket.data import ProblemSource  # noqa: E402
from examples.train_pocket.network import initial_weights  # noqa: E402
from examples.train_pocket.recipe import EVEN, RUNS, Run  # noqa: E402
from examples.train_pocket.training import Training  # noqa: E402
from lightrouter_graph.evaluation.problems import draw_problems  # noqa: E402
from lightrouter_graph.pocket.model import load_model  # noqa: E402
from lightrouter_graph.pocket.shape import Shape  # noqa: E402
from lightrouter_graph.pocket.tokenizer import load_tokenizer  # noqa: E402

TOKENIZER = load_tokenizer()
SMALL = Shape(len(TOKENIZER.tokens), width=32, layers=1)


def test_a_finished_run_is_not_repeated(tmp_path):
    run = Run("tiny", EVEN, tokens=0.01, seed=3)
    lines = []
    weights = Training(run, tmp_path, TOKENIZER, SMALL).train(lambda tokens, line: lines.append(line))
    again = Training(run, tmp_path, TOKENIZER, SMALL)
    assert again.finished
    assert all(torch.equal(weight, again.weights[name]) for name, weight in weights.items())
    assert any("tiny 0.0M loss" in line for line in lines)


def test_equal_seeds_give_equal_batches_and_weights():
    first, second = (next(ProblemSource(TOKENIZER, EVEN, 4).batches(500)).ids for _ in range(2))
    assert torch.equal(first, second)
    assert all(torch.equal(a, initial_weights(SMALL, 1)[n]) for n, a in initial_weights(SMALL, 1).items())


def test_a_run_starts_from_another_one():
    tokens = {run.name: run.tokens for run in RUNS}
    assert all(run.start is None or run.start[1] <= tokens[run.start[0]] for run in RUNS)


def test_batched_answers_equal_single_answers():
    model = load_model("quick")
    with files("lightrouter_graph.pocket").joinpath("weights/quick.npz").open("rb") as file, np.load(file) as stored:
        weights = {name: torch.tensor(weight.astype(np.float32)) for name, weight in stored.items()}
    questions = [problem.question for problem in draw_problems(20, seed=5)]
    written = answer_all(weights, model.network.shape, TOKENIZER, [model.prompt(q) for q in questions])
    assert [TOKENIZER.decode(ids) for ids in written] == [model.write(q) for q in questions]

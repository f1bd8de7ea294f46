"""Inference: logits equal those of training, with and without the cache; truncated texts can be continued."""

from importlib.resources import files
from itertools import accumulate
from pathlib import Path
from statistics import mean

import numpy as np
import pytest

from lightrouter_graph.answer_keys import default_key
from lightrouter_graph.errors import PoolError
from lightrouter_graph.evaluation.problems import draw_problems
from lightrouter_graph.pocket.model import POCKET_NAMES, load_model
from lightrouter_graph.pocket.network import Network

FAMILIES = {
    "sums": ("sums", "differences", "chains"),
    "products": ("products", "sharing", "rates"),
    "shares": ("percent", "discounts", "units"),
}
REFERENCE = Path(__file__).parent / "reference"
PROBLEMS = draw_problems(60, seed=21)
QUESTION = PROBLEMS[0].question


@pytest.mark.parametrize("name", POCKET_NAMES)
def test_logits_are_those_of_the_training_framework(name):
    model = load_model(name)
    with np.load(REFERENCE / f"{name}.npz", allow_pickle=False) as stored:
        ids, wanted = stored["ids"].tolist(), stored["logits"]
    logits = model.network.read(ids, model.tokenizer.places(ids), model.network.new_cache())
    np.testing.assert_allclose(logits[-len(wanted) :], wanted, atol=2e-4)


@pytest.mark.parametrize("step", [1, 3, 50])
def test_the_cache_changes_nothing(step):
    model = load_model("general")
    ids = model.prompt(QUESTION, written=PROBLEMS[0].solution)
    places = model.tokenizer.places(ids)
    whole = model.network.read(ids, places, model.network.new_cache())
    cache = model.network.new_cache()
    parts = [model.network.read(ids[i : i + step], places[i : i + step], cache) for i in range(0, len(ids), step)]
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-4)


def test_answers_are_readable_and_mostly_right():
    model = load_model("general")
    right = [default_key(model.write(p.question), p.question) == str(p.answer) for p in PROBLEMS]
    assert mean(right) > 0.7


def test_a_truncated_text_is_continued_to_the_same_end():
    model = load_model("general")
    whole = model.write(QUESTION)
    for limit in range(1, 30):
        begun = model.write(QUESTION, max_tokens=limit)
        assert whole.startswith(begun)
        rest = "".join(t.text for t in model.generate(model.prompt(QUESTION, written=begun)))
        assert begun + rest == whole


def test_equal_seeds_sample_equal_texts():
    model = load_model("quick")

    def sampled(seed):
        return [t.id for t in model.generate(model.prompt(QUESTION), temperature=1.5, max_tokens=40, seed=seed)]

    assert sampled(1) == sampled(1)
    assert len({tuple(sampled(seed)) for seed in range(8)}) > 1


def test_logprobs_are_those_of_the_greedy_choice():
    model = load_model("general")
    tokens = list(model.generate(model.prompt(QUESTION)))
    assert all(token.logprob <= 0 for token in tokens)
    assert min(accumulate(token.logprob for token in tokens)) > -20


def test_weights_of_another_shape_are_an_error():
    with pytest.raises(PoolError, match="no pocket model"):
        Network.of({"embed": np.zeros((4, 32), np.float16)})


def test_an_unknown_model_is_named():
    with pytest.raises(PoolError, match="unknown pocket model 'genius'; known: general"):
        load_model("genius")


@pytest.mark.parametrize("name", FAMILIES)
def test_specialists_are_good_at_their_kinds(name):
    model = load_model(name)
    problems = draw_problems(45, kinds=FAMILIES[name], seed=31)
    assert mean(model.write(p.question).endswith(f"The answer is {p.answer}.") for p in problems) > 0.85


@pytest.mark.parametrize("name", POCKET_NAMES)
def test_weights_match_the_vocabulary(name):
    assert load_model(name).network.shape.vocabulary == len(load_model(name).tokenizer.tokens)


def test_weights_are_small():
    stored = list(files("lightrouter_graph.pocket").joinpath("weights").iterdir())
    assert sum(len(file.read_bytes()) for file in stored) < 12e6

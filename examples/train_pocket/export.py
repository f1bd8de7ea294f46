"""Write trained weights where they ship, and what torch computes with them for the tests."""

from pathlib import Path

import numpy as np
import torch

from examples.train_pocket.data import WEIGHTS, encode_pair
from examples.train_pocket.network import Weights, forward, rotary_tables
from lightrouter_graph.evaluation.problems.drawing import draw_problems
from lightrouter_graph.pocket.shape import Shape
from lightrouter_graph.pocket.tokenizer import Tokenizer

REFERENCE = Path(__file__).parents[2] / "tests" / "pocket" / "reference"
_LAST = 12


def export(name: str, weights: Weights, tokenizer: Tokenizer) -> None:
    """Store weights in half precision, and the reference logits of one text."""
    halved = {key: weight.half().numpy() for key, weight in weights.items()}
    np.savez(WEIGHTS / f"{name}.npz", **halved)
    REFERENCE.mkdir(parents=True, exist_ok=True)
    problem = draw_problems(1, kinds=("mixed",), seed=7)[0]
    ids, _ = encode_pair(tokenizer, problem.question, problem.solution)
    cos, sin = rotary_tables(len(ids))
    rounded = {key: weight.half().float() for key, weight in weights.items()}
    with torch.no_grad():
        hidden = forward(
            rounded,
            Shape(len(tokenizer.tokens)),
            torch.tensor([ids]),
            torch.tensor([tokenizer.places(ids)]),
            (cos, sin),
        )
        logits = (hidden[0, -_LAST:] @ rounded["head"]).numpy()
    np.savez(REFERENCE / f"{name}.npz", ids=np.array(ids), logits=logits)

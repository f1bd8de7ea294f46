"""Batches of worked problems of the training split, and the vocabulary that writes them."""

import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from lightrouter_graph.evaluation.problems.drawing import (
    HELD_OUT,
    NAMES,
    SEEN,
    THINGS,
    Kind,
    Problem,
    training_problems,
)
from lightrouter_graph.pocket.tokenizer import ANSWER, END, PAD, Tokenizer, build_tokens

WEIGHTS = Path(__file__).parents[2] / "lightrouter_graph" / "pocket" / "weights"
_STEP_SIGNS = "+ - x / = . rest merge"
_SPELT_NAMES = 0.04


def make_tokenizer() -> Tokenizer:
    """The vocabulary of all phrasings (held-out ones too: their words, not their order), written where it ships."""
    wordings = [re.sub(r"{\w+}|[\[\]|]", " ", text) for texts in (*SEEN.values(), *HELD_OUT.values()) for text in texts]
    tokens = build_tokens([*wordings, " ".join(NAMES), " ".join(THINGS), _STEP_SIGNS])
    WEIGHTS.mkdir(exist_ok=True)
    (WEIGHTS / "vocabulary.json").write_text(json.dumps(tokens), "utf-8")
    return Tokenizer(tokens)


@dataclass(frozen=True)
class Batch:
    """Rows of equal length; `wanted` is -1 where nothing is to be learnt."""

    ids: Tensor
    places: Tensor
    wanted: Tensor
    tokens: int


def encode_pair(tokenizer: Tokenizer, question: str, solution: str) -> tuple[list[int], int]:
    """The tokens of a worked problem, and how many of them are prompt."""
    prompt = [*tokenizer.encode(question), tokenizer.ids[ANSWER]]
    return [*prompt, *tokenizer.encode(solution), tokenizer.ids[END]], len(prompt)


def pad_batch(tokenizer: Tokenizer, rows: list[tuple[list[int], int]]) -> Batch:
    """Rows padded to a multiple of eight: few different shapes, little waste."""
    length = -(-max(len(row) for row, _ in rows) // 8) * 8
    pad = tokenizer.ids[PAD]
    ids = torch.full((len(rows), length), pad)
    places = torch.zeros((len(rows), length), dtype=torch.long)
    wanted = torch.full((len(rows), length), -1)
    for i, (row, prompt) in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row)
        places[i, : len(row)] = torch.tensor(tokenizer.places(row))
        wanted[i, prompt - 1 : len(row) - 1] = torch.tensor(row[prompt:])
    return Batch(ids, places, wanted, sum(len(row) for row, _ in rows))


class ProblemSource:
    """Worked problems by the mixture of one model."""

    def __init__(self, tokenizer: Tokenizer, mixture: dict[Kind, float], seed: int) -> None:
        self._tokenizer = tokenizer
        self._problems = training_problems(seed, mixture)
        self._rng = random.Random(seed)

    def batches(self, tokens: int) -> Iterator[Batch]:
        """Endless batches of about so many tokens; rows of like length share a batch."""
        while True:
            rows = sorted((self._row() for _ in range(1024)), key=lambda row: len(row[0]))
            groups, group = [], []
            for row in rows:
                group.append(row)
                if len(group) * len(row[0]) >= tokens:
                    groups.append(group)
                    group = []
            self._rng.shuffle(groups)
            for group in groups:
                yield pad_batch(self._tokenizer, group)

    def _row(self) -> tuple[list[int], int]:
        problem = next(self._problems)
        question = self._rename(problem) if self._rng.random() < _SPELT_NAMES else problem.question
        return encode_pair(self._tokenizer, question, problem.solution)

    def _rename(self, problem: Problem) -> str:
        """The problem with a child of an unheard name, so that spelt words are not new to a model."""
        letters = "".join(self._rng.choices("abcdefghijklmnopqrstuvwxyz", k=self._rng.randint(2, 6)))
        name = self._rng.choice([n for n in NAMES if n in problem.question] or NAMES)
        return problem.question.replace(name, letters.capitalize())

"""What the merger learns from: a question, some of the models' own answers to it, and the right solution."""

import itertools
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from examples.train_pocket.answering import answer_all
from examples.train_pocket.data import Batch, pad_batch
from examples.train_pocket.network import Weights
from lightrouter_graph.evaluation.problems.drawing import KINDS, Problem, training_problems
from lightrouter_graph.pocket.shape import CONTEXT_TOKENS, Shape
from lightrouter_graph.pocket.tokenizer import ANSWER, CANDIDATE, END, Tokenizer

FEWEST, MOST = 2, 3
_WRONG_SHARE = 0.75


@dataclass(frozen=True)
class Answered:
    """A problem of the training split and what each model wrote."""

    problem: Problem
    answers: tuple[list[int], ...]


def answer_problems(
    models: Mapping[str, Weights], shape: Shape, tokenizer: Tokenizer, count: int, seed: int
) -> list[Answered]:
    """Let every model answer the same problems of the training split."""
    source = training_problems(seed, dict.fromkeys(KINDS, 1.0))
    problems = list(itertools.islice(source, count))
    prompts = [[*tokenizer.encode(p.question), tokenizer.ids[ANSWER]] for p in problems]
    answers = [answer_all(weights, shape, tokenizer, prompts) for weights in models.values()]
    return [Answered(problem, texts) for problem, *texts in zip(problems, *answers, strict=True)]  # type: ignore[arg-type]


class MergeSource:
    """Endless batches of merging tasks: two or three of the answers, in any order, often one of them wrong."""

    def __init__(self, tokenizer: Tokenizer, answered: list[Answered], seed: int) -> None:
        self._tokenizer = tokenizer
        self._answered = answered
        self._rng = random.Random(seed)

    def batches(self, tokens: int) -> Iterator[Batch]:
        """Batches of about so many tokens; rows of like length share a batch."""
        while True:
            rows = sorted((self._row() for _ in range(256)), key=lambda row: len(row[0]))
            groups: list[list[tuple[list[int], int]]] = [[]]
            for row in rows:
                groups[-1].append(row)
                if len(groups[-1]) * len(row[0]) >= tokens:
                    groups.append([])
            self._rng.shuffle(groups)
            for group in filter(None, groups):
                yield pad_batch(self._tokenizer, group)

    def _row(self) -> tuple[list[int], int]:
        while True:
            one = self._rng.choice(self._answered)
            chosen = self._rng.sample(one.answers, self._rng.randint(FEWEST, MOST))
            if self._rng.random() < _WRONG_SHARE and all(answer == chosen[0] for answer in chosen):
                continue  # answers that are all equal teach little
            row = merge_prompt(self._tokenizer, one.problem.question, chosen)
            prompt = len(row)
            row += [*self._tokenizer.encode(one.problem.solution), self._tokenizer.ids[END]]
            if len(row) <= CONTEXT_TOKENS:
                return row, prompt


def merge_prompt(tokenizer: Tokenizer, question: str, answers: list[list[int]]) -> list[int]:
    """The question, then each answer behind its mark, then the mark of the merged one."""
    given = [token for answer in answers for token in (tokenizer.ids[CANDIDATE], *answer)]
    return [*tokenizer.encode(question), *given, tokenizer.ids[ANSWER]]

"""Replay: runs methods over recorded outputs in virtual time, with cross-validation over folds of the questions."""

import asyncio
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version

from lightrouter_graph.answer_keys import default_key
from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.evaluate_question import QuestionEvaluator, Score
from lightrouter_graph.evaluation.methods.base import Method, Setting
from lightrouter_graph.evaluation.methods.history import key_of
from lightrouter_graph.evaluation.models.merge_stub import MergeStub
from lightrouter_graph.evaluation.models.replay_model import DEFAULT_TIMING, Recordings, ReplayModel
from lightrouter_graph.evaluation.questions import Question, fold_of, mean_scores
from lightrouter_graph.evaluation.records import Result, RunFacts
from lightrouter_graph.pool import Candidate, Pool
from lightrouter_graph.providers.pricing import Price
from lightrouter_graph.testing.clock import VirtualClock
from lightrouter_graph.testing.timing import Timing

WRITER = "aggregator"
"""Name of the merge stub in the call log."""


async def _score_by_answer(question: Question, text: str) -> float | None:
    """Score a text that is not a recorded output, such as one truncated at a cap, by the outputs with the same key.

    Leaving such texts out would favour short caps: texts that fit are answers to easy questions. An output that the
    text is a prefix of has precedence. The score is 0 without such an output, None for an open-ended question.
    """
    if question.reference is None:
        return None
    by_prefix = sorted(question.outputs.values(), key=lambda output: not output.text.startswith(text))
    truncated = bool(by_prefix) and by_prefix[0].text.startswith(text)
    key = default_key(text, question.text, finished=not truncated)
    equal = (one.score for one in by_prefix if key is not None and key_of(one.text, question.text) == key)
    return next((score for score in equal if score is not None), 0.0)


@dataclass(frozen=True, slots=True)
class Models:
    """The candidates of a replay.

    Attributes:
        names: Names of the candidates, highest prior first; every question needs an output of each.
        prices: USD per 1M input and output tokens by name; a missing name has no known price.
        paces: Timing by name, for outputs without recorded timing.
        overhead: Tokens of instructions that every recorded prompt had in addition to the question.
    """

    names: tuple[str, ...]
    prices: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    paces: Mapping[str, Timing] = field(default_factory=dict)
    overhead: int = 0


class Replay:
    """Runs methods over recorded questions. Equal arguments give equal results, in any order or process.

    Questions are split into folds by their ids. A method learns from the other folds, so that every result is on a
    question it has not seen.

    Args:
        questions: All recorded questions; those that are not asked are still part of the history.
        models: The candidates.
        seed: Seed of every random choice.
        folds: Number of folds, >= 2.
        score: Scores an answer that is not a recorded output.

    Raises:
        EvaluationError: If a candidate's output or score is missing, or `folds` < 2.
    """

    def __init__(
        self,
        questions: Sequence[Question],
        models: Models,
        *,
        seed: int = 0,
        folds: int = 2,
        score: Score = _score_by_answer,
    ) -> None:
        if folds < 2:
            msg = f"folds must be >= 2, got {folds}: a method is evaluated on questions that it did not learn from"
            raise EvaluationError(msg)
        for question in questions:
            if missing := [name for name in models.names if name not in question.outputs]:
                msg = f"question {question.id!r} has no recorded output of {', '.join(missing)}"
                raise EvaluationError(msg)
        self.questions = {question.id: question for question in questions}
        self._models, self._seed, self._folds, self._score = models, seed, folds, score
        self._clock = VirtualClock(still=True)
        self._recordings = Recordings(questions)
        self._settings: dict[int, Setting] = {}
        self._evaluators: dict[tuple[str, int], QuestionEvaluator] = {}

    def facts(self, title: str, count: int) -> RunFacts:
        """Return the facts of this replay for `summarise`; the methods answered `count` questions."""
        return {
            "title": title,
            "experiment": "run",
            "data": title,
            "mode": "replay",
            "questions": count,
            "candidates": list(self._models.names),
            "prices": {name: self._models.prices.get(name) for name in self._models.names},
            "scoring": "recorded",
            "seed": self._seed,
            "folds": self._folds,
            "command": "",
            "version": version("lightrouter-graph"),
            "notes": [],
        }

    def run(self, method: Method, ids: Iterable[str]) -> list[Result]:
        """Run a method over the questions with these ids, and return one result per question, in their order."""
        return asyncio.run(self._run(method, [self.questions[number] for number in ids]))

    async def _run(self, method: Method, questions: Sequence[Question]) -> list[Result]:
        keeper = asyncio.create_task(self._clock.sleep(math.inf))  # a waiting sleeper keeps real time out
        await asyncio.sleep(0)
        try:
            return [await self._answer(method, question) for question in questions]
        finally:
            keeper.cancel()

    async def _answer(self, method: Method, question: Question) -> Result:
        """Answer one question at virtual time 0, without learned capabilities of the candidates."""
        fold = fold_of(question.id, self._folds)
        self._clock.restart()
        for candidate in self._setting(fold).pool:
            candidate.learned.forget()
        with self._recordings.current(question):
            return await self._evaluator(method, fold)(question)

    def _evaluator(self, method: Method, fold: int) -> QuestionEvaluator:
        key = method.name, fold
        if key not in self._evaluators:
            fitted = method.fit(self._setting(fold))
            self._evaluators[key] = QuestionEvaluator(method, fitted, fold, self._score, lambda: self._clock.now)
        return self._evaluators[key]

    def _setting(self, fold: int) -> Setting:
        if fold not in self._settings:
            others = [q for q in self.questions.values() if fold_of(q.id, self._folds) != fold]
            self._settings[fold] = Setting(
                pool=Pool([self._candidate(name) for name in self._models.names]),
                history=others,
                seed=self._seed,
                writer=self._writer(others),
                writer_is_stub=True,
                now=lambda: self._clock.now,
            )
        return self._settings[fold]

    def _candidate(self, name: str) -> Candidate:
        model = self._model(ReplayModel, name)
        return Candidate(name, model, price=model.price, continuation="continue_final_message")

    def _writer(self, history: Sequence[Question]) -> Candidate:
        """Return the merge stub, with price and timing of the candidate with the best mean score in the history."""
        known = mean_scores(history, self._models.names)
        model = self._model(MergeStub, max(self._models.names, key=lambda name: known[name]))
        return Candidate(WRITER, model, price=model.price)

    def _model(self, kind: type[ReplayModel], name: str) -> ReplayModel:
        price = self._models.prices.get(name)
        return kind(
            name=name,
            recordings=self._recordings,
            clock=self._clock,
            price=None if price is None else Price(*price),
            timing=self._models.paces.get(name, DEFAULT_TIMING),
            overhead=self._models.overhead,
        )


def is_complete(question: Question, models: Iterable[str]) -> bool:
    """Return True if a question has a recorded output of every model."""
    return all(name in question.outputs for name in models)

"""Replay: methods run over recorded outputs in virtual time, each part of the data judged by what the others taught."""

import asyncio
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version

from lightrouter_graph.answer_keys import default_key
from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.evaluate_question import Answering, Score
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
"""The name of what stands in for an aggregator, in the accounts."""


async def score_by_answer(question: Question, text: str) -> float | None:
    """Score a text that nobody was recorded to say, as one cut at a cap: like the recorded output that says the same.

    To leave it out would flatter whoever cuts, for what is short enough to be whole is easy. Open-ended questions have
    no short answer that two texts could share, so there nothing can be said.

    Returns:
        The score of the output that goes on from the text, if it comes to the same short answer, else of the first that
        has this answer; 0 where none has it, or the text has none; None for an open-ended question.
    """
    if question.reference is None:
        return None
    begun = sorted(question.outputs.values(), key=lambda output: not output.text.startswith(text))
    cut = bool(begun) and begun[0].text.startswith(text)
    key = default_key(text, question.text, finished=not cut)
    equal = (one.score for one in begun if key is not None and key_of(one.text, question.text) == key)
    return next((score for score in equal if score is not None), 0.0)


@dataclass(frozen=True, slots=True)
class Models:
    """The candidates of a replay, and what is assumed of them.

    Attributes:
        names: Names of the candidates, highest prior first; every question needs a scored output of each.
        prices: USD per 1M tokens, by name; a name left out has no known price.
        paces: How fast each is, where the recordings do not say.
        overhead: Tokens of instructions that every prompt had and the recordings do not show.
    """

    names: tuple[str, ...]
    prices: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    paces: Mapping[str, Timing] = field(default_factory=dict)
    overhead: int = 0


class Replay:
    """Runs methods over recorded questions. Equal arguments give equal results, in whatever order or process.

    Questions are split into `folds` by their ids. What a method learns (whom to trust, when to stop, where to route) it
    learns from the other folds; the results of all folds together are on questions it has not seen.

    Args:
        questions: All that are recorded; those not asked teach as well.
        models: The candidates.
        seed: Of every random choice.
        folds: How many parts, >= 2.
        score: How an answer is scored that nobody was recorded to give.

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
        score: Score = score_by_answer,
    ) -> None:
        if folds < 2:
            msg = f"folds must be >= 2, got {folds}: a method is judged on questions it did not learn from"
            raise EvaluationError(msg)
        for question in questions:
            _check_complete(question, models.names)
        self.questions = {question.id: question for question in questions}
        self._models, self._seed, self._folds, self._score = models, seed, folds, score
        self._clock = VirtualClock(still=True)
        self._recordings = Recordings(questions)
        self._settings: dict[int, Setting] = {}
        self._fitted: dict[tuple[str, int], Answering] = {}

    def facts(self, title: str, count: int) -> RunFacts:
        """Return what a report says of the run, for results of one's own making.

        Args:
            title: The report's.
            count: How many questions were put to the methods.
        """
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
        """Put questions to a method, one after the other.

        Args:
            method: The method.
            ids: Which questions.

        Returns:
            One result per question, in their order.
        """
        return asyncio.run(self._run(method, [self.questions[number] for number in ids]))

    async def _run(self, method: Method, questions: Sequence[Question]) -> list[Result]:
        keeper = asyncio.create_task(self._clock.sleep(math.inf))  # while it sleeps, no real time is seen
        await asyncio.sleep(0)
        try:
            return [await self._answer(method, question) for question in questions]
        finally:
            keeper.cancel()

    async def _answer(self, method: Method, question: Question) -> Result:
        """Answer one question as if it were the first: at second 0, and with nothing learnt of any candidate."""
        fold = fold_of(question.id, self._folds)
        self._clock.restart()
        for candidate in self._setting(fold).pool:
            candidate.learned.forget()
        with self._recordings.current(question):
            return await self._answering(method, fold)(question)

    def _answering(self, method: Method, fold: int) -> Answering:
        if (method.name, fold) not in self._fitted:
            fitted = method.fit(self._setting(fold))
            answering = Answering(method, fitted, fold, self._score, lambda: self._clock.now)
            self._fitted[method.name, fold] = answering
        return self._fitted[method.name, fold]

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
        price = self._models.prices.get(name)
        model = ReplayModel(
            name=name,
            recordings=self._recordings,
            clock=self._clock,
            price=None if price is None else Price(*price),
            timing=self._models.paces.get(name, DEFAULT_TIMING),
            overhead=self._models.overhead,
        )
        return Candidate(name, model, price=price, continuation="continue_final_message")

    def _writer(self, history: Sequence[Question]) -> Candidate:
        """Let whoever writes have the price and the pace of the candidate that was best on other questions."""
        known = mean_scores(history, self._models.names)
        first = max(self._models.names, key=lambda name: known[name])
        price = self._models.prices.get(first)
        model = MergeStub(
            name=first,
            recordings=self._recordings,
            clock=self._clock,
            price=None if price is None else Price(*price),
            timing=self._models.paces.get(first, DEFAULT_TIMING),
            overhead=self._models.overhead,
        )
        return Candidate(WRITER, model, price=price)


def is_complete(question: Question, models: Iterable[str]) -> bool:
    """Whether every model was recorded to answer the question."""
    return all(name in question.outputs for name in models)


def _check_complete(question: Question, models: Iterable[str]) -> None:
    missing = [name for name in models if name not in question.outputs]
    if missing:
        msg = f"question {question.id!r} has no recorded output of {', '.join(missing)}"
        raise EvaluationError(msg)

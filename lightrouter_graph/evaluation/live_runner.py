"""Live runner: methods over live models with a cassette, so that equal prompts are sent and paid for once."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar, cast

from lightrouter_graph.errors import LightRouterError
from lightrouter_graph.evaluation.call_log import log_calls
from lightrouter_graph.evaluation.evaluate_question import QuestionEvaluator, Score, unscored
from lightrouter_graph.evaluation.methods.base import Method, Setting
from lightrouter_graph.evaluation.methods.sampling import ask
from lightrouter_graph.evaluation.models.cassette import Cassette
from lightrouter_graph.evaluation.models.recording_model import WallClock, with_cassette
from lightrouter_graph.evaluation.models.spend_limit import SpendLimit, raise_refusals
from lightrouter_graph.evaluation.questions import Output, Question, fold_of
from lightrouter_graph.evaluation.records import Result
from lightrouter_graph.pool import Candidate, Pool
from lightrouter_graph.testing.clock import VirtualClock

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Roles:
    """The models of a live evaluation.

    Attributes:
        pool: The candidates, highest prior first.
        writer: The model that merges answers; None for the first candidate.
        judge: The model that scores boots and open-ended answers; None if there is none.
        writer_follows_instructions: False for the small merge model of this package, which knows only the prompt of
            `LLMAggregator`.
    """

    pool: Pool
    writer: Candidate | None = None
    judge: Candidate | None = None
    writer_follows_instructions: bool = True


@dataclass(slots=True)
class LiveRunner:
    """Collects full answers of all candidates, scores them, and runs the methods that need more model calls.

    A `spend_limit` of None replays the cassette only. `clock` is real time for live calls, virtual time for the replay
    of a cassette. `max_tokens` limits full answers; `concurrency` is the maximum number of parallel questions.
    """

    roles: Roles
    cassette: Cassette
    spend_limit: SpendLimit | None
    score: Score = unscored
    clock: WallClock | VirtualClock = field(default_factory=WallClock)
    seed: int = 0
    folds: int = 2
    max_tokens: int | None = None
    concurrency: int = 4

    async def collect(self, questions: Sequence[Question], done: Callable[[Question], None]) -> list[Question]:
        """Request a full answer of every candidate to every question; `done` is called with each answered one.

        Returns:
            The questions with outputs, without scores. The output of a failed call is empty.

        Raises:
            BudgetError: If the spend limit refused a call; completed calls are in the cassette.
        """
        pool = self._pool()

        async def collect_one(question: Question) -> Question:
            with raise_refusals():
                outputs = await asyncio.gather(*(self._output(candidate, question) for candidate in pool))
            answered = replace(question, outputs=dict(zip(pool.names, outputs, strict=True)))
            done(answered)
            return answered

        return await self._in_parallel(collect_one, questions)

    async def score_outputs(self, questions: Sequence[Question], done: Callable[[Question], None]) -> list[Question]:
        """Score every output, an empty one by 0; `done` is called with each question. Raises as `collect`."""

        async def score(question: Question, output: Output) -> float | None:
            return await self.score(question, output.text) if output.text else 0.0

        async def score_one(question: Question) -> Question:
            with raise_refusals():
                scores = await asyncio.gather(*(score(question, output) for output in question.outputs.values()))
            scored = zip(question.outputs.items(), scores, strict=True)
            done(question)
            return replace(question, outputs={name: replace(out, score=value) for (name, out), value in scored})

        return await self._in_parallel(score_one, questions)

    async def run(
        self, method: Method, known: Sequence[Question], asked: Sequence[Question], keep: Callable[[Result], None]
    ) -> None:
        """Run a method over some questions. Raises as `collect`.

        Args:
            method: The method.
            known: All questions with scored outputs; those of other folds are the history.
            asked: The questions that the method answers.
            keep: Called with each result.
        """
        evaluators = {
            fold: QuestionEvaluator(
                method, method.fit(self._setting(known, fold)), fold, self.score, lambda: self.clock.now
            )
            for fold in range(self.folds)
        }

        async def run_one(question: Question) -> None:
            with raise_refusals():
                result = await evaluators[fold_of(question.id, self.folds)](question)
            keep(result)

        await self._in_parallel(run_one, asked)

    def _setting(self, questions: Sequence[Question], fold: int) -> Setting:
        return Setting(
            pool=self._pool(),
            history=[q for q in questions if q.outputs and fold_of(q.id, self.folds) != fold],
            seed=self.seed,
            writer=self._recorded(self.roles.writer or self.roles.pool.candidates[0]),
            judge=None if self.roles.judge is None else self._recorded(self.roles.judge),
            max_tokens=self.max_tokens,
            now=lambda: self.clock.now,
        )

    def _pool(self) -> Pool:
        return Pool([self._recorded(candidate) for candidate in self.roles.pool])

    def _recorded(self, candidate: Candidate) -> Candidate:
        return with_cassette(candidate, self.cassette, self.clock, self.spend_limit)

    async def _output(self, candidate: Candidate, question: Question) -> Output:
        with log_calls() as calls:
            reply = await ask(candidate, question, max_tokens=self.max_tokens, stream_internally=True)
        if reply.failure or not calls:
            return Output("", None, 0)
        call = calls[-1]
        first = call["first_token_s"]
        return Output(
            text=reply.text,
            score=None,
            tokens=call["output_tokens"],
            input_tokens=call["input_tokens"],
            ttft_s=None if first is None else first - call["began_s"],
            seconds=call["ended_s"] - call["began_s"],
            finished=not reply.completion.truncated,
        )

    async def _in_parallel(self, work: Callable[[Question], Awaitable[T]], questions: Iterable[Question]) -> list[T]:
        """Process several questions in parallel. After the first error no new one starts; running calls complete."""
        permits, errors = asyncio.Semaphore(self.concurrency), list[LightRouterError]()

        async def guarded(question: Question) -> T | None:
            async with permits:
                if errors:
                    return None
                try:
                    return await work(question)
                except LightRouterError as exc:
                    errors.append(exc)
                    return None

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(guarded(question)) for question in questions]
        except BaseExceptionGroup as group_error:
            raise group_error.exceptions[0] from None  # the first error; the other tasks were cancelled by it
        if errors:
            raise errors[0]
        return [cast("T", task.result()) for task in tasks]

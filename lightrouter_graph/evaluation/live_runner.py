"""Live: methods run over models that are called and paid for, once for each thing that is asked."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar, cast

from lightrouter_graph.errors import LightRouterError
from lightrouter_graph.evaluation.call_log import log_calls
from lightrouter_graph.evaluation.evaluate_question import Answering, Score, unscored
from lightrouter_graph.evaluation.methods.base import Fitted, Method, Setting
from lightrouter_graph.evaluation.methods.sampling import ask
from lightrouter_graph.evaluation.models.cassette import Cassette
from lightrouter_graph.evaluation.models.recording_model import EvaluationClock, WallClock, with_cassette
from lightrouter_graph.evaluation.models.spend_limit import SpendLimit, raise_refusals
from lightrouter_graph.evaluation.questions import Output, Question, fold_of
from lightrouter_graph.evaluation.records import Result
from lightrouter_graph.llm.completion import ended_by_cap
from lightrouter_graph.pool import Candidate, Pool

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Cast:
    """Who takes part in a live evaluation.

    Attributes:
        pool: The candidates, highest prior first.
        writer: Who merges answers; None: whoever is ranked first.
        judge: Who ranks boots where a model is to; None where nobody can.
        follows: Whether the writer follows any instruction. The small model that comes along for merging knows the one
            prompt of `LLMAggregator`.
    """

    pool: Pool
    writer: Candidate | None = None
    judge: Candidate | None = None
    follows: bool = True


@dataclass(slots=True)
class Live:
    """A live evaluation: first every candidate answers every question, then the methods run that need more than that.

    Attributes:
        cast: Who takes part.
        tape: Where replies are kept, and found again.
        purse: What may still be paid; None to play from the tape alone.
        score: How answers are scored.
        clock: In what time: the real one where models are called, a virtual one where a tape is played.
        seed: Of every random choice.
        folds: In how many parts the questions are split.
        max_tokens: Cap on a full answer.
        concurrency: How many questions are asked at once.
    """

    cast: Cast
    tape: Cassette
    purse: SpendLimit | None
    score: Score = unscored
    clock: EvaluationClock = field(default_factory=WallClock)
    seed: int = 0
    folds: int = 2
    max_tokens: int | None = None
    concurrency: int = 4

    async def collect(self, questions: Sequence[Question], tell: Callable[[Question], None]) -> list[Question]:
        """Let every candidate answer every question in full.

        Args:
            questions: What is asked.
            tell: Told of each question that is answered.

        Returns:
            The questions with their outputs, not scored yet. A candidate that failed has an empty one.

        Raises:
            BudgetError: If the purse refused a call; what was paid for is on the tape.
        """
        pool = self._pool()

        async def one(question: Question) -> Question:
            with raise_refusals():
                outputs = await asyncio.gather(*(self._output(candidate, question) for candidate in pool))
            answered = replace(question, outputs=dict(zip(pool.names, outputs, strict=True)))
            tell(answered)
            return answered

        return await self._at_once(one, questions)

    async def score_outputs(self, questions: Sequence[Question], tell: Callable[[Question], None]) -> list[Question]:
        """Score every output; an empty one, of a candidate that failed, with 0.

        Args:
            questions: With their outputs.
            tell: Told of each question whose outputs are scored.

        Returns:
            The questions with scored outputs.

        Raises:
            BudgetError: If the purse refused a judge's call; what was paid for is on the tape.
        """

        async def one(question: Question) -> Question:
            with raise_refusals():
                scores = await asyncio.gather(*(self._score_of(question, out) for out in question.outputs.values()))
            scored = zip(question.outputs.items(), scores, strict=True)
            tell(question)
            return replace(question, outputs={name: replace(out, score=score) for (name, out), score in scored})

        return await self._at_once(one, questions)

    async def _score_of(self, question: Question, output: Output) -> float | None:
        return await self.score(question, output.text) if output.text else 0.0

    async def run(
        self, method: Method, known: Sequence[Question], asked: Sequence[Question], keep: Callable[[Result], None]
    ) -> None:
        """Put questions to a method.

        Args:
            method: The method.
            known: All questions with the outputs that `collect` brought; those of other folds are the history.
            asked: Those of them that are put to it.
            keep: Given each result when it is there.

        Raises:
            BudgetError: If the purse refused a call; what was paid for is on the tape.
        """
        fitted = {fold: method.fit(self._setting(known, fold)) for fold in range(self.folds)}

        async def one(question: Question) -> None:
            fold = fold_of(question.id, self.folds)
            with raise_refusals():
                result = await self._answering(method, fitted[fold], fold)(question)
            keep(result)

        await self._at_once(one, asked)

    def _answering(self, method: Method, fitted: Fitted, fold: int) -> Answering:
        return Answering(method, fitted, fold, self.score, lambda: self.clock.now)

    def _setting(self, questions: Sequence[Question], fold: int) -> Setting:
        return Setting(
            pool=self._pool(),
            history=[q for q in questions if q.outputs and fold_of(q.id, self.folds) != fold],
            seed=self.seed,
            writer=self._taped(self.cast.writer or self.cast.pool.candidates[0]),
            judge=None if self.cast.judge is None else self._taped(self.cast.judge),
            max_tokens=self.max_tokens,
            now=lambda: self.clock.now,
        )

    def _pool(self) -> Pool:
        return Pool([self._taped(candidate) for candidate in self.cast.pool])

    def _taped(self, candidate: Candidate) -> Candidate:
        return with_cassette(candidate, self.tape, self.clock, self.purse)

    async def _output(self, candidate: Candidate, question: Question) -> Output:
        with log_calls() as calls:
            said = await ask(candidate, question, max_tokens=self.max_tokens, stream_internally=True)
        if said.completion.failure is not None or not calls:
            return Output("", None, 0)
        call = calls[-1]
        first = call["first_token_s"]
        return Output(
            text=said.text,
            score=None,
            tokens=call["output_tokens"],
            input_tokens=call["input_tokens"],
            ttft_s=None if first is None else first - call["began_s"],
            seconds=call["ended_s"] - call["began_s"],
            finished=not ended_by_cap(said.completion.finish_reason),
        )

    async def _at_once(self, do: Callable[[Question], Awaitable[T]], questions: Iterable[Question]) -> list[T]:
        """Work on several questions at a time; after the first error no further one is begun.

        Those under way are finished: what their calls bring is paid for.
        """
        places, wrong = asyncio.Semaphore(self.concurrency), list[LightRouterError]()

        async def one(question: Question) -> T | None:
            async with places:
                if wrong:
                    return None
                try:
                    return await do(question)
                except LightRouterError as exc:
                    wrong.append(exc)
                    return None

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(question)) for question in questions]
        except BaseExceptionGroup as group_error:
            raise group_error.exceptions[0] from None  # what went wrong first; the others were ended by it
        if wrong:
            raise wrong[0]
        return [cast("T", task.result()) for task in tasks]

"""Small worlds to evaluate in: recorded answers, candidates that replay them on one clock, and a run of a method."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lightrouter_graph.evaluation.call_log import log_calls
from lightrouter_graph.evaluation.methods.base import Fitted, Method, Reply, Setting
from lightrouter_graph.evaluation.models.merge_stub import MergeStub
from lightrouter_graph.evaluation.models.replay_model import Recordings, ReplayModel
from lightrouter_graph.evaluation.questions import Output, Question
from lightrouter_graph.evaluation.records import ModelCall
from lightrouter_graph.pool import Candidate, Pool
from lightrouter_graph.providers.pricing import Price
from lightrouter_graph.testing.clock import VirtualClock

Scored = tuple[Any, float]
"""A short answer and its score."""


def output(answer: Any, score: float | None = 1.0, *, tokens: int = 10, words: int = 3, **more: Any) -> Output:
    """Make an output that ends with an answer; None for one that gives none."""
    filler = " ".join(f"step{i}" for i in range(words))
    told = "I do not know what to say about this one." if answer is None else f"The answer is {answer}."
    return Output(f"{filler}. {told}", score, tokens, **more)


def question(number: int, said: Mapping[str, Scored | Output], **more: Any) -> Question:
    """Make a question with an output of each model; all outputs have different texts."""
    outputs = {
        name: one if isinstance(one, Output) else output(*one, words=3 + place)
        for place, (name, one) in enumerate(said.items())
    }
    return Question(f"q{number}", f"What is {number} plus {number}, in words or figures?", outputs=outputs, **more)


def random_questions(seed: int, names: Sequence[str], count: int, *, start: int = 0) -> list[Question]:
    """Draw questions; the first model is right most often, the last least often."""
    draw = random.Random(seed)
    made = []
    for number in range(start, start + count):
        said: dict[str, Output] = {}
        for place, name in enumerate(names):
            right = draw.random() < 0.9 - 0.2 * place
            answer = draw.choice([number, number, None]) if right else draw.choice([number + 1, number + 2, None])
            tokens, words = draw.randint(5, 60), draw.randint(2, 30)
            said[name] = output(answer, float(right), tokens=tokens, words=words)
        made.append(question(number, said))
    return made


@dataclass(frozen=True)
class Toy:
    """A data set with replay models.

    Attributes:
        asked: The questions methods are run on.
        setting: What methods are fitted with.
        clock: The one virtual clock of all models.
    """

    asked: tuple[Question, ...]
    setting: Setting
    clock: VirtualClock

    @property
    def history(self) -> Sequence[Question]:
        """The questions methods learn from."""
        return self.setting.history


@dataclass(frozen=True)
class Answered:
    """What a method made of one question: its reply or the error it raised, and the calls the models saw."""

    question: Question
    reply: Reply | None
    calls: list[ModelCall] = field(default_factory=list)
    error: Exception | None = None

    @property
    def score(self) -> float | None:
        """The recorded score of the chosen output; 0 for an error."""
        if self.reply is None:
            return 0.0
        assert self.reply.chosen is not None
        return self.question.outputs[self.reply.chosen].score

    @property
    def names(self) -> list[str]:
        """Who was called, in the order in which the calls ended."""
        return [call["candidate"] for call in self.calls]

    @property
    def tokens(self) -> tuple[int, int]:
        """Input and output tokens of all calls."""
        return sum(c["input_tokens"] for c in self.calls), sum(c["output_tokens"] for c in self.calls)


def toy(
    asked: Sequence[Question],
    *,
    history: Sequence[Question] = (),
    names: Sequence[str] | None = None,
    prices: Mapping[str, tuple[float, float]] | None = None,
    writer: str | None = None,
    overhead: int = 0,
    **setting: Any,
) -> Toy:
    """Build a world.

    Args:
        asked: The questions to be asked.
        history: Those to learn from; they are recorded, too.
        names: The candidates, highest prior first; by default all of the first question.
        prices: USD per 1M tokens (input, output) by name; none are known by default.
        writer: Candidate with the price and timing of the merge stub; the first by default.
        overhead: Of every model, see `ReplayModel`.
        setting: Fields of `Setting`.
    """
    clock, recordings = VirtualClock(), Recordings([*asked, *history])
    names = tuple(names or asked[0].outputs)

    def model(kind: type[ReplayModel], name: str) -> Candidate:
        price = Price(*prices[name]) if prices else None
        chat = kind(name=name, recordings=recordings, clock=clock, price=price, overhead=overhead)
        return Candidate(name, chat, price=price)

    pool = Pool([model(ReplayModel, name) for name in names])
    merging = model(MergeStub, writer or names[0])
    made = Setting(pool, tuple(history), writer=merging, writer_is_stub=True)
    return Toy(tuple(asked), replace(made, **setting), clock)


def run(method: Method, world: Toy, questions: Sequence[Question] | None = None) -> list[Answered]:
    """Fit a method and put all questions to it, one after the other."""
    return run_fitted(method.fit(world.setting), world.asked if questions is None else questions)


def run_fitted(fitted: Fitted, questions: Sequence[Question]) -> list[Answered]:
    """Run a fitted method over questions, one after the other, each with its own call log."""

    async def all_of_them() -> list[Answered]:
        return [await _answer(fitted, one) for one in questions]

    return asyncio.run(all_of_them())


async def _answer(fitted: Fitted, asked: Question) -> Answered:
    with log_calls() as calls:
        try:
            reply, error = await fitted.answer(asked), None
        except Exception as exc:  # noqa: BLE001 - what is raised is what the test looks at
            reply, error = None, exc
    return Answered(asked, reply, calls, error)

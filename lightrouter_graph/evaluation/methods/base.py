"""The seam: a question in, an answer out. LightRouter, its rivals and its upper bounds all stand behind it."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from langchain_core.messages import AnyMessage, HumanMessage

from lightrouter_graph.answer_keys import default_key
from lightrouter_graph.evaluation.call_log import sample_wanted
from lightrouter_graph.evaluation.questions import Question
from lightrouter_graph.evaluation.records import Route
from lightrouter_graph.llm.call import Call
from lightrouter_graph.llm.client import complete
from lightrouter_graph.llm.completion import Completion
from lightrouter_graph.pool import Candidate, Pool
from lightrouter_graph.rate_limits import RetryBudget
from lightrouter_graph.records import Stage

Need = Literal["history", "samples", "live", "judge", "writer"]
"""What a method cannot do without: scored outputs to other questions, several samples per model, models that read what
they are given (a replayed one says what it said), a model that can judge, one that follows any instruction to merge."""

TIMEOUT_S = 600.0


@dataclass(frozen=True, slots=True)
class Setting:
    """All that a method may know before the first question.

    Attributes:
        pool: The candidates, most trusted first.
        history: Questions of other folds with the scored outputs of the candidates; empty where there are none.
        seed: Of every random choice, together with the question's id.
        writer: Who merges answers: a live model, or what stands in for one; None where nobody can.
        stands_in: Whether the writer only stands in for one.
        judge: Who ranks boots where a model is to; None where nobody can.
        max_tokens: Cap on a full answer; None for the models' own.
        now: The clock, in seconds; a replay's runs ahead of the real one.
    """

    pool: Pool
    history: Sequence[Question] = ()
    seed: int = 0
    writer: Candidate | None = None
    stands_in: bool = False
    judge: Candidate | None = None
    max_tokens: int | None = None
    now: Callable[[], float] = time.monotonic


@dataclass(frozen=True, slots=True)
class Reply:
    """What a method answers.

    Attributes:
        text: The answer.
        chosen: The candidate whose words it is; None where it was written anew.
        confidence: The method's own estimate that it is right, 0 to 1; None where it has none.
        first_token_s: When the first token of the answer was shown, on the setting's clock; None where the answer was
            shown whole, or as `streamed` says.
        streamed: Whether the answer was shown while the last call wrote it.
        route: How LightRouter came to it.
        stand_in: What stands in for what could not be replayed; "" for nothing.
    """

    text: str
    chosen: str | None = None
    confidence: float | None = None
    first_token_s: float | None = None
    streamed: bool = False
    route: Route | None = None
    stand_in: str = ""


class Fitted(Protocol):
    """A method that has learnt what it can and now answers."""

    async def answer(self, question: Question) -> Reply:
        """Answer one question. May read its `text` only; upper bounds also the recorded scores.

        Raises:
            LightRouterError: If no answer comes out.
        """
        ...


class Method(Protocol):
    """One line of the table.

    Attributes:
        name: Short and stable: it is written into results and given on the command line.
        label: For tables and plots.
        needs: What it cannot do without.
    """

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def label(self) -> str: ...  # noqa: D102
    @property
    def needs(self) -> frozenset[Need]: ...  # noqa: D102

    def fit(self, setting: Setting) -> Fitted:
        """Learn from the history; called once per fold."""
        ...


@dataclass(frozen=True, slots=True)
class Said:
    """What one candidate said in full, and the short answer it is compared by (None where there is none)."""

    candidate: Candidate
    completion: Completion
    key: str | None = field(default=None)

    @property
    def text(self) -> str:
        """The text; "" where the call failed."""
        return self.completion.text


async def ask(
    candidate: Candidate,
    question: Question,
    *,
    messages: Sequence[AnyMessage] | None = None,
    max_tokens: int | None = None,
    stage: Stage = "generate",
    sample: int = 0,
    stream_internally: bool = False,
) -> Said:
    """Ask one candidate for a full answer, with the retries, limits and records of every other call of the package.

    Args:
        candidate: Whom to ask.
        question: The question; its text is the prompt unless `messages` are given.
        messages: The whole prompt.
        max_tokens: Cap on the output; None for the model's own.
        stage: What the call is for, in the records.
        sample: Which of several independent samples of the same prompt is wanted, from 0.
        stream_internally: Whether the reply is streamed, so that the time to its first token shows.
    """
    call = Call(
        stage=stage,
        layer=1,
        timeout_s=TIMEOUT_S,
        max_tokens=max_tokens,
        retries=RetryBudget(4),
        stream_internally=stream_internally,
    )
    with sample_wanted(sample):
        completion = await complete(candidate, messages or [HumanMessage(question.text)], call)
    key = default_key(completion.text, question.text) if completion.failure is None else None
    return Said(candidate, completion, key)

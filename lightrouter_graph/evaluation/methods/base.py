"""`Method` protocol: `fit` learns from scored outputs of other questions, `Fitted.answer` answers one question."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from lightrouter_graph.errors import EvaluationError, checked_choices
from lightrouter_graph.evaluation.questions import Question
from lightrouter_graph.evaluation.records import Route
from lightrouter_graph.pool import Candidate, Pool

Need = Literal["history", "samples", "live", "judge", "writer"]
"""A requirement of a method: scored outputs of other questions; several samples per model; live models that read their
whole prompt (replayed models repeat their recorded output); a judge model; a model that follows merge instructions."""

HISTORY: frozenset[Need] = frozenset({"history"})


@dataclass(frozen=True, slots=True)
class Setting:
    """Input of `Method.fit`: everything a method may know before the first question.

    Attributes:
        pool: The candidates, highest prior first.
        history: Questions of the other folds with the scored outputs of the candidates; may be empty.
        seed: Seed of every random choice, combined with the id of the question.
        writer: The model that merges answers: a live model or a `MergeStub`; None if there is none.
        writer_is_stub: True if `writer` is a `MergeStub`, as in every replay.
        judge: The model that scores boots for the LLM selector; None if there is none.
        max_tokens: Maximum output tokens of a full answer; None for the default of each model.
        now: Clock in seconds; virtual time in a replay.
    """

    pool: Pool
    history: Sequence[Question] = ()
    seed: int = 0
    writer: Candidate | None = None
    writer_is_stub: bool = False
    judge: Candidate | None = None
    max_tokens: int | None = None
    now: Callable[[], float] = time.monotonic


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer of a method to one question.

    Attributes:
        text: Text of the answer.
        chosen: Name of the candidate with `text` as its output; None if a model generated a merged text.
        confidence: The method's estimate that the answer is right, 0 to 1; None if it has no estimate.
        first_token_s: Time of the first visible token on the clock of the setting; None if `streamed` decides.
        streamed: True if the answer was streamed by the last model call; False if it was returned as one message.
        route: Boots, selection and agreement of a LightRouter run; None for other methods.
        stand_in: Description of each part that a replay approximates; "" if every call is a recorded output.
    """

    text: str
    chosen: str | None = None
    confidence: float | None = None
    first_token_s: float | None = None
    streamed: bool = False
    route: Route | None = None
    stand_in: str = ""


class Fitted(Protocol):
    """A method after `fit`, ready to answer questions."""

    async def answer(self, question: Question) -> Reply:
        """Answer one question.

        Args:
            question: The question. Only upper bounds may read more of it than `text`.

        Raises:
            LightRouterError: If no model call returned an answer.
        """
        ...


class Method(Protocol):
    """One row of the results table.

    Attributes:
        name: Stable identifier in `results.jsonl` and on the command line.
        label: Text for tables and plots.
        needs: Requirements; a run without them refuses the method.
    """

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def label(self) -> str: ...  # noqa: D102
    @property
    def needs(self) -> frozenset[Need]: ...  # noqa: D102

    def fit(self, setting: Setting) -> Fitted:
        """Learn from `setting.history`; called once per fold.

        Args:
            setting: Pool, history, seed and clock of the fold.
        """
        ...


@checked_choices(EvaluationError)
@dataclass(frozen=True, slots=True)
class Baseline:
    """A `Method` made of a name, a label, a fit function and its requirements."""

    name: str
    label: str
    fit: Callable[[Setting], Fitted]
    needs: frozenset[Need] = frozenset()

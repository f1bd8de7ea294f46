"""Questions with references and recorded outputs."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from lightrouter_graph.errors import EvaluationError, checked_choices

RIGHT = 0.5
"""Minimum score of an answer that counts as right."""

Scoring = Literal["recorded", "exact", "number", "letter", "math", "judge"]
"""Scoring method: the recorded score, a comparison with the reference, or a judge model."""

REMOVED_SCORING = {
    "code": "the scoring 'code' is not available, because it would run code that a model wrote: test the answers "
    "yourself, write 0 or 1 as the `score` of each output and evaluate that recording; or run inspect-ai on "
    "`lightrouter serve`, as examples/outside_evaluators.py does"
}
"""Message by scoring method that was removed."""


@dataclass(frozen=True, slots=True)
class Output:
    """One recorded output of one model.

    Attributes:
        text: The whole text.
        score: 0 (wrong) to 1 (right); None if it was not scored.
        tokens: Output tokens as recorded.
        input_tokens: Tokens of the prompt; None if not recorded.
        ttft_s: Seconds to the first token; None if not recorded.
        seconds: Seconds to the last token; None if not recorded.
        finished: False if the output was truncated at the limit of the model.
        samples: Independent outputs of the same model to the same question, for Self-MoA.
    """

    text: str
    score: float | None
    tokens: int
    input_tokens: int | None = None
    ttft_s: float | None = None
    seconds: float | None = None
    finished: bool = True
    samples: tuple["Output", ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """One question of a data set.

    Attributes:
        id: Unique in the data set.
        text: The prompt, sent as the only message.
        category: Category for statistics; None if there is none.
        reference: The right answer; None for an open-ended question.
        outputs: Recorded output of each model by name; may be empty.
    """

    id: str
    text: str
    category: str | None = None
    reference: str | None = None
    outputs: Mapping[str, Output] = field(default_factory=dict)


@checked_choices(EvaluationError, REMOVED_SCORING)
@dataclass(frozen=True, slots=True)
class DataSet:
    """A list of questions.

    Attributes:
        name: Short name for file names and titles.
        questions: The questions in the order of the file.
        scoring: Default scoring method.
        note: Caveat for readers of a report; "" for none.
    """

    name: str
    questions: tuple[Question, ...]
    scoring: Scoring
    note: str = ""


def fold_of(question_id: str, folds: int) -> int:
    """Return the fold of a question, 0 to `folds` - 1; a hash of its id, so that it never changes."""
    return int.from_bytes(hashlib.sha256(f"fold:{question_id}".encode()).digest()[:8]) % folds


def mean_scores(questions: Sequence[Question], models: Sequence[str]) -> dict[str, float]:
    """Return the mean recorded score of each model over its scored outputs, 0 to 1; 0.5 for one without any score."""
    scores = {name: [q.outputs[name].score for q in questions if name in q.outputs] for name in models}
    known = {name: [score for score in row if score is not None] for name, row in scores.items()}
    return {name: sum(row) / len(row) if row else 0.5 for name, row in known.items()}


def seed_of(seed: int, question_id: str) -> int:
    """Return the seed of one question for the seed of a run, independent of the order of the questions."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{question_id}".encode()).digest()[:4])

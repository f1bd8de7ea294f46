"""What is asked: questions with their references, and what models were recorded to say to them."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Scoring = Literal["recorded", "exact", "number", "letter", "math", "judge"]
"""How an answer is scored: by its recorded score, against the reference, or by a judge model."""


@dataclass(frozen=True, slots=True)
class Output:
    """One recorded output of one model.

    Attributes:
        text: All it wrote.
        score: 0 (wrong) to 1 (right); None where nobody scored it.
        tokens: How many tokens the text has, in the tokens of the recording.
        input_tokens: Tokens of the prompt; None where they were not recorded.
        ttft_s: Seconds to the first token; None where not recorded.
        seconds: Seconds to the last token; None where not recorded.
        finished: False where it was cut off at the model's own limit.
        samples: Further outputs of the same model to the same question, drawn independently (for Self-MoA).
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
        id: Unique within the set.
        text: What the models are asked, as the only message.
        category: For the figures by category; None for none.
        reference: The right answer; None for open-ended questions.
        outputs: What each model was recorded to say; empty where there is no recording.
    """

    id: str
    text: str
    category: str | None = None
    reference: str | None = None
    outputs: Mapping[str, Output] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DataSet:
    """Questions of one kind.

    Attributes:
        name: Short, for file names and titles.
        questions: In the order of the file.
        scoring: How answers are scored unless one says otherwise.
        note: What a reader of figures must know of the data; "" for nothing.
    """

    name: str
    questions: tuple[Question, ...]
    scoring: Scoring
    note: str = ""


def fold_of(question_id: str, folds: int) -> int:
    """Say in which of `folds` parts a question lies; decided by its id alone, so it never moves."""
    return int.from_bytes(hashlib.sha256(f"fold:{question_id}".encode()).digest()[:8]) % folds


def mean_scores(questions: Sequence[Question], models: Sequence[str]) -> dict[str, float]:
    """Return each model's mean recorded score over the questions where it has one; 0.5 where it has none at all."""
    scores = {name: [q.outputs[name].score for q in questions if name in q.outputs] for name in models}
    known = {name: [score for score in row if score is not None] for name, row in scores.items()}
    return {name: sum(row) / len(row) if row else 0.5 for name, row in known.items()}


def seed_of(seed: int, question_id: str) -> int:
    """Return the seed of one question: other for each, the same in whatever order they are asked."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{question_id}".encode()).digest()[:4])

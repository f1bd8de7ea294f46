"""Recordings: outputs of models, one JSON line per question, and `models.json` with prices and timing."""

import gzip
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.datasets.base import checked
from lightrouter_graph.evaluation.jsonl_log import json_line, replace_file
from lightrouter_graph.evaluation.questions import DataSet, Output, Question
from lightrouter_graph.providers.pricing import Price
from lightrouter_graph.testing.jsonl import read_json_lines
from lightrouter_graph.testing.tokens import count_tokens

SUFFIXES = (".jsonl", ".jsonl.gz")


class _Line(BaseModel):
    """Schema of a line. Unknown fields are ignored, so that other tools can add their own."""

    model_config = ConfigDict(extra="ignore", strict=True, allow_inf_nan=False)


class _OutputLine(_Line):
    text: str
    score: float | None = Field(default=None, ge=0, le=1)
    tokens: int | None = Field(default=None, ge=0)
    input_tokens: int | None = Field(default=None, ge=0)
    ttft_s: float | None = Field(default=None, ge=0)
    seconds: float | None = Field(default=None, ge=0)
    finished: bool = True
    samples: list["_OutputLine"] = []

    def output(self) -> Output:
        tokens = count_tokens(self.text) if self.tokens is None else self.tokens
        samples = tuple(sample.output() for sample in self.samples)
        return Output(**self.model_dump(exclude={"tokens", "samples"}), tokens=tokens, samples=samples)


class _QuestionLine(_Line):
    id: str = Field(min_length=1)
    question: str = Field(min_length=1)
    category: str | None = None
    answer: str | None = None
    outputs: dict[str, _OutputLine] = {}

    def read(self) -> Question:
        outputs = {name: line.output() for name, line in self.outputs.items()}
        return Question(self.id, self.question, self.category, self.answer, outputs)


class _ModelLine(_Line):
    price_in: float | None = Field(default=None, ge=0)
    price_out: float | None = Field(default=None, ge=0)
    ttft_s: float | None = Field(default=None, ge=0)
    tokens_per_s: float | None = Field(default=None, gt=0)


_MODELS = TypeAdapter(dict[str, _ModelLine])


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """Price and timing of a recorded model.

    Attributes:
        price: USD per 1M tokens; None if unknown.
        ttft_s: Seconds to the first token, >= 0; None if unknown.
        tokens_per_s: Tokens per second after it, > 0; None if unknown.
    """

    price: Price | None = None
    ttft_s: float | None = None
    tokens_per_s: float | None = None


def load_recording(path: str | Path) -> DataSet:
    """Read a recording.

    Args:
        path: A `.jsonl` or `.jsonl.gz` file. Each line has `id`, `question`, optional `category`, `answer`, and
            `outputs` by model: `text`, optional `score` (0 to 1), `tokens`, `input_tokens`, `ttft_s`, `seconds`,
            `finished`, and `samples` in the same schema. Missing `tokens` are counted by a regular expression that
            approximates a tokenizer (`lightrouter_graph.testing.tokens`).

    Returns:
        The questions in the order of the file, named after it, with the recorded scores.

    Raises:
        EvaluationError: If the file cannot be read, or a line is invalid or repeats an id; it names the line.
    """
    path = Path(path)
    try:
        questions = tuple(_distinct((location, _read(location, line)) for location, line in read_json_lines(path)))
    except OSError as exc:
        msg = f"cannot read the recording {path}: {exc.strerror or exc}"
        raise EvaluationError(msg) from exc
    except ValueError as exc:
        raise EvaluationError(str(exc)) from exc
    return checked(DataSet(path.name.removesuffix(".gz").removesuffix(".jsonl"), questions, "recorded"))


def write_recording(path: str | Path, data: DataSet) -> None:
    """Write a recording in the schema of `load_recording`; the file is replaced atomically.

    Args:
        path: A `.jsonl` file, compressed if its name ends in `.gz`. Equal data give equal bytes.
        data: The questions with outputs. Name, scoring and note are not written.
    """
    path = Path(path)
    content = b"".join(json_line(_as_json(question)) for question in data.questions)
    replace_file(path, gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)


def load_models(path: str | Path) -> dict[str, ModelFacts]:
    """Read `models.json`; an `EvaluationError` if it cannot be read or has another schema.

    Args:
        path: The file: by model `price_in` and `price_out` (USD per 1M tokens), optional `ttft_s`, `tokens_per_s`.
    """
    path = Path(path)
    try:
        lines = _MODELS.validate_json(path.read_bytes())
    except OSError as exc:
        msg = f"cannot read the facts of models {path}: {exc.strerror or exc}"
        raise EvaluationError(msg) from exc
    except ValidationError as exc:
        msg = f"{path}: {_problem(exc)}"
        raise EvaluationError(msg) from exc
    return {name: _facts(path, name, line) for name, line in lines.items()}


def _read(location: str, line: Any) -> Question:
    try:
        return _QuestionLine.model_validate(line).read()
    except ValidationError as exc:
        msg = f"{location}: {_problem(exc)}"
        raise EvaluationError(msg) from exc


def _distinct(read: Iterable[tuple[str, Question]]) -> Iterator[Question]:
    lines: dict[str, str] = {}
    for location, question in read:
        if question.id in lines:
            msg = f"{location}: two questions have the id {question.id!r}, the other is on {lines[question.id]}"
            raise EvaluationError(msg)
        lines[question.id] = location.rpartition(", ")[2]
        yield question


def _problem(exc: ValidationError) -> str:
    first = exc.errors(include_url=False)[0]
    where = ".".join(map(str, first["loc"]))
    # pydantic's message for this type names a class of this module, which is unknown to the author of the file.
    what = "Input should be an object" if first["type"] == "model_type" else first["msg"]
    return f"{where}: {what}" if where else what


def _facts(path: Path, name: str, line: _ModelLine) -> ModelFacts:
    if (line.price_in is None) != (line.price_out is None):
        msg = f"{path}: {name} needs both 'price_in' and 'price_out', or neither"
        raise EvaluationError(msg)
    price = None if line.price_in is None or line.price_out is None else Price(line.price_in, line.price_out)
    return ModelFacts(price, line.ttft_s, line.tokens_per_s)


def _as_json(question: Question) -> dict[str, Any]:
    return {
        "id": question.id,
        "question": question.text,
        "category": question.category,
        "answer": question.reference,
        "outputs": {name: _output_json(output) for name, output in question.outputs.items()},
    }


def _output_json(output: Output) -> dict[str, Any]:
    """Return the fields of an output that differ from their defaults."""
    values = {f.name: v for f in fields(output) if (v := getattr(output, f.name)) != f.default}
    return values | ({"samples": [_output_json(sample) for sample in output.samples]} if output.samples else {})

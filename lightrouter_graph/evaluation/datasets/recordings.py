"""Recordings: what models said to questions, one JSON line per question, and what the models cost."""

import gzip
import json
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.datasets.base import checked
from lightrouter_graph.evaluation.questions import DataSet, Output, Question
from lightrouter_graph.providers.pricing import Price
from lightrouter_graph.testing.jsonl import read_json_lines
from lightrouter_graph.testing.tokens import count_tokens

SUFFIXES = (".jsonl", ".jsonl.gz")


class _Line(BaseModel):
    """What the lines may hold; what else they hold is passed over, so that others may add to them."""

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
        return Output(
            text=self.text,
            score=self.score,
            tokens=count_tokens(self.text) if self.tokens is None else self.tokens,
            input_tokens=self.input_tokens,
            ttft_s=self.ttft_s,
            seconds=self.seconds,
            finished=self.finished,
            samples=tuple(sample.output() for sample in self.samples),
        )


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
    """What is known of a recorded model beside its outputs.

    Attributes:
        price: USD per 1M tokens; None where not known.
        ttft_s: Seconds to the first token, >= 0; None where not known.
        tokens_per_s: Tokens per second after it, > 0; None where not known.
    """

    price: Price | None = None
    ttft_s: float | None = None
    tokens_per_s: float | None = None


def load_recording(path: str | Path) -> DataSet:
    """Read a recording.

    Args:
        path: A `.jsonl` or `.jsonl.gz` file. Each line has `id`, `question`, perhaps `category`, `answer`, and
            `outputs` by model: `text`, perhaps `score` (0 to 1), `tokens`, `input_tokens`, `ttft_s`, `seconds`,
            `finished`, and `samples` of the same form. Where `tokens` are missing they are counted by a regular
            expression that comes close (`lightrouter_graph.testing.tokens`).

    Returns:
        The questions in the order of the file, named after it; scored as they were recorded.

    Raises:
        EvaluationError: If there is no such file or it is damaged; the first damaged line, or the first
            whose id another has too, is named, and what is wrong.
    """
    path = Path(path)
    try:
        questions = tuple(_distinct((place, _read(place, line)) for place, line in read_json_lines(path)))
    except EvaluationError:
        raise
    except OSError as exc:
        msg = f"cannot read the recording {path}: {exc.strerror or exc}"
        raise EvaluationError(msg) from exc
    except ValueError as exc:
        raise EvaluationError(str(exc)) from exc
    return checked(DataSet(path.name.removesuffix(".gz").removesuffix(".jsonl"), questions, "recorded"))


def write_recording(path: str | Path, data: DataSet) -> None:
    """Write a recording that `load_recording` reads back; readers meet the old file or the whole new one.

    Args:
        path: A `.jsonl` file, packed where its name ends in `.gz`. Equal data give equal bytes.
        data: What to write. Its name, scoring and note are not kept.
    """
    path = Path(path)
    written = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with written.open("xb") as file:
            _write_lines(file, data, packed=path.suffix == ".gz")
            file.flush()
            os.fsync(file.fileno())
        written.replace(path)
    finally:
        written.unlink(missing_ok=True)


def load_models(path: str | Path) -> dict[str, ModelFacts]:
    """Read `models.json`: by model `price_in` and `price_out` (USD per 1M tokens), perhaps `ttft_s`, `tokens_per_s`.

    Raises:
        EvaluationError: If there is no such file, or it does not say that.
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


def _read(place: str, line: Any) -> Question:
    try:
        return _QuestionLine.model_validate(line).read()
    except ValidationError as exc:
        msg = f"{place}: {_problem(exc)}"
        raise EvaluationError(msg) from exc


def _distinct(read: Iterable[tuple[str, Question]]) -> Iterator[Question]:
    """Pass the questions on, and see that no two have the same id."""
    seen: dict[str, str] = {}
    for place, question in read:
        if question.id in seen:
            msg = f"{place}: two questions have the id {question.id!r}, the other is on {seen[question.id]}"
            raise EvaluationError(msg)
        seen[question.id] = place.rpartition(", ")[2]
        yield question


def _problem(exc: ValidationError) -> str:
    first = exc.errors(include_url=False)[0]
    where = ".".join(map(str, first["loc"]))
    # pydantic's own words for this name a class of ours, which nobody who wrote the file can know.
    what = "Input should be an object" if first["type"] == "model_type" else first["msg"]
    return f"{where}: {what}" if where else what


def _facts(path: Path, name: str, line: _ModelLine) -> ModelFacts:
    if (line.price_in is None) != (line.price_out is None):
        msg = f"{path}: {name} needs both 'price_in' and 'price_out', or neither"
        raise EvaluationError(msg)
    priced = line.price_in is not None and line.price_out is not None
    price = Price(line.price_in or 0.0, line.price_out or 0.0) if priced else None
    return ModelFacts(price, line.ttft_s, line.tokens_per_s)


def _write_lines(file: BinaryIO, data: DataSet, *, packed: bool) -> None:
    if packed:
        with gzip.GzipFile("", "wb", fileobj=file, mtime=0) as inner:
            inner.writelines(_line(question) for question in data.questions)
    else:
        file.writelines(_line(question) for question in data.questions)


def _line(question: Question) -> bytes:
    row: dict[str, Any] = {
        "id": question.id,
        "question": question.text,
        "category": question.category,
        "answer": question.reference,
        "outputs": {name: _spell(output) for name, output in question.outputs.items()},
    }
    # Halves of characters, which models do write, have no UTF-8: as escapes they come back as they were.
    text = json.dumps(row, ensure_ascii=False)
    return (text if text.isascii() or _is_whole(text) else json.dumps(row)).encode() + b"\n"


def _is_whole(text: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in text)


def _spell(output: Output) -> Mapping[str, Any]:
    told: dict[str, Any] = {"text": output.text, "score": output.score, "tokens": output.tokens}
    further = {name: getattr(output, name) for name in ("input_tokens", "ttft_s", "seconds")}
    told |= {name: value for name, value in further.items() if value is not None}
    if not output.finished:
        told["finished"] = False
    if output.samples:
        told["samples"] = [_spell(sample) for sample in output.samples]
    return told

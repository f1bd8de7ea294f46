"""Exports a run to LangSmith: one data set with its questions, one experiment per method.

Nothing is sent unless `export` is called with a client or with an API key in the environment. All ids are derived from
the exported content, so that a repeated or interrupted export creates no duplicates. That is why it does not use
`langsmith.evaluate`, which draws random ids and measures the time of the export.

Source: the data model of LangSmith evaluations (https://docs.langchain.com/langsmith/evaluation-concepts): an
experiment is a project with a reference data set, its root runs name their example, scores are feedback.
"""

import hashlib
import json
import os
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.questions import Question
from lightrouter_graph.evaluation.records import ModelCall, Result
from lightrouter_graph.redaction import redact, secrets_of

if TYPE_CHECKING:
    from langsmith import Client
    from langsmith.schemas import Dataset, TracerSession

BATCH = 100
"""Number of results or examples per batch; a batch must arrive before the next is sent."""

ARRIVAL_S = 300.0
"""Timeout of a batch in seconds; a client with a dead sender thread would wait forever."""

KEYS = ("LANGSMITH_API_KEY", "LANGCHAIN_API_KEY")
ENDPOINTS = ("LANGSMITH_ENDPOINT", "LANGCHAIN_ENDPOINT")

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://pypi.org/project/lightrouter-graph/")

Progress = Callable[[int, int], None]
"""Function (results sent, results in total), called after each batch."""


def export(
    results: Sequence[Result],
    questions: Sequence[Question],
    *,
    dataset_name: str,
    experiment_prefix: str,
    client: "Client | None" = None,
    with_calls: bool = True,
    progress: Progress | None = None,
) -> str:
    """Send results to LangSmith.

    The data set gets an example for each question with a result, unless it has it. Each method gets an experiment
    `<prefix>-<method>-<digest of its results>` with a root run per question and the feedback `quality` (0 to 1),
    `tokens` (input and output), `usd_per_1000` (USD per 1,000 questions, because LangSmith stores four decimals) and
    `seconds`, each if it is known. All runs start with their experiment and have their measured or simulated duration.

    Args:
        results: One result per question and method.
        questions: The questions; their recorded outputs are the texts of results without an own text.
        dataset_name: Name of the data set in LangSmith; created if it does not exist.
        experiment_prefix: Prefix of the names of the experiments.
        client: The client; None for one with the key from LANGSMITH_API_KEY. A given client reports failed runs to its
            own `tracing_error_callback` only.
        with_calls: True to send the model calls as child runs; without them the root run has the tokens.
        progress: Called after each batch.

    Returns:
        URL of the page that compares the experiments; the id of the data set if the client has no URL.

    Raises:
        EvaluationError: If there is no API key, a result has no question or is repeated, a name is empty, or LangSmith
            rejects the export. API keys are redacted.
    """
    asked = _checked(results, questions, dataset_name=dataset_name, experiment_prefix=experiment_prefix)
    by_method: dict[str, list[Result]] = {}
    for result in results:
        by_method.setdefault(result["method"], []).append(result)
    with _sender(client) as sender, _redacted_errors(sender.client):
        dataset = _dataset(sender.client, dataset_name)
        examples = _add_examples(sender.client, dataset, list(asked.values()))
        sessions, sent = [], 0
        for method, rows in by_method.items():
            name = f"{experiment_prefix}-{method}-{_digest(rows)}"
            session = _session(sender.client, dataset, name, method, len(rows))
            sessions.append(session)
            for batch in _batches(rows):
                for row in batch:
                    root = _RootRun(sender.client, row, asked[row["question"]], session)
                    root.send(examples[row["question"]], with_calls=with_calls)
                sender.wait()
                sent += len(batch)
                if progress is not None:
                    progress(sent, len(results))
    return _url(dataset, sessions)


@dataclass(frozen=True, slots=True)
class _RootRun:
    """The root run of one result, its child runs and its feedback."""

    client: "Client"
    result: Result
    question: Question
    session: "TracerSession"

    @property
    def start(self) -> datetime:
        return self.session.start_time

    @property
    def id(self) -> uuid.UUID:
        return _run_id(self.start, self.session.id, self.question.id)

    def send(self, example: uuid.UUID, *, with_calls: bool) -> None:
        """Add the runs and the feedback to the queue of the client."""
        calls = self.result["spent"] if with_calls else []
        self._send_root(example, usage={} if calls else {"usage_metadata": _usage(self.result)})
        for number, call in enumerate(calls):
            self._send_call(number, call)
        for key, score in _scores(self.result).items():
            self.client.create_feedback(
                self.id,
                key,
                score=score,
                trace_id=self.id,
                session_id=self.session.id,
                start_time=self.start,
                feedback_id=uuid.uuid5(self.id, key),
            )

    def _send_root(self, example: uuid.UUID, *, usage: Mapping[str, Any]) -> None:
        result, recorded = self.result, self.question.outputs.get(self.result["chosen"] or "")
        text = recorded.text if result["text"] is None and recorded is not None else result["text"]
        facts = {name: result[name] for name in ("fold", "category", "calls", "first_token_s", "stand_in")}
        seconds = result["seconds"] or max((call["ended_s"] for call in result["spent"]), default=0.0)
        self.client.create_run(
            result["method"],
            {"question": self.question.text},
            "llm" if usage else "chain",  # LangSmith counts the tokens of model runs only
            id=self.id,
            trace_id=self.id,
            dotted_order=_dotted(self.start, self.id),
            project_name=self.session.name,
            reference_example_id=example,
            start_time=self.start,
            end_time=self.start + timedelta(seconds=seconds),
            outputs={"answer": text, "short": result["answer"], "chosen": result["chosen"]},
            error=result["error"] or None,
            extra={"metadata": {"question": self.question.id, **facts, **usage}},
        )

    def _send_call(self, number: int, call: ModelCall) -> None:
        start = self.start + timedelta(seconds=call["began_s"])
        run_id = _run_id(start, self.id, str(number))
        self.client.create_run(
            call["candidate"],
            {},
            "llm",
            id=run_id,
            trace_id=self.id,
            parent_run_id=self.id,
            dotted_order=f"{_dotted(self.start, self.id)}.{_dotted(start, run_id)}",
            project_name=self.session.name,
            start_time=start,
            end_time=self.start + timedelta(seconds=call["ended_s"]),
            outputs={},
            tags=[call["stage"]],
            extra={"metadata": {"stage": call["stage"], "stopped": call["stopped"], "usage_metadata": _usage(call)}},
        )


@dataclass(frozen=True, slots=True)
class _Sender:
    """A client and the errors of its sender thread."""

    client: "Client"
    failures: list[Exception] = field(default_factory=list)

    def wait(self) -> None:
        """Wait until the queue is empty; raise the error of a failed run."""
        self.client.flush(timeout=ARRIVAL_S)
        if self.failures:
            raise self.failures[0]
        if self.client.tracing_queue is not None and self.client.tracing_queue.unfinished_tasks:
            msg = f"LangSmith did not accept {BATCH} runs within {ARRIVAL_S:.0f} seconds"
            raise EvaluationError(msg)


@contextmanager
def _sender(client: "Client | None") -> Iterator[_Sender]:
    if client is not None:
        yield _Sender(client)
        return
    from langsmith import Client  # noqa: PLC0415 - a tenth of a second to import

    if not (key := _variable(KEYS)):
        raise EvaluationError("an export to LangSmith needs an API key: set LANGSMITH_API_KEY, or pass a client")
    failures: list[Exception] = []
    own = Client(
        _variable(ENDPOINTS),
        api_key=key,
        tracing_sampling_rate=1.0,  # a sampled experiment would look complete
        tracing_error_callback=failures.append,
    )
    try:
        yield _Sender(own, failures)
    finally:
        own.cleanup()


def _variable(names: Sequence[str]) -> str | None:
    """Return the first set environment variable; LangSmith's own function caches earlier values."""
    return next((value for name in names if (value := os.environ.get(name, "").strip())), None)


@contextmanager
def _redacted_errors(client: "Client") -> Iterator[None]:
    from langsmith.utils import LangSmithError  # noqa: PLC0415
    from requests import RequestException  # noqa: PLC0415 - not wrapped by the client

    try:
        yield
    except (LangSmithError, RequestException) as exc:
        text = redact(" ".join(str(exc).split()), [client.api_key or "", *secrets_of(client)])
        msg = f"LangSmith at {redact(client.api_url)} did not accept the export: {text}"
        raise EvaluationError(msg) from None  # the original error may show a part of the key


def _checked(results: Sequence[Result], questions: Sequence[Question], **names: str) -> dict[str, Question]:
    """Return the questions with a result by id, in their order; raise for invalid input."""
    for name, value in names.items():
        if not value.strip():
            msg = f"{name} is empty"
            raise EvaluationError(msg)
    if not results:
        raise EvaluationError("there are no results to export")
    seen: set[tuple[str, str]] = set()
    known = {question.id for question in questions}
    for result in results:
        pair = result["question"], result["method"]
        if pair[0] not in known or pair in seen:
            what = "is there twice" if pair in seen else "has no such question"
            msg = f"the result of {pair[1]!r} for question {pair[0]!r} {what}"
            raise EvaluationError(msg)
        seen.add(pair)
    answered = {result["question"] for result in results}
    return {question.id: question for question in questions if question.id in answered}


def _batches(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (rows[start : start + BATCH] for start in range(0, len(rows), BATCH))


def _dataset(client: "Client", name: str) -> "Dataset":
    if client.has_dataset(dataset_name=name):
        dataset: Dataset = client.read_dataset(dataset_name=name)
        return dataset
    return client.create_dataset(name, description="Questions of a LightRouter evaluation.")


def _add_examples(client: "Client", dataset: "Dataset", questions: Sequence[Question]) -> dict[str, uuid.UUID]:
    """Add the missing examples; a question with a changed text or reference is another example."""
    ids = {q.id: uuid.uuid5(dataset.id, json.dumps([q.id, q.text, q.reference])) for q in questions}
    existing = {example.id for example in client.list_examples(dataset_id=dataset.id)}
    for batch in _batches([question for question in questions if ids[question.id] not in existing]):
        client.create_examples(dataset_id=dataset.id, examples=[_example(ids[q.id], q) for q in batch])
    return ids


def _example(example_id: uuid.UUID, question: Question) -> dict[str, Any]:
    return {
        "id": example_id,
        "inputs": {"question": question.text},
        "reference_outputs": {} if question.reference is None else {"answer": question.reference},
        "metadata": {"question": question.id, "category": question.category},
    }


def _session(client: "Client", dataset: "Dataset", name: str, method: str, count: int) -> "TracerSession":
    if client.has_project(name):
        project: TracerSession = client.read_project(project_name=name)
        return project
    return client.create_project(
        name,
        reference_dataset_id=dataset.id,
        metadata={"method": method, "made_with": "lightrouter-graph"},
        num_examples=count,
        evaluator_keys=["quality"],
    )


def _digest(rows: Sequence[Result]) -> str:
    ordered = sorted(rows, key=lambda row: row["question"])
    return hashlib.sha256(json.dumps(ordered, sort_keys=True).encode()).hexdigest()[:8]


def _run_id(start: datetime, within: uuid.UUID, name: str) -> uuid.UUID:
    """Return a version 7 UUID, as LangSmith requires for runs; equal arguments give equal ids."""
    stamp = int(start.timestamp() * 1000).to_bytes(6, "big")
    rest = bytearray(hashlib.sha256(_NAMESPACE.bytes + within.bytes + name.encode()).digest()[:10])
    rest[0], rest[2] = 0x70 | rest[0] & 0x0F, 0x80 | rest[2] & 0x3F  # RFC 9562, sections 4.1, 4.2 and 5.7
    return uuid.UUID(bytes=stamp + bytes(rest))


def _dotted(start: datetime, run_id: uuid.UUID) -> str:
    return f"{start:%Y%m%dT%H%M%S%fZ}{run_id}"


def _usage(spent: Result | ModelCall) -> dict[str, Any]:
    read, written = spent["input_tokens"], spent["output_tokens"]
    usage: dict[str, Any] = {"input_tokens": read, "output_tokens": written, "total_tokens": read + written}
    return usage if spent["usd"] is None else usage | {"total_cost": spent["usd"]}


def _scores(result: Result) -> dict[str, float]:
    values = {
        "quality": result["score"],
        "tokens": result["input_tokens"] + result["output_tokens"],
        "usd_per_1000": None if result["usd"] is None else result["usd"] * 1000,
        "seconds": result["seconds"],
    }
    return {key: value for key, value in values.items() if value is not None}


def _url(dataset: "Dataset", sessions: Sequence["TracerSession"]) -> str:
    """Return the page that compares the experiments, as `langsmith.evaluate` prints it."""
    url = sessions[0].url
    if not url:
        return str(dataset.id)
    selected = "%2C".join(str(session.id) for session in sessions)
    return f"{url.partition('/projects/p/')[0]}/datasets/{dataset.id}/compare?selectedSessions={selected}"

"""A run as experiments in LangSmith: one data set of its questions, one experiment per method.

Optional: nothing is sent unless somebody calls `export` with a key in the environment or a client of his own. All ids
follow from what is exported, so that an export that broke off is repeated without doubling anything.

Source: the data model of LangSmith's own evaluations (https://docs.langchain.com/langsmith/evaluation-concepts): an
experiment is a project with a reference data set, its root runs name the example they answer, scores are feedback.
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
"""Results, or examples, that are sent before anybody waits for them to have arrived."""

ARRIVAL_S = 300.0
"""Seconds after which a batch is given up; a client whose sending thread died would wait for ever."""

KEYS = ("LANGSMITH_API_KEY", "LANGCHAIN_API_KEY")
ENDPOINTS = ("LANGSMITH_ENDPOINT", "LANGCHAIN_ENDPOINT")

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://pypi.org/project/lightrouter-graph/")

Progress = Callable[[int, int], None]
"""Called with how many results have arrived, and how many there are."""


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

    The data set gets an example for each question that a result names, unless it has it; each method gets an
    experiment `<prefix>-<method>-<digest of its results>` with a root run per question and the feedback `quality` (0 to
    1), `tokens` (read and written), `usd_per_1000` (US dollars per 1,000 questions: LangSmith keeps four decimals) and
    `seconds`, each where it is known. All runs begin when their experiment began and last as long as they did,
    measured or simulated. Equal results find their experiment again, and are written to it under the same ids.

    Args:
        results: One for each question and method.
        questions: Those that the results name, and any others; their recorded outputs are the text of results that
            have none of their own.
        dataset_name: The data set in LangSmith; made if there is none of that name.
        experiment_prefix: What the names of the experiments begin with.
        client: Where to send to; None = a client with the key from LANGSMITH_API_KEY. A client of the caller's tells
            failures to send runs to its own `tracing_error_callback` alone, as with any trace.
        with_calls: Whether the model calls of a result become runs below its own. Without them its own run tells the
            tokens.
        progress: Called after each batch.

    Returns:
        The address of the page that compares the experiments; the id of the data set where the client knows no address.

    Raises:
        EvaluationError: If there is no key, a result names no question or is there twice, a name is empty, or LangSmith
            refuses. Keys are struck from what it says.
    """
    asked = _checked(results, questions, dataset_name=dataset_name, experiment_prefix=experiment_prefix)
    by_method = _by_method(results)
    with _sender(client) as sender, _in_our_words(sender.client):
        dataset = _dataset(sender.client, dataset_name)
        examples = _add_examples(sender.client, dataset, list(asked.values()))
        sessions = []
        progressed = _counting(progress, len(results))
        for method, rows in by_method.items():
            name = f"{experiment_prefix}-{method}-{_digest(rows)}"
            session = _session(sender.client, dataset, name, method, len(rows))
            sessions.append(session)
            for batch in _batches(rows):
                for row in batch:
                    answered = _Answered(row, asked[row["question"]], session, with_calls=with_calls)
                    answered.send(sender.client, examples[row["question"]])
                sender.arrive()
                progressed(len(batch))
    return _address(dataset, sessions)


@dataclass(frozen=True, slots=True)
class _Answered:
    """One result on its way to an experiment."""

    result: Result
    question: Question
    session: "TracerSession"
    with_calls: bool

    @property
    def begin(self) -> datetime:
        return self.session.start_time

    @property
    def run_id(self) -> uuid.UUID:
        return _run_id(self.begin, self.session.id, self.question.id)

    def send(self, client: "Client", example: uuid.UUID) -> None:
        """Put the run, those of its calls, and the feedback into the client's queue."""
        calls = self.result["spent"] if self.with_calls else []
        self._send_run(client, example, usage=None if calls else _usage(self.result))
        for number, call in enumerate(calls):
            self._send_call(client, number, call)
        for key, score in _scores(self.result).items():
            client.create_feedback(
                self.run_id,
                key,
                score=score,
                trace_id=self.run_id,
                session_id=self.session.id,
                start_time=self.begin,
                feedback_id=uuid.uuid5(self.run_id, key),
            )

    def _send_run(self, client: "Client", example: uuid.UUID, *, usage: Mapping[str, Any] | None) -> None:
        result = self.result
        told = {name: result[name] for name in ("fold", "category", "calls", "first_token_s", "stand_in")}
        metadata = {"question": self.question.id, **told, **({"usage_metadata": usage} if usage else {})}
        client.create_run(
            result["method"],
            {"question": self.question.text},
            "llm" if usage else "chain",  # LangSmith counts the tokens of runs of models alone
            id=self.run_id,
            trace_id=self.run_id,
            dotted_order=_dotted(self.begin, self.run_id),
            project_name=self.session.name,
            reference_example_id=example,
            start_time=self.begin,
            end_time=self.begin + timedelta(seconds=_length(result)),
            outputs={"answer": _text(result, self.question), "short": result["answer"], "chosen": result["chosen"]},
            error=result["error"] or None,
            extra={"metadata": metadata},
        )

    def _send_call(self, client: "Client", number: int, call: ModelCall) -> None:
        begin = self.begin + timedelta(seconds=call["began_s"])
        run_id = _run_id(begin, self.run_id, str(number))
        client.create_run(
            call["candidate"],
            {},
            "llm",
            id=run_id,
            trace_id=self.run_id,
            parent_run_id=self.run_id,
            dotted_order=f"{_dotted(self.begin, self.run_id)}.{_dotted(begin, run_id)}",
            project_name=self.session.name,
            start_time=begin,
            end_time=self.begin + timedelta(seconds=call["ended_s"]),
            outputs={},
            tags=[call["stage"]],
            extra={"metadata": {"stage": call["stage"], "stopped": call["stopped"], "usage_metadata": _usage(call)}},
        )


@dataclass(frozen=True, slots=True)
class _Sender:
    """A client, and what it failed to send."""

    client: "Client"
    failures: list[Exception] = field(default_factory=list)

    def arrive(self) -> None:
        """Wait until all that was queued has arrived, or say why it did not."""
        self.client.flush(timeout=ARRIVAL_S)
        if self.failures:
            raise self.failures[0]
        if self.client.tracing_queue is not None and self.client.tracing_queue.unfinished_tasks:
            msg = f"LangSmith did not take {BATCH} runs within {ARRIVAL_S:.0f} seconds"
            raise EvaluationError(msg)


@contextmanager
def _sender(client: "Client | None") -> Iterator[_Sender]:
    if client is not None:
        yield _Sender(client)
        return
    from langsmith import Client  # noqa: PLC0415 - a tenth of a second to import

    failures: list[Exception] = []
    own = Client(
        _variable(ENDPOINTS),
        api_key=_key(),
        tracing_sampling_rate=1.0,  # an experiment with a sample of its runs would look like a whole one
        tracing_error_callback=failures.append,
    )
    try:
        yield _Sender(own, failures)
    finally:
        own.cleanup()


def _key() -> str:
    if key := _variable(KEYS):
        return key
    raise EvaluationError("an export to LangSmith needs a key: set LANGSMITH_API_KEY, or pass a client")


def _variable(names: Sequence[str]) -> str | None:
    """Look at the environment as it is now: LangSmith's own reading remembers what it was."""
    return next((value for name in names if (value := os.environ.get(name, "").strip())), None)


@contextmanager
def _in_our_words(client: "Client") -> Iterator[None]:
    from langsmith.utils import LangSmithError  # noqa: PLC0415
    from requests import RequestException  # noqa: PLC0415 - what the client lets through

    try:
        yield
    except (LangSmithError, RequestException) as exc:
        said = redact(" ".join(str(exc).split()), [client.api_key or "", *secrets_of(client)])
        msg = f"LangSmith at {redact(client.api_url)} did not take the export: {said}"
        raise EvaluationError(msg) from None  # what LangSmith raised may show a part of the key


def _checked(results: Sequence[Result], questions: Sequence[Question], **names: str) -> dict[str, Question]:
    """Return the questions that are answered, by id, in their order."""
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


def _by_method(results: Sequence[Result]) -> dict[str, list[Result]]:
    methods: dict[str, list[Result]] = {}
    for result in results:
        methods.setdefault(result["method"], []).append(result)
    return methods


def _counting(progress: Progress | None, total: int) -> Callable[[int], None]:
    sent = 0

    def count(more: int) -> None:
        nonlocal sent
        sent += more
        if progress is not None:
            progress(sent, total)

    return count


def _batches(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (rows[start : start + BATCH] for start in range(0, len(rows), BATCH))


def _dataset(client: "Client", name: str) -> "Dataset":
    if client.has_dataset(dataset_name=name):
        there: Dataset = client.read_dataset(dataset_name=name)
        return there
    return client.create_dataset(name, description="Questions of a LightRouter evaluation.")


def _add_examples(client: "Client", dataset: "Dataset", questions: Sequence[Question]) -> dict[str, uuid.UUID]:
    """Add what the data set lacks; a question whose text or reference changed is another example."""
    ids = {question.id: _example_id(dataset.id, question) for question in questions}
    there = {example.id for example in client.list_examples(dataset_id=dataset.id)}
    for batch in _batches([question for question in questions if ids[question.id] not in there]):
        client.create_examples(dataset_id=dataset.id, examples=[_example(ids[q.id], q) for q in batch])
    return ids


def _example(example_id: uuid.UUID, question: Question) -> dict[str, Any]:
    return {
        "id": example_id,
        "inputs": {"question": question.text},
        "reference_outputs": {} if question.reference is None else {"answer": question.reference},
        "metadata": {"question": question.id, "category": question.category},
    }


def _example_id(dataset_id: uuid.UUID, question: Question) -> uuid.UUID:
    return uuid.uuid5(dataset_id, json.dumps([question.id, question.text, question.reference]))


def _session(client: "Client", dataset: "Dataset", name: str, method: str, count: int) -> "TracerSession":
    if client.has_project(name):
        there: TracerSession = client.read_project(project_name=name)
        return there
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


def _run_id(begin: datetime, within: uuid.UUID, name: str) -> uuid.UUID:
    """Make a version 7 UUID, as LangSmith wants them for runs, that is the same after the same."""
    stamp = int(begin.timestamp() * 1000).to_bytes(6, "big")
    rest = bytearray(hashlib.sha256(_NAMESPACE.bytes + within.bytes + name.encode()).digest()[:10])
    rest[0], rest[2] = 0x70 | rest[0] & 0x0F, 0x80 | rest[2] & 0x3F  # RFC 9562, sections 4.1, 4.2 and 5.7
    return uuid.UUID(bytes=stamp + bytes(rest))


def _dotted(begin: datetime, run_id: uuid.UUID) -> str:
    return f"{begin:%Y%m%dT%H%M%S%fZ}{run_id}"


def _length(result: Result) -> float:
    return result["seconds"] or max((call["ended_s"] for call in result["spent"]), default=0.0)


def _text(result: Result, question: Question) -> str | None:
    """Return the answer; the recorded output of the chosen candidate where the result has no text of its own."""
    recorded = question.outputs.get(result["chosen"] or "")
    return recorded.text if result["text"] is None and recorded is not None else result["text"]


def _usage(spent: Result | ModelCall) -> dict[str, Any]:
    read, written = spent["input_tokens"], spent["output_tokens"]
    usage: dict[str, Any] = {"input_tokens": read, "output_tokens": written, "total_tokens": read + written}
    return usage if spent["usd"] is None else usage | {"total_cost": spent["usd"]}


def _scores(result: Result) -> dict[str, float]:
    usd = result["usd"]
    figures = {
        "quality": result["score"],
        "tokens": result["input_tokens"] + result["output_tokens"],
        "usd_per_1000": None if usd is None else usd * 1000,
        "seconds": result["seconds"],
    }
    return {key: figure for key, figure in figures.items() if figure is not None}


def _address(dataset: "Dataset", sessions: Sequence["TracerSession"]) -> str:
    """Return the page that compares the experiments, as `langsmith.evaluation` writes it for one."""
    url = sessions[0].url
    if not url:
        return str(dataset.id)
    selected = "%2C".join(str(session.id) for session in sessions)
    return f"{url.partition('/projects/p/')[0]}/datasets/{dataset.id}/compare?selectedSessions={selected}"

"""Exports a run to LangSmith: one data set with its questions, one experiment per method.

Nothing is sent unless `export` is called with a client or with an API key in the environment. Names and ids are derived
from the exported content, so that a repeated or interrupted export creates no duplicates.

Source: https://docs.langchain.com/langsmith/upload-existing-experiments, LangSmith's endpoint for results of other
evaluation tools. `langsmith.evaluate` would run the methods again and measure the time of the export.
"""

import hashlib
import json
import os
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.questions import Question
from lightrouter_graph.evaluation.records import Result
from lightrouter_graph.redaction import redact, secrets_of

if TYPE_CHECKING:
    from langsmith import Client
    from langsmith.schemas import TracerSession

KEYS = ("LANGSMITH_API_KEY", "LANGCHAIN_API_KEY")
ENDPOINTS = ("LANGSMITH_ENDPOINT", "LANGCHAIN_ENDPOINT")
ATTEMPTS = 3

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://pypi.org/project/lightrouter-graph/")
_METADATA = ("fold", "category", "calls", "input_tokens", "output_tokens", "first_token_s", "stand_in")

Progress = Callable[[int, int], None]
"""Function (results sent, results in total), called after each method."""


def export(
    results: Sequence[Result],
    questions: Sequence[Question],
    *,
    dataset_name: str,
    experiment_prefix: str,
    client: "Client | None" = None,
    progress: Progress | None = None,
) -> str:
    """Send results to LangSmith.

    Each method is an experiment `<prefix>-<method>-<digest of its results>` with a row per question and the scores
    `quality` (0 to 1), `tokens` (input and output), `usd_per_1000` (USD per 1,000 questions, because LangSmith stores
    four decimals) and `seconds`, each if it is known. An experiment that exists is not sent again.

    Args:
        results: One result per question and method.
        questions: The questions; their recorded outputs are the texts of results without an own text.
        dataset_name: Name of the data set in LangSmith; created by the first export.
        experiment_prefix: Prefix of the names of the experiments.
        client: The client; None for one with the key from LANGSMITH_API_KEY.
        progress: Called after each method.

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
    with _client(client) as langsmith, _redacted_errors(langsmith):
        sessions, sent = [], 0
        for method, rows in by_method.items():
            name = f"{experiment_prefix}-{method}-{_digest(rows)}"
            if not langsmith.has_project(name):
                body = {"experiment_name": name, "dataset_name": dataset_name, **_experiment(method, rows, asked)}
                langsmith.request_with_retries(
                    "POST", "/datasets/upload-experiment", stop_after_attempt=ATTEMPTS, data=json.dumps(body).encode()
                )
            sessions.append(langsmith.read_project(project_name=name))
            sent += len(rows)
            if progress is not None:
                progress(sent, len(results))
    return _url(sessions)


def _experiment(method: str, rows: Sequence[Result], asked: Mapping[str, Question]) -> dict[str, Any]:
    start = datetime.now(UTC)
    results = [_row(row, asked[row["question"]], start) for row in rows]
    return {
        "experiment_metadata": {"method": method, "made_with": "lightrouter-graph"},
        "dataset_description": "Questions of a LightRouter evaluation.",
        "experiment_start_time": start.isoformat(),
        "experiment_end_time": max(result["end_time"] for result in results),
        "results": results,
    }


def _row(result: Result, question: Question, start: datetime) -> dict[str, Any]:
    """Return one row; it starts with its experiment and has its measured or simulated duration."""
    recorded = question.outputs.get(result["chosen"] or "")
    text = recorded.text if result["text"] is None and recorded is not None else result["text"]
    seconds = result["seconds"] or max((call["ended_s"] for call in result["spent"]), default=0.0)
    facts: Mapping[str, Any] = result
    return {
        "row_id": str(uuid.uuid5(_NAMESPACE, json.dumps([question.id, question.text, question.reference]))),
        "run_name": result["method"],
        "inputs": {"question": question.text},
        "expected_outputs": {} if question.reference is None else {"answer": question.reference},
        "actual_outputs": {"answer": text, "short": result["answer"], "chosen": result["chosen"]},
        "evaluation_scores": [{"key": key, "score": score} for key, score in _scores(result).items()],
        "start_time": start.isoformat(),
        "end_time": (start + timedelta(seconds=seconds)).isoformat(),
        "error": result["error"] or None,
        "run_metadata": {"question": question.id, **{name: facts[name] for name in _METADATA}},
    }


def _scores(result: Result) -> dict[str, float]:
    values = {
        "quality": result["score"],
        "tokens": result["input_tokens"] + result["output_tokens"],
        "usd_per_1000": None if result["usd"] is None else result["usd"] * 1000,
        "seconds": result["seconds"],
    }
    return {key: value for key, value in values.items() if value is not None}


@contextmanager
def _client(client: "Client | None") -> "Iterator[Client]":
    if client is not None:
        yield client
        return
    from langsmith import Client  # noqa: PLC0415 - a tenth of a second to import

    # LangSmith's own reader of the environment caches earlier values.
    read = os.environ.get
    key, endpoint = (next((v for n in names if (v := read(n, "").strip())), None) for names in (KEYS, ENDPOINTS))
    if not key:
        raise EvaluationError("an export to LangSmith needs an API key: set LANGSMITH_API_KEY, or pass a client")
    own = Client(endpoint, api_key=key, auto_batch_tracing=False)
    try:
        yield own
    finally:
        own.cleanup()


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
    for name, value in names.items():
        if not value.strip():
            msg = f"{name} is empty"
            raise EvaluationError(msg)
    if not results:
        raise EvaluationError("there are no results to export")
    seen: set[tuple[str, str]] = set()
    known = {question.id: question for question in questions}
    for result in results:
        pair = result["question"], result["method"]
        if pair[0] not in known or pair in seen:
            what = "is there twice" if pair in seen else "has no such question"
            msg = f"the result of {pair[1]!r} for question {pair[0]!r} {what}"
            raise EvaluationError(msg)
        seen.add(pair)
    return known


def _digest(rows: Sequence[Result]) -> str:
    ordered = sorted(rows, key=lambda row: row["question"])
    return hashlib.sha256(json.dumps(ordered, sort_keys=True).encode()).hexdigest()[:8]


def _url(sessions: Sequence["TracerSession"]) -> str:
    """Return the page that compares the experiments, as `langsmith.evaluate` prints it."""
    dataset, url = sessions[0].reference_dataset_id, sessions[0].url
    if not url:
        return str(dataset)
    selected = "%2C".join(str(session.id) for session in sessions)
    return f"{url.partition('/projects/p/')[0]}/datasets/{dataset}/compare?selectedSessions={selected}"

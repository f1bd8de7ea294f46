"""Index of recorded model outputs by question."""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from langchain_core.messages import AIMessage

from lightrouter_graph.testing.jsonl import read_json_lines
from lightrouter_graph.testing.server.timed_response import CandidateReply


class Recording(NamedTuple):
    """One question, white space normalised, and the output of each model."""

    question: str
    outputs: Mapping[str, CandidateReply]


class Recordings:
    """Read-only set of recordings, indexed by question.

    Args:
        source: A `.jsonl` or `.jsonl.gz` file, or the records. Only the keys "question" and "outputs" are read. An
            output is a string, or a mapping with "text", "tool_calls" as in `AIMessage`, or both. The last record
            of a question replaces earlier ones. File sizes are limited, see `jsonl`.

    Raises:
        ValueError: If the file cannot be read or a record is invalid; names the line or the record number.
    """

    def __init__(self, source: str | Path | Iterable[Mapping[str, Any]]) -> None:
        self._by_question = {recording.question: recording for recording in _parse_all(source)}
        self._longest_first = sorted(self._by_question.values(), key=lambda r: len(r.question), reverse=True)
        self.models = sorted({model for r in self._by_question.values() for model in r.outputs})
        # All candidates get the same question, so most look-ups repeat a recent one.
        self._find = lru_cache(maxsize=256)(self._search)

    def __len__(self) -> int:
        return len(self._by_question)

    def find(self, texts: Iterable[str]) -> Recording | None:
        """Return the recording of the first text that equals or contains a recorded question; None without one.

        Args:
            texts: Texts to search in. Of several questions in one text the longest is taken.
        """
        return next((found for found in map(self._find, texts) if found), None)

    def _search(self, text: str) -> Recording | None:
        text = normalise(text)
        if exact := self._by_question.get(text):
            return exact
        return next((recording for recording in self._longest_first if recording.question in text), None)


def normalise(text: str) -> str:
    """Replace each run of white space by one blank and strip the ends.

    Args:
        text: Text of a message.
    """
    return " ".join(text.split())


def _parse_all(source: str | Path | Iterable[Mapping[str, Any]]) -> Iterator[Recording]:
    if isinstance(source, str | Path):
        located: Iterable[tuple[str, Any]] = read_json_lines(Path(source))
    else:
        located = ((f"record {number}", record) for number, record in enumerate(source, 1))
    for place, record in located:
        try:
            yield _parse(record)
        except (KeyError, TypeError, AttributeError, ValueError) as exc:
            needed = 'a record needs "question" and "outputs", a mapping of model name to {"text": ...}'
            msg = f"{place}: {needed} ({_explain(exc)}), got {str(record)[:200]}"
            raise ValueError(msg) from exc


def _parse(record: Mapping[str, Any]) -> Recording:
    question = normalise(_text(record["question"]))
    if not question:
        raise ValueError("the question is empty")
    return Recording(question, {_text(model): _parse_output(output) for model, output in record["outputs"].items()})


def _parse_output(output: str | Mapping[str, Any]) -> CandidateReply:
    if isinstance(output, str):
        return output
    if calls := output.get("tool_calls"):
        return AIMessage(_text(output.get("text") or ""), tool_calls=calls)
    return _text(output["text"])


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    msg = f"expected a string, got {str(value)[:50]!r}"
    raise TypeError(msg)


def _explain(exc: Exception) -> str:
    return f"{exc} is missing" if isinstance(exc, KeyError) else str(exc).splitlines()[0]

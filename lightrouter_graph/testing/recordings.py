"""Recorded outputs of models, found by the question they answer."""

import gzip
import json
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from langchain_core.messages import AIMessage

from lightrouter_graph.testing.deltas import Said

_ANCHOR = 24
"""Questions are looked up by their last characters; shorter ones one by one."""


class Recording(NamedTuple):
    """One question, white space normalised, and what each model said to it."""

    question: str
    outputs: Mapping[str, Said]


class Recordings:
    """A set of recordings with quick look-up, built once and then only read.

    Args:
        source: A `.jsonl` or `.jsonl.gz` file, or the records themselves. Of a record only "question" and
            "outputs" are read; an output is a text or a mapping with a "text", "tool_calls" as in `AIMessage`, or
            both. Of two records with the same question the later holds.
    """

    def __init__(self, source: str | Path | Iterable[Mapping[str, Any]]) -> None:
        records = _read(Path(source)) if isinstance(source, str | Path) else source
        self._by_question = {recording.question: recording for recording in map(_parse, records)}
        self._short = [r for q, r in self._by_question.items() if len(q) < _ANCHOR]
        self._by_anchor: dict[str, list[Recording]] = {}
        for question, recording in self._by_question.items():
            if len(question) >= _ANCHOR:
                self._by_anchor.setdefault(question[-_ANCHOR:], []).append(recording)
        self.models = sorted({model for r in self._by_question.values() for model in r.outputs})
        # All candidates are asked the same thing, so most look-ups repeat the last few.
        self._find = lru_cache(maxsize=256)(self._search)

    def __len__(self) -> int:
        return len(self._by_question)

    def find(self, texts: Iterable[str]) -> Recording | None:
        """Find the first text that equals, else contains, a known question; the longest one it contains."""
        return next((found for found in map(self._find, texts) if found), None)

    def _search(self, text: str) -> Recording | None:
        text = normalise(text)
        if exact := self._by_question.get(text):
            return exact
        return max(self._contained(text), key=lambda recording: len(recording.question), default=None)

    def _contained(self, text: str) -> Iterator[Recording]:
        for start in range(len(text) - _ANCHOR + 1):
            for recording in self._by_anchor.get(text[start : start + _ANCHOR], ()):
                if text.endswith(recording.question, 0, start + _ANCHOR):
                    yield recording
        yield from (recording for recording in self._short if recording.question in text)


def normalise(text: str) -> str:
    """Make every run of white space one blank, with none at the ends."""
    return " ".join(text.split())


def _read(path: Path) -> Iterator[Mapping[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                yield json.loads(line)
            except json.JSONDecodeError as exc:
                msg = f"{path}, line {number}: not JSON ({exc})"
                raise ValueError(msg) from exc


def _parse(record: Mapping[str, Any]) -> Recording:
    try:
        question = normalise(record["question"])
        outputs = {model: _parse_output(output) for model, output in record["outputs"].items()}
    except (KeyError, TypeError, AttributeError, ValueError) as exc:
        msg = f'a record needs "question" and "outputs" of model -> {{"text": ...}}, got {str(record)[:200]}'
        raise ValueError(msg) from exc
    if not question:
        raise ValueError("a record has an empty question")
    return Recording(question, outputs)


def _parse_output(output: str | Mapping[str, Any]) -> Said:
    if isinstance(output, str):
        return output
    if calls := output.get("tool_calls"):
        return AIMessage(output.get("text") or "", tool_calls=calls)
    return str(output["text"])

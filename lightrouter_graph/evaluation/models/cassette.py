"""`calls.jsonl`: every reply of a live model, so that it is paid for once and can be played again without a key."""

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from typing_extensions import TypedDict

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.jsonl_log import append_lines, read_lines
from lightrouter_graph.redaction import redact
from lightrouter_graph.testing.tokens import count_tokens

_CAPS = ("max_tokens", "max_completion_tokens", "max_output_tokens", "num_predict")
_ENDS = ("finish_reason", "stop_reason", "done_reason", "model_name")


class Take(TypedDict):
    """One reply on the tape, or one that was stopped: then it has no text, and `seconds` is how long it ran.

    `usage` is of what was written by then. `ttft_s` is None where the reply was not streamed.
    """

    key: str
    candidate: str
    text: str | None
    ended: dict[str, Any]
    usage: UsageMetadata | None
    ttft_s: float | None
    seconds: float


class Asked(NamedTuple):
    """What a reply depends on, whatever names a provider has for it."""

    candidate: str
    messages: Sequence[BaseMessage]
    cap: int | None
    stop: Sequence[str]
    sample: int

    @property
    def key(self) -> str:
        """The digest under which the reply is kept."""
        told = [[m.type, m.text, getattr(m, "tool_calls", []), getattr(m, "name", None)] for m in self.messages]
        whole = [self.candidate, told, self.cap, list(self.stop), self.sample]
        return hashlib.sha256(json.dumps(whole, ensure_ascii=False, default=str).encode()).hexdigest()[:32]


def cap_of(model: object, kwargs: Mapping[str, Any]) -> int | None:
    """Return the cap on the output, under whichever name it travels."""
    body = kwargs.get("extra_body") or {}
    given = [kwargs.get(name) for name in _CAPS] + [body.get(name) for name in _CAPS]
    own = [getattr(model, name, None) for name in _CAPS]
    return next((cap for cap in [*given, *own] if isinstance(cap, int)), None)


class Tape:
    """Keeps replies by what was asked; a reply is on the disk before anybody hears it.

    Args:
        path: The file; None to keep them in memory alone.

    Raises:
        EvaluationError: If the file holds anything else.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._takes: dict[str, Take] = {}
        self._turns: dict[str, asyncio.Lock] = {}
        self._wrote: dict[str, tuple[int, float]] = {}
        for take in read_lines(path, Take.__required_keys__, "a recorded call") if path is not None else ():
            self._hold(take)  # type: ignore[arg-type]

    def __len__(self) -> int:
        return sum(take["text"] is not None for take in self._takes.values())

    def find(self, key: str) -> Take | None:
        """Return what was replied, or that it was stopped; None for what was never asked."""
        return self._takes.get(key)

    def tokens_per_s(self, candidate: str) -> float:
        """Return how fast a candidate wrote its whole replies so far, waiting included; 0 without any."""
        written, seconds = self._wrote.get(candidate, (0, 0.0))
        return written / seconds if seconds > 0 else 0.0

    def turn(self, key: str) -> asyncio.Lock:
        """Let one at a time ask the same thing: the others find the reply."""
        return self._turns.setdefault(key, asyncio.Lock())

    def keep(
        self, asked: Asked, message: AIMessage, *, ttft_s: float | None, seconds: float, secrets: Sequence[str] = ()
    ) -> Take:
        """Write a reply down, without the secrets of the model.

        Raises:
            EvaluationError: If it calls tools: those are not kept.
        """
        if message.tool_calls:
            msg = f"{asked.candidate} called a tool; an evaluation keeps texts only"
            raise EvaluationError(msg)
        ended = {name: message.response_metadata[name] for name in _ENDS if name in message.response_metadata}
        take: Take = {
            "key": asked.key,
            "candidate": asked.candidate,
            "text": redact(str(message.text), secrets),
            "ended": ended,
            "usage": message.usage_metadata,
            "ttft_s": ttft_s,
            "seconds": seconds,
        }
        self._write(take)
        return take

    def keep_stopped(self, asked: Asked, seconds: float, usage: UsageMetadata | None = None) -> None:
        """Write down that the caller hung up after so many seconds, and what had been read and written by then."""
        if asked.key not in self._takes:
            none: Take = {
                "key": asked.key,
                "candidate": asked.candidate,
                "text": None,
                "ended": {},
                "usage": usage,
                "ttft_s": None,
                "seconds": seconds,
            }
            self._write(none)

    def _write(self, take: Take) -> None:
        if self._path is not None:
            append_lines(self._path, [take])
        self._hold(take)

    def _hold(self, take: Take) -> None:
        if take["text"] is not None or take["key"] not in self._takes:
            self._takes[take["key"]] = take
        if take["text"] is not None:
            tokens = count_tokens(take["text"]) if take["usage"] is None else take["usage"]["output_tokens"]
            written, seconds = self._wrote.get(take["candidate"], (0, 0.0))
            self._wrote[take["candidate"]] = written + tokens, seconds + take["seconds"]

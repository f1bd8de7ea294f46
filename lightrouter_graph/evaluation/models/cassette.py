"""Cassette: `calls.jsonl`, the append-only file with every response of the live models.

A response is paid for once and can be replayed without an API key. VCR.py and the caches of LangChain do not fit: they
store no timing, no cancelled calls and no samples, and their keys depend on the parameter names of the provider.
"""

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


class Recording(TypedDict):
    """One line of the cassette: a response, or a cancelled call.

    Attributes:
        text: Text of the response; None if the call was cancelled.
        ended: Finish reason and model name from the response metadata.
        usage: Tokens as the provider reported them; of a cancelled call, the tokens generated until then.
        ttft_s: Seconds to the first token; None if the response was not streamed.
    """

    key: str
    candidate: str
    text: str | None
    ended: dict[str, Any]
    usage: UsageMetadata | None
    ttft_s: float | None
    seconds: float


class Prompt(NamedTuple):
    """Everything that a response depends on, independent of the parameter names of the provider."""

    candidate: str
    messages: Sequence[BaseMessage]
    cap: int | None
    stop: Sequence[str]
    sample: int

    @property
    def key(self) -> str:
        """Digest of the prompt, 32 hexadecimal digits."""
        messages = [[m.type, m.text, getattr(m, "tool_calls", []), getattr(m, "name", None)] for m in self.messages]
        whole = [self.candidate, messages, self.cap, list(self.stop), self.sample]
        return hashlib.sha256(json.dumps(whole, ensure_ascii=False, default=str).encode()).hexdigest()[:32]


def cap_of(model: object, kwargs: Mapping[str, Any]) -> int | None:
    """Return the maximum output tokens of a call, by any provider's parameter name; default is the model's own."""
    body = kwargs.get("extra_body") or {}
    given = [kwargs.get(name) for name in _CAPS] + [body.get(name) for name in _CAPS]
    own = [getattr(model, name, None) for name in _CAPS]
    return next((cap for cap in [*given, *own] if isinstance(cap, int)), None)


class Cassette:
    """Recordings by the key of their prompt. A response is written to disk before it is returned.

    Args:
        path: The file; None to keep the recordings in memory. Another line than a recording is an `EvaluationError`.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._recordings: dict[str, Recording] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._generated: dict[str, tuple[int, float]] = {}
        for line in read_lines(path, Recording.__required_keys__, "a recorded call") if path is not None else ():
            self._store(line)  # type: ignore[arg-type]

    def __len__(self) -> int:
        return sum(recording["text"] is not None for recording in self._recordings.values())

    def find(self, key: str) -> Recording | None:
        """Return the recording of a prompt; None if it was never sent."""
        return self._recordings.get(key)

    def tokens_per_s(self, candidate: str) -> float:
        """Return the mean generation rate of a candidate over its complete responses, latency included; 0 if none."""
        tokens, seconds = self._generated.get(candidate, (0, 0.0))
        return tokens / seconds if seconds > 0 else 0.0

    def lock(self, key: str) -> asyncio.Lock:
        """Return the lock of a prompt: equal prompts are sent once, the other callers replay the response."""
        return self._locks.setdefault(key, asyncio.Lock())

    def record(
        self, prompt: Prompt, message: AIMessage, *, ttft_s: float | None, seconds: float, secrets: Sequence[str] = ()
    ) -> Recording:
        """Write a response to the cassette, which stores text only: tool calls are an `EvaluationError`.

        Args:
            prompt: The prompt.
            message: The response.
            ttft_s: Seconds to the first token; None if it was not streamed.
            seconds: Duration of the call.
            secrets: Strings that are replaced in the text.
        """
        if message.tool_calls:
            msg = f"{prompt.candidate} returned a tool call; a live evaluation records text only"
            raise EvaluationError(msg)
        ended = {name: message.response_metadata[name] for name in _ENDS if name in message.response_metadata}
        recording: Recording = {
            "key": prompt.key,
            "candidate": prompt.candidate,
            "text": redact(str(message.text), secrets),
            "ended": ended,
            "usage": message.usage_metadata,
            "ttft_s": ttft_s,
            "seconds": seconds,
        }
        self._write(recording)
        return recording

    def record_cancelled(self, prompt: Prompt, seconds: float, usage: UsageMetadata | None = None) -> None:
        """Write a call that was cancelled after some seconds to the cassette, unless the prompt has a recording."""
        if prompt.key not in self._recordings:
            name = prompt.candidate
            self._write(
                Recording(
                    key=prompt.key, candidate=name, text=None, ended={}, usage=usage, ttft_s=None, seconds=seconds
                )
            )

    def _write(self, recording: Recording) -> None:
        if self._path is not None:
            append_lines(self._path, [recording])
        self._store(recording)

    def _store(self, recording: Recording) -> None:
        text, usage = recording["text"], recording["usage"]
        if text is None:
            self._recordings.setdefault(recording["key"], recording)
            return
        self._recordings[recording["key"]] = recording
        tokens, seconds = self._generated.get(recording["candidate"], (0, 0.0))
        tokens += count_tokens(text) if usage is None else usage["output_tokens"]
        self._generated[recording["candidate"]] = tokens, seconds + recording["seconds"]
